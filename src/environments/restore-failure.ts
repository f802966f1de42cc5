import { ServiceError } from "../model/index.ts";

/** A copy did not wake, and it was not the function that kept it from that: the next rung of the ladder gets its turn. */
export class RestoreFailed extends Error {
  constructor(message: string) {
    super(message);
    this.name = "RestoreFailed";
  }
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
