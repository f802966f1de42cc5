import type { ThrottleReason } from "../model/index.ts";

export interface ScalingRateOptions {
  /**
   * environments a function may get within ten seconds; undefined: as many as the machine can make. AWS has 1,000, "to
   * protect against over-scaling" of a machine park that others share.
   */
  readonly perTenSeconds: number | undefined;
}

/**
 * How fast one function may scale out (Lambda Developer Guide, "Lambda scaling behavior"): a share that refills all the
 * time and is never more than full. Each function has its own.
 *
 * Off unless it is configured. What a user of Lambda expects of it is to hardly ever notice it; here the account's
 * concurrency, the memory budget and the machine say no before it would, and a limit that no resource asks for would only
 * answer 429 where a start takes milliseconds. It is there for tests of clients that must bear AWS's.
 */
export interface ScalingRate {
  /** A new environment is to be started for a call at `nowMs`: undefined, and counted, or why the call is turned away. */
  take(key: string, nowMs: number): ThrottleReason | undefined;
  /** functions that have used some of their share lately */
  readonly size: number;
}

interface Share {
  left: number;
  atMs: number;
}

const refillMs = 10_000;

/** Makes a ScalingRate in which every function has its whole share. Time is milliseconds of one clock that does not go backwards. */
export function createScalingRate({ perTenSeconds }: ScalingRateOptions): ScalingRate {
  const shares = new Map<string, Share>();
  const full = perTenSeconds ?? 0;

  /** A share that was not used for ten seconds is full: nothing need be remembered. */
  const forgetFull = (nowMs: number) => {
    for (const [key, { atMs }] of shares) {
      if (nowMs - atMs < refillMs) return;
      shares.delete(key);
    }
  };

  return {
    take(key, nowMs) {
      if (perTenSeconds === undefined) return undefined;
      forgetFull(nowMs);
      const share = shares.get(key) ?? { left: full, atMs: nowMs };
      share.left = Math.min(full, share.left + ((nowMs - share.atMs) * full) / refillMs);
      share.atMs = nowMs;
      // In the order of their latest use, the oldest first.
      shares.delete(key);
      shares.set(key, share);
      if (share.left < 1) return "FunctionInvocationRateLimitExceeded";
      share.left -= 1;
      return undefined;
    },
    get size() {
      return shares.size;
    },
  };
}
