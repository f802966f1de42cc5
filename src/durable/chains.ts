import { checkTenant, type FunctionVersion, ServiceError } from "../model/index.ts";
import { type ChainedOutcome, finishChained } from "./closing.ts";
import type { Engine, Unit } from "./engine.ts";
import { readFunctionName } from "./function-name.ts";
import { type InvokingNeeds, invokeOnce, type Outcome } from "./invoking.ts";
import { type Live, record, touch } from "./live.ts";
import { type ErrorObject, type Execution, isClosed, type Operation } from "./records.ts";
import { isPassing, refusedFor } from "./runner.ts";
import { newExecution } from "./starting.ts";
import { invalid } from "./validate.ts";

export interface ChainsNeeds extends InvokingNeeds {
  readonly engine: () => Engine;
  clock(): number;
  schedule(at: number, run: () => void): () => void;
  report(error: unknown): void;
  /** The trace that a function gets which one of this trace invokes. Throws RecursiveInvocationException in a loop. */
  trace(target: FunctionVersion, traceId: string | undefined): string | undefined;
}

export interface Chains {
  /** Starts what an operation invokes: an execution of its own, or one plain invocation once the step is written. */
  start(unit: Unit, live: Live, operation: Operation): void;
  /** After a restart: plain invocations were lost with the process, and run again. */
  takeUp(live: Live): void;
  stop(): void;
}

/** Functions that executions invoke and wait for. */
export function createChains(needs: ChainsNeeds): Chains {
  let stopped = false;

  function targetOf({ account, region }: Execution, operation: Operation): FunctionVersion {
    const named = readFunctionName(operation.target ?? "");
    if (named === undefined) throw invalid(`Invalid function ARN '${operation.target}'`);
    const target = needs.resolve(account, region, named.name, named.qualifier);
    if (target.durable !== undefined && named.qualifier === undefined) {
      throw invalid("You cannot invoke a durable function using an unqualified ARN.");
    }
    return target;
  }

  function start(unit: Unit, live: Live, operation: Operation): void {
    const { execution } = live;
    const known = { FunctionName: operation.target, TenantId: operation.tenantId };
    let target: FunctionVersion;
    try {
      target = targetOf(execution, operation);
      checkTenant(target, operation.tenantId);
      operation.traceId = needs.trace(target, operation.traceId ?? execution.traceId);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      record(live, unit.now, "ChainedInvokeStarted", operation, known);
      const why = { ErrorType: error.code, ErrorMessage: error.message };
      finishChained(unit, execution.arn, operation.id, { status: "FAILED", error: why });
      return;
    }
    const { durable, version: ExecutedVersion } = target;
    const input = operation.input ?? "{}";
    const details = { ...known, Input: { Payload: input, Truncated: false }, ExecutedVersion };
    if (durable === undefined) {
      record(live, unit.now, "ChainedInvokeStarted", operation, details);
      unit.after(() => run(execution.arn, operation.id));
      return;
    }
    const parent = { arn: execution.arn, operation: operation.id };
    const { traceId } = operation;
    const child = newExecution(
      unit,
      { target: { ...target, durable }, payload: input, synchronous: false, traceId, tenantId: operation.tenantId },
      parent,
    );
    operation.child = child.execution.arn;
    touch(live, operation);
    record(live, unit.now, "ChainedInvokeStarted", operation, {
      ...details,
      DurableExecutionArn: child.execution.arn,
    });
  }

  /** Runs a plain function for an operation until it has answered, however long no invocation can be had. */
  function run(arn: string, operationId: string, refusals = 0): void {
    if (stopped) return;
    const live = needs.engine().look(arn);
    const operation = live?.operations.get(operationId);
    if (live === undefined || operation?.status !== "STARTED" || isClosed(live.execution.status)) return;
    const { execution } = live;
    const named = readFunctionName(operation.target ?? "");
    invokeOnce(needs, {
      account: execution.account,
      region: execution.region,
      name: named?.name ?? "",
      qualifier: named?.qualifier,
      payload: Buffer.from(operation.input ?? "{}"),
      traceId: operation.traceId,
      tenantId: operation.tenantId,
    })
      .then((outcome) => {
        if (stopped) return;
        if (outcome.kind === "refused" && isPassing(outcome.error)) {
          const at = needs.clock() + refusedFor({ refusals: refusals + 1 });
          needs.schedule(at, () => run(arn, operationId, refusals + 1));
          return;
        }
        needs.engine().change((unit) => finishChained(unit, arn, operationId, chained(outcome)));
      })
      .catch(needs.report);
  }

  return {
    start,
    takeUp(live) {
      for (const { id, type, status, child } of live.operations.values()) {
        if (type === "CHAINED_INVOKE" && status === "STARTED" && child === undefined) run(live.execution.arn, id);
      }
    },
    stop() {
      stopped = true;
    },
  };
}

function chained(outcome: Outcome): ChainedOutcome {
  switch (outcome.kind) {
    case "returned":
      return { status: "SUCCEEDED", result: outcome.text };
    case "failed":
      return { status: "FAILED", error: outcome.error };
    case "refused": {
      const { code, message } = outcome.error;
      const error: ErrorObject = { ErrorType: code, ErrorMessage: message };
      return { status: "FAILED", error };
    }
  }
}
