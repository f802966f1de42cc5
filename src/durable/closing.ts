import { errorOf, resultOf } from "./apply.ts";
import type { Unit } from "./engine.ts";
import { type Live, record, rootOf, touch } from "./live.ts";
import { durableLimits, type ErrorObject, type Execution, isClosed, type OperationStatus } from "./records.ts";

/** How an execution ends. */
export interface Ending {
  readonly status: "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "STOPPED";
  readonly result?: string | undefined;
  readonly error?: ErrorObject | undefined;
}

const eventTypes = {
  SUCCEEDED: "ExecutionSucceeded",
  FAILED: "ExecutionFailed",
  TIMED_OUT: "ExecutionTimedOut",
  STOPPED: "ExecutionStopped",
} as const;

/** Ends an execution, and with it the operation of another one that waits for it. */
export function close(unit: Unit, live: Live, { status, result, error }: Ending): void {
  const { execution } = live;
  const { now } = unit;
  execution.status = status;
  execution.ended = now;
  execution.result = result;
  execution.error = error;
  execution.owed = false;
  execution.retryAt = undefined;
  execution.pause = undefined;
  if (execution.asynchronous === true && status !== "SUCCEEDED") execution.letterOwed = true;
  const root = rootOf(live);
  root.status = status;
  root.ended = now;
  touch(live, root);
  const details = status === "SUCCEEDED" ? { Result: resultOf(result) } : { Error: errorOf(error) };
  record(live, now, eventTypes[status], root, details);
  if (execution.parent !== undefined) {
    finishChained(unit, execution.parent.arn, execution.parent.operation, chainedOutcome(execution));
  }
}

/** The end of a function that was invoked by CHAINED_INVOKE. */
export interface ChainedOutcome {
  readonly status: OperationStatus & ("SUCCEEDED" | "FAILED" | "TIMED_OUT" | "STOPPED");
  readonly result?: string | undefined;
  readonly error?: ErrorObject | undefined;
}

function chainedOutcome(child: Execution): ChainedOutcome {
  switch (child.status) {
    case "SUCCEEDED":
      return { status: "SUCCEEDED", result: child.result };
    case "TIMED_OUT": {
      const ErrorMessage = `CHAINED_INVOKE timed out after ${child.settings.timeoutSeconds} seconds.`;
      return { status: "TIMED_OUT", error: { ErrorType: "ChainedInvoke.Timeout", ErrorMessage } };
    }
    case "STOPPED":
      return { status: "STOPPED", error: child.error };
    default:
      return { status: "FAILED", error: child.error };
  }
}

const chainedEvents = {
  SUCCEEDED: "ChainedInvokeSucceeded",
  FAILED: "ChainedInvokeFailed",
  TIMED_OUT: "ChainedInvokeTimedOut",
  STOPPED: "ChainedInvokeStopped",
} as const;

/** Tells an execution how the function ended that its operation had invoked; nothing when it does not wait any more. */
export function finishChained(unit: Unit, arn: string, operationId: string, outcome: ChainedOutcome): void {
  const live = unit.get(arn);
  const operation = live?.operations.get(operationId);
  if (live === undefined || operation?.status !== "STARTED" || isClosed(live.execution.status)) return;
  const { status, result, error } = tooLarge(outcome) ?? outcome;
  operation.status = status;
  operation.ended = unit.now;
  operation.result = result;
  operation.error = error;
  // What the other function was given is in the history, and nobody needs it here any more.
  operation.input = undefined;
  touch(live, operation);
  const details = status === "SUCCEEDED" ? { Result: resultOf(result) } : { Error: errorOf(error) };
  record(live, unit.now, chainedEvents[status], operation, details);
  live.execution.bytes += Buffer.byteLength(result ?? "");
  live.execution.owed = true;
}

function tooLarge({ result }: ChainedOutcome): ChainedOutcome | undefined {
  const limit = durableLimits.payloadBytes;
  if (result === undefined || Buffer.byteLength(result) <= limit) return undefined;
  const ErrorMessage = `CHAINED_INVOKE output payload size must be less than or equal to ${limit} bytes.`;
  return { status: "FAILED", error: { ErrorMessage } };
}
