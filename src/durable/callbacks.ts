import { ServiceError } from "../model/index.ts";
import { errorOf, resultOf } from "./apply.ts";
import { isOverdue, type Unit } from "./engine.ts";
import { type Live, record, touch } from "./live.ts";
import { type ErrorObject, isClosed, type Operation } from "./records.ts";
import { readCallbackId } from "./tokens.ts";
import { invalid } from "./validate.ts";

/** How a callback ended. */
export type CallbackEnd = { readonly result: string | undefined } | { readonly error: ErrorObject };

/** Whose callbacks a caller may answer. */
export interface CallbackOwner {
  readonly account: string;
  readonly region: string;
}

/** Ends a callback; its function is owed an invocation. Throws CallbackTimeoutException. */
export function endCallback(unit: Unit, id: string, owner: CallbackOwner, end: CallbackEnd): void {
  const { live, operation } = awaited(unit, id, owner);
  operation.ended = unit.now;
  if ("result" in end) {
    operation.status = "SUCCEEDED";
    operation.result = end.result;
    record(live, unit.now, "CallbackSucceeded", operation, { Result: resultOf(end.result) });
  } else {
    operation.status = "FAILED";
    operation.error = end.error;
    record(live, unit.now, "CallbackFailed", operation, { Error: errorOf(end.error) });
  }
  live.execution.bytes += Buffer.byteLength(JSON.stringify(end));
  touch(live, operation);
  live.execution.owed = true;
}

/** A callback without a heartbeat's timeout may send one all the same. */
export function heartbeat(unit: Unit, id: string, owner: CallbackOwner): void {
  const { live, operation } = awaited(unit, id, owner);
  if (operation.heartbeatSeconds === undefined) return;
  operation.heartbeatDue = unit.now + operation.heartbeatSeconds * 1000;
  // Nothing that the function is to be told of.
  live.changed.add(operation);
}

/** The operation of a callback that is still awaited. */
function awaited(unit: Unit, id: string, owner: CallbackOwner): { live: Live; operation: Operation } {
  const token = readCallbackId(id);
  if (token === undefined) throw invalid("Invalid callback ID");
  const live = unit.get(token.arn);
  const operation = live?.operations.get(token.operation);
  if (live !== undefined && operation?.callbackId === id && isOpen(live, operation, owner, unit.now)) {
    return { live, operation };
  }
  throw new ServiceError(
    "CallbackTimeoutException",
    "The callback ID token has either expired or the callback associated with the token has already been closed.",
  );
}

/** What is overdue has timed out, whether the timer was quicker or not. */
function isOpen({ execution }: Live, operation: Operation, owner: CallbackOwner, now: number): boolean {
  const { due = Number.POSITIVE_INFINITY, heartbeatDue = Number.POSITIVE_INFINITY } = operation;
  const owned = execution.account === owner.account && execution.region === owner.region;
  const inTime = due > now && heartbeatDue > now && !isOverdue(execution, now);
  return owned && inTime && operation.status === "STARTED" && !isClosed(execution.status);
}
