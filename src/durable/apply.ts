import { add, type Live, record, touch } from "./live.ts";
import type { ErrorObject, Operation, OperationStatus } from "./records.ts";
import { callbackId, newSecret } from "./tokens.ts";
import { bytesOf, type OperationUpdate } from "./validate.ts";

/** What a batch asks for beyond its own execution. */
export interface Consequences {
  /** CHAINED_INVOKE operations that start other functions */
  readonly chained: Operation[];
  /** the EXECUTION update: its end */
  closed?: {
    readonly status: "SUCCEEDED" | "FAILED";
    readonly result?: string | undefined;
    readonly error?: ErrorObject;
  };
}

/** Applies a checked batch, in order. */
export function applyUpdates(live: Live, updates: readonly OperationUpdate[], now: number): Consequences {
  const consequences: Consequences = { chained: [] };
  for (const update of updates) {
    live.execution.bytes += bytesOf(update);
    apply(live, update, now, consequences);
  }
  return consequences;
}

function apply(live: Live, update: OperationUpdate, now: number, consequences: Consequences): void {
  switch (update.Type) {
    case "EXECUTION":
      // Whatever its id says, it is about the execution itself: the SDKs make one up.
      consequences.closed =
        update.Action === "SUCCEED"
          ? { status: "SUCCEEDED", result: update.Payload }
          : { status: "FAILED", error: update.Error ?? {} };
      return;
    case "CONTEXT":
      applyContext(live, update, now);
      return;
    case "STEP":
      applyStep(live, update, now);
      return;
    case "WAIT":
      applyWait(live, update, now);
      return;
    case "CALLBACK":
      startCallback(live, update, now);
      return;
    case "CHAINED_INVOKE": {
      const { FunctionName: target, TenantId: tenantId, XAmznTraceId: traceId } = update.ChainedInvokeOptions!;
      // Its event is written when it is known what the name leads to (chains.ts).
      consequences.chained.push(started(live, update, now, { input: update.Payload, target, tenantId, traceId }));
    }
  }
}

function started(live: Live, update: OperationUpdate, now: number, more: Partial<Operation> = {}): Operation {
  return add(live, {
    id: update.Id,
    type: update.Type,
    parentId: update.ParentId,
    name: update.Name,
    subType: update.SubType,
    started: now,
    status: "STARTED",
    ...more,
  });
}

/** The operation of an update; one that ends without having been started starts with it. */
const operationOf = (live: Live, update: OperationUpdate, now: number): Operation =>
  live.operations.get(update.Id) ?? started(live, update, now);

function end(live: Live, operation: Operation, status: OperationStatus, update: OperationUpdate, now: number): void {
  operation.status = status;
  operation.ended = now;
  operation.due = undefined;
  operation.result = update.Payload;
  operation.error = update.Error;
  touch(live, operation);
}

export const resultOf = (payload: string | undefined) => ({ Payload: payload, Truncated: false });
export const errorOf = (error: ErrorObject | undefined) => ({ Payload: error ?? {}, Truncated: false });

function applyContext(live: Live, update: OperationUpdate, now: number): void {
  const operation = operationOf(live, update, now);
  if (update.ContextOptions?.ReplayChildren !== undefined) {
    operation.replayChildren = update.ContextOptions.ReplayChildren;
  }
  if (update.Action === "START") {
    record(live, now, "ContextStarted", operation, {});
  } else if (update.Action === "SUCCEED") {
    end(live, operation, "SUCCEEDED", update, now);
    record(live, now, "ContextSucceeded", operation, { Result: resultOf(update.Payload) });
  } else {
    end(live, operation, "FAILED", update, now);
    record(live, now, "ContextFailed", operation, { Error: errorOf(update.Error) });
  }
}

function applyStep(live: Live, update: OperationUpdate, now: number): void {
  const operation = operationOf(live, update, now);
  if (update.Action === "START") {
    operation.status = "STARTED";
    touch(live, operation);
    record(live, now, "StepStarted", operation, {});
    return;
  }
  const attempt = (operation.attempt ?? 0) + 1;
  operation.attempt = attempt;
  const delay = update.StepOptions?.NextAttemptDelaySeconds;
  const RetryDetails = {
    CurrentAttempt: attempt,
    NextAttemptDelaySeconds: update.Action === "RETRY" ? delay : undefined,
  };
  // A retry without an error is a step that polls: its payload is the state so far.
  if (update.Action === "FAIL" || (update.Action === "RETRY" && update.Error !== undefined)) {
    record(live, now, "StepFailed", operation, { Error: errorOf(update.Error), RetryDetails });
  } else {
    record(live, now, "StepSucceeded", operation, { Result: resultOf(update.Payload), RetryDetails });
  }
  if (update.Action !== "RETRY") {
    end(live, operation, update.Action === "FAIL" ? "FAILED" : "SUCCEEDED", update, now);
    return;
  }
  operation.status = "PENDING";
  operation.due = now + (delay ?? 0) * 1000;
  operation.result = update.Payload;
  operation.error = update.Error;
  touch(live, operation);
}

function applyWait(live: Live, update: OperationUpdate, now: number): void {
  if (update.Action === "CANCEL") {
    const operation = operationOf(live, update, now);
    operation.status = "CANCELLED";
    operation.ended = now;
    touch(live, operation);
    record(live, now, "WaitCancelled", operation, update.Error === undefined ? {} : { Error: errorOf(update.Error) });
    return;
  }
  const seconds = update.WaitOptions?.WaitSeconds ?? 0;
  const due = now + seconds * 1000;
  const operation = started(live, update, now, { due, seconds });
  record(live, now, "WaitStarted", operation, { Duration: seconds, ScheduledEndTimestamp: due / 1000 });
}

function startCallback(live: Live, update: OperationUpdate, now: number): void {
  const { TimeoutSeconds: timeout, HeartbeatTimeoutSeconds: heartbeat } = update.CallbackOptions ?? {};
  const id = callbackId({ arn: live.execution.arn, operation: update.Id, secret: newSecret() });
  // 0 is none (API CallbackOptions).
  const operation = started(live, update, now, {
    callbackId: id,
    due: timeout ? now + timeout * 1000 : undefined,
    heartbeatSeconds: heartbeat || undefined,
    heartbeatDue: heartbeat ? now + heartbeat * 1000 : undefined,
  });
  record(live, now, "CallbackStarted", operation, {
    CallbackId: id,
    HeartbeatTimeout: heartbeat || undefined,
    Timeout: timeout || undefined,
  });
}
