import type { Environment } from "../environments/index.ts";
import {
  checkTenant,
  type FunctionVersion,
  type Invocation,
  type InvocationResult,
  monotonicMs,
  ServiceError,
  type ThrottleReason,
  type Timing,
} from "../model/index.ts";
import { timingOf } from "./timing.ts";

export interface InvokeNeeds {
  /** Takes a place under the concurrency limits, or says why there is none. */
  admit(target: FunctionVersion): ThrottleReason | undefined;
  release(target: FunctionVersion): void;
  /** Told of every invocation that was refused for a limit. */
  throttled?(invocation: Invocation): void;
  acquire(invocation: Invocation): Environment | Promise<Environment>;
  /** Told of every invocation that ran. */
  record(invocation: Invocation, timing: Timing, errorType: string | undefined): void;
  /** Turns what kept an environment from being made into the error that the caller gets. */
  startFailed(target: FunctionVersion, error: unknown): ServiceError;
}

/**
 * Runs a function once, synchronously: the one corridor behind every door. Resolves with whatever the function did.
 * Throws ServiceError when it could not be run: throttled (TooManyRequestsException with its Reason), of no
 * tenant or of one too many (InvalidParameterValueException), or no environment.
 */
export function createInvoke(needs: InvokeNeeds): (invocation: Invocation) => Promise<InvocationResult> {
  return async (invocation) => {
    const { target } = invocation;
    // Whichever door it came by: an environment is somebody's.
    checkTenant(target, invocation.tenantId);
    if (target.standing !== undefined) throw notInvocable(target.standing);
    const reason = needs.admit(target);
    if (reason) {
      needs.throttled?.(invocation);
      throw throttled(reason);
    }
    const admitted = monotonicMs();
    try {
      let environment: Environment;
      try {
        const found = needs.acquire(invocation);
        environment = found instanceof Promise ? await found : found;
      } catch (error) {
        throw needs.startFailed(target, error);
      }
      const run = await environment.run(invocation);
      const kind = run.start ? environment.startKind : "warm";
      const timing = timingOf({ received: invocation.received, admitted, finished: monotonicMs() }, run, kind);
      const { outcome } = run;
      const failure =
        outcome.kind === "failed" ? outcome.failure : outcome.kind === "streamed" ? outcome.error : undefined;
      needs.record(invocation, timing, failure?.errorType);
      return {
        requestId: invocation.requestId,
        executedVersion: target.version,
        outcome,
        logTail: run.logTail,
        timing,
      };
    } finally {
      needs.release(target);
    }
  };
}

/** In the words that Lambda has for other states. */
function notInvocable(state: string): ServiceError {
  return new ServiceError(
    "ResourceConflictException",
    `The operation cannot be performed at this time. The function is currently in the following state: ${state}`,
  );
}

function throttled(reason: ThrottleReason): ServiceError {
  return new ServiceError("TooManyRequestsException", "Rate Exceeded.", { Reason: reason });
}
