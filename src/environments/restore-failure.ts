import { ServiceError } from "../model/index.ts";
import type { RuntimeExit } from "./link.ts";

/** A copy did not wake, and it was not the function that kept it from that: the next rung of the ladder gets its turn. */
export class RestoreFailed extends Error {
  constructor(message: string) {
    super(message);
    this.name = "RestoreFailed";
  }
}

/** Signals that a process gets when its memory or registers are not what it believes them to be. */
const crashes: ReadonlySet<string> = new Set(["SIGSEGV", "SIGBUS", "SIGILL", "SIGTRAP", "SIGFPE"]);
/** With these the loader ends a process that it could not make (agent/src/image/format.rs, `FAILED_…`). */
const loaderCodes = { first: 101, last: 112 } as const;

/** Did it end as a bad copy might? */
export function isCrash({ signal }: RuntimeExit): boolean {
  return crashes.has(signal ?? "");
}

/** Did a copy that has not said anything yet end for a reason that may be the copy's? */
export function mayBeBadCopy(status: RuntimeExit): boolean {
  const { code } = status;
  return isCrash(status) || (code !== undefined && code >= loaderCodes.first && code <= loaderCodes.last);
}

export function endWords({ signal, code }: RuntimeExit): string {
  return `the process ended (${signal ?? `code ${code}`})`;
}

/** The function's own afterRestore hook failed. Texts: the shapes of Lambda's API model. */
export function hookFailed(errorType: string): ServiceError {
  return new ServiceError(
    "SnapStartException",
    `The afterRestore() runtime hook encountered an error (${errorType}). For more information, check the Amazon CloudWatch logs.`,
  );
}

/** Its hooks took more than `limits.restoreSeconds`. */
export function hooksTimedOut(): ServiceError {
  return new ServiceError(
    "SnapStartTimeoutException",
    "Lambda couldn't restore the snapshot within the timeout limit.",
  );
}

/** How the log names what kept a copy from waking. */
export function restoreErrorType(failure: Error): string {
  if (failure instanceof RestoreFailed) return "Sandbox.RestoreFailed";
  return failure instanceof ServiceError && failure.code === "SnapStartTimeoutException"
    ? "timeout"
    : "Runtime.RestoreError";
}
