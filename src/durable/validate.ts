import { ServiceError } from "../model/index.ts";
import { readFunctionName } from "./function-name.ts";
import type { Live } from "./live.ts";
import { durableLimits, type ErrorObject, type Operation, type OperationType } from "./records.ts";

export type OperationAction = "START" | "SUCCEED" | "FAIL" | "RETRY" | "CANCEL";

/** AWS's OperationUpdate; types, lengths and enumerations have been checked against the API model. */
export interface OperationUpdate {
  readonly Id: string;
  readonly ParentId?: string | undefined;
  readonly Name?: string | undefined;
  readonly Type: OperationType;
  readonly SubType?: string | undefined;
  readonly Action: OperationAction;
  readonly Payload?: string | undefined;
  readonly Error?: ErrorObject | undefined;
  readonly ContextOptions?: { readonly ReplayChildren?: boolean } | undefined;
  readonly StepOptions?: { readonly NextAttemptDelaySeconds?: number } | undefined;
  readonly WaitOptions?: { readonly WaitSeconds?: number } | undefined;
  readonly CallbackOptions?:
    | { readonly TimeoutSeconds?: number; readonly HeartbeatTimeoutSeconds?: number }
    | undefined;
  readonly ChainedInvokeOptions?:
    | { readonly FunctionName: string; readonly TenantId?: string; readonly XAmznTraceId?: string }
    | undefined;
}

export const invalid = (message: string): ServiceError => new ServiceError("InvalidParameterValueException", message);

const actions: Readonly<Record<OperationType, readonly OperationAction[]>> = {
  EXECUTION: ["SUCCEED", "FAIL"],
  CONTEXT: ["START", "SUCCEED", "FAIL"],
  STEP: ["START", "SUCCEED", "FAIL", "RETRY"],
  WAIT: ["START", "CANCEL"],
  CALLBACK: ["START"],
  CHAINED_INVOKE: ["START"],
};

/**
 * Checks a whole batch before any of it is applied. Throws InvalidParameterValueException.
 * Rules and texts are those that the official testing libraries know of the service
 * (aws-durable-execution-sdk-python-testing 1.4, @aws/durable-execution-sdk-js-testing 1.1).
 */
export function checkUpdates(live: Live, updates: readonly OperationUpdate[]): void {
  const closing = updates.filter(({ Type }) => Type === "EXECUTION");
  if (closing.length > 1) throw invalid("Cannot checkpoint multiple EXECUTION updates.");
  if (closing.length === 1 && updates.at(-1)?.Type !== "EXECUTION") {
    throw invalid("EXECUTION checkpoint must be the last update.");
  }
  checkFamilies(live, updates);
  const begun = new Set<string>();
  for (const update of updates) {
    const known = live.operations.get(update.Id);
    if (known !== undefined && update.Type !== "EXECUTION") checkIdentity(known, update);
    checkSizes(live, update);
    if (!actions[update.Type].includes(update.Action)) throw invalid("Invalid action for the given operation type.");
    checkContent(update);
    checkTarget(live, update);
    // An operation that this very batch starts may be closed by it, too.
    if (!begun.has(update.Id)) checkTransition(known, update);
    begun.add(update.Id);
  }
  checkQuotas(live, updates);
}

/** Parents are contexts that exist; nothing is updated twice but a step or context that starts and ends. */
function checkFamilies(live: Live, updates: readonly OperationUpdate[]): void {
  const started = new Map<string, OperationUpdate>();
  const last = new Map<string, OperationUpdate>();
  for (const update of updates) {
    const before = last.get(update.Id);
    if (before !== undefined) {
      const may = before.Type === "STEP" || before.Type === "CONTEXT";
      if (!may || before.Action !== "START" || update.Action === "START" || before.Type !== update.Type) {
        throw invalid("Cannot checkpoint multiple operations with the same ID.");
      }
    }
    if (update.ParentId !== undefined) {
      const parent = started.get(update.ParentId)?.Type ?? live.operations.get(update.ParentId)?.type;
      if (parent !== "CONTEXT") throw invalid("Invalid parent operation id.");
    }
    if (update.Action === "START") started.set(update.Id, update);
    last.set(update.Id, update);
  }
}

function checkIdentity(known: Operation, { Type, SubType, Name, ParentId }: OperationUpdate): void {
  if (Type !== known.type) throw invalid("Inconsistent operation type.");
  if (SubType !== undefined && SubType !== known.subType) throw invalid("Inconsistent operation subtype.");
  if (Name !== undefined && Name !== known.name) throw invalid("Inconsistent operation name.");
  if (ParentId !== undefined && ParentId !== known.parentId) throw invalid("Inconsistent parent operation id.");
}

