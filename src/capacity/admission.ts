import type { FunctionVersion, ThrottleReason } from "../model/index.ts";

/** What admission must be told; nothing else decides. */
export interface AdmissionNeeds {
  /** concurrent executions an account may have in one region */
  readonly accountConcurrency: number;
  /** sum of the reserved concurrency of an account's functions in one region; asked for every invocation */
  reservedTotal(account: string, region: string): number;
}

/**
 * Counts running invocations and says no beyond the limits. A function with reserved concurrency has exactly that much;
 * all others share what the account has left (Lambda Developer Guide, "Understanding function scaling").
 */
export interface Admission {
  /** Takes a place for one invocation, or says why there is none. */
  admit(target: FunctionVersion): ThrottleReason | undefined;
  /** Gives the place back; exactly once for every admit() that returned undefined. */
  release(target: FunctionVersion): void;
  /** invocations of an account running now in one region */
  running(account: string, region: string): number;
}

interface Counters {
  /** running invocations of the account's functions that have no reservation */
  unreserved: number;
  /** running invocations of each function that has a reservation, by name */
  readonly byFunction: Map<string, number>;
}

/** Makes an Admission with nothing running. */
export function createAdmission(needs: AdmissionNeeds): Admission {
  const scopes = new Map<string, Counters>();
  const countersOf = (account: string, region: string) => {
    const scope = `${account}/${region}`;
    let counters = scopes.get(scope);
    if (!counters) {
      counters = { unreserved: 0, byFunction: new Map() };
      scopes.set(scope, counters);
    }
    return counters;
  };

  return {
    admit(target) {
      const counters = countersOf(target.account, target.region);
      if (target.reservedConcurrency !== undefined) {
        const running = counters.byFunction.get(target.name) ?? 0;
        if (running >= target.reservedConcurrency) return "ReservedFunctionConcurrentInvocationLimitExceeded";
        counters.byFunction.set(target.name, running + 1);
        return undefined;
      }
      if (counters.unreserved >= needs.accountConcurrency - needs.reservedTotal(target.account, target.region)) {
        return "ConcurrentInvocationLimitExceeded";
      }
      counters.unreserved++;
      return undefined;
    },
    release(target) {
      const counters = countersOf(target.account, target.region);
      if (target.reservedConcurrency === undefined) {
        counters.unreserved--;
        return;
      }
      const running = counters.byFunction.get(target.name)! - 1;
      if (running === 0) counters.byFunction.delete(target.name);
      else counters.byFunction.set(target.name, running);
    },
    running(account, region) {
      const counters = countersOf(account, region);
      let sum = counters.unreserved;
      for (const running of counters.byFunction.values()) sum += running;
      return sum;
    },
  };
}
