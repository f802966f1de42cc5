import { dueOf, type Live, record, touch } from "./live.ts";
import type { Operation } from "./records.ts";

/** Lets everything happen that is due by now: waits end, steps may be tried again, callbacks time out. */
export function fireDue(live: Live, now: number): boolean {
  const due = [...live.operations.values()]
    .map((operation) => ({ operation, at: dueOf(operation) ?? Number.POSITIVE_INFINITY }))
    .filter(({ at }) => at <= now)
    .sort((one, other) => one.at - other.at);
  for (const { operation } of due) fire(live, operation, now);
  return due.length > 0;
}

function fire(live: Live, operation: Operation, now: number): void {
  if (operation.type === "STEP") {
    operation.status = "READY";
    operation.due = undefined;
  } else if (operation.type === "WAIT") {
    operation.status = "SUCCEEDED";
    operation.ended = now;
    record(live, now, "WaitSucceeded", operation, { Duration: operation.seconds });
  } else {
    timeOut(live, operation, now);
  }
  touch(live, operation);
}

/** The heartbeat's timeout when that came first. Error types as the SDKs know them. */
function timeOut(live: Live, callback: Operation, now: number): void {
  const { due = Number.POSITIVE_INFINITY, heartbeatDue = Number.POSITIVE_INFINITY } = callback;
  const error =
    heartbeatDue < due
      ? { ErrorType: "Callback.Heartbeat", ErrorMessage: "Callback timed out on heartbeat" }
      : { ErrorType: "Callback.Timeout", ErrorMessage: "Callback timed out" };
  callback.status = "TIMED_OUT";
  callback.ended = now;
  callback.error = error;
  record(live, now, "CallbackTimedOut", callback, { Error: { Payload: error, Truncated: false } });
}