function checkSizes(live: Live, { Type, Payload, Error: error }: OperationUpdate): void {
  checkError(error);
  if (Payload === undefined) return;
  const limit = Type === "EXECUTION" ? live.execution.resultBytes : durableLimits.payloadBytes;
  if (Buffer.byteLength(Payload) <= limit) return;
  const what =
    Type === "EXECUTION"
      ? "Execution output payload"
      : Type === "CHAINED_INVOKE"
        ? "CHAINED_INVOKE input payload"
        : `${Type} payload`;
  throw invalid(`${what} size must be less than or equal to ${limit} bytes.`);
}

/** All its fields together have at most 1 MB (API model). */
export function checkError(error: ErrorObject | undefined): void {
  if (error === undefined || Buffer.byteLength(JSON.stringify(error)) <= durableLimits.payloadBytes) return;
  throw invalid(`Error object size must be less than or equal to ${durableLimits.payloadBytes} bytes.`);
}

/** What an action must bring and must not. */
function checkContent(update: OperationUpdate): void {
  const { Action, Payload, Error: error, Type } = update;
  if (Action === "FAIL" && Payload !== undefined) throw invalid("Cannot provide a Payload for FAIL action.");
  if (Action === "SUCCEED" && error !== undefined) throw invalid("Cannot provide an Error for SUCCEED action.");
  if (Action === "RETRY") {
    if (update.StepOptions?.NextAttemptDelaySeconds === undefined) {
      throw invalid("Invalid StepOptions for the given action.");
    }
    if (error !== undefined && Payload !== undefined) {
      throw invalid("Cannot provide both error and payload to RETRY a STEP.");
    }
  }
  if (Action !== "START") return;
  if (Type === "WAIT" && update.WaitOptions?.WaitSeconds === undefined) {
    throw invalid("Update for WAIT operation requires WaitOptions.");
  }
  if (Type === "CHAINED_INVOKE" && update.ChainedInvokeOptions === undefined) {
    throw invalid("Update for CHAINED_INVOKE operation requires ChainedInvokeOptions.");
  }
}

/** Another function is found by its name in the same account and region, whatever a full ARN says. */
function checkTarget({ execution }: Live, { ChainedInvokeOptions: options }: OperationUpdate): void {
  if (options === undefined) return;
  const named = readFunctionName(options.FunctionName);
  if (named === undefined) throw invalid(`Invalid function ARN '${options.FunctionName}'`);
  const { account = execution.account, region = execution.region } = named;
  if (account !== execution.account) {
    throw invalid("Cannot start a CHAINED_INVOKE on a function in another account.");
  }
  if (region !== execution.region) {
    throw invalid("Cannot start a CHAINED_INVOKE on a function in another region.");
  }
}

function checkTransition(known: Operation | undefined, { Type, Action }: OperationUpdate): void {
  if (Type === "EXECUTION") return;
  if (Type === "STEP") {
    checkStep(known, Action);
  } else if (Action === "START") {
    if (known !== undefined) throw invalid(`Cannot start a ${Type} that already exist.`);
  } else if (Type === "WAIT") {
    if (known?.status !== "STARTED") {
      throw invalid("Cannot cancel a WAIT that does not exist or has already completed.");
    }
  } else if (known !== undefined && known.status !== "STARTED") {
    throw invalid(`Invalid current ${Type} state to close.`);
  }
}

function checkStep(known: Operation | undefined, action: OperationAction): void {
  if (known === undefined) return;
  const open = known.status === "STARTED" || known.status === "READY";
  if (action === "START") {
    if (known.status !== "READY") throw invalid("Invalid current STEP state to start.");
  } else if (!open) {
    throw invalid(`Invalid current STEP state to ${action === "RETRY" ? "re-attempt" : "close"}.`);
  }
}

/** The texts are ours: AWS documents the quotas, not what it says when they are reached. */
function checkQuotas({ execution, operations }: Live, updates: readonly OperationUpdate[]): void {
  const fresh = new Set(
    updates.filter(({ Id, Type }) => Type !== "EXECUTION" && !operations.has(Id)).map(({ Id }) => Id),
  );
  if (operations.size + fresh.size > durableLimits.operations) {
    throw invalid(`A durable execution can have at most ${durableLimits.operations} operations.`);
  }
  const bytes = updates.reduce((sum, update) => sum + bytesOf(update), 0);
  if (execution.bytes + bytes > durableLimits.storedBytes) {
    throw invalid(`A durable execution can store at most ${durableLimits.storedBytes} bytes.`);
  }
}

/** What an update adds to what is kept for its execution. */
export const bytesOf = ({ Payload = "", Error: error }: OperationUpdate): number =>
  Buffer.byteLength(Payload) + (error === undefined ? 0 : Buffer.byteLength(JSON.stringify(error)));
