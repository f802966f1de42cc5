import type { FunctionVersion, ThrottleReason } from "../model/index.ts";

/** What admission must be told; nothing else decides. */
export interface AdmissionNeeds {
  /** concurrent executions an account may have */
  readonly accountConcurrency: number;
  /** sum of the reserved concurrency of an account's functions */
  reservedTotal(account: string): number;
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
  /** invocations running now, of an account or of one function */
  running(account: string): number;
}

interface Counters {
  /** running invocations of the account's functions that have no reservation */
  unreserved: number;
  /** running invocations of each function that has a reservation, by region and name */
  readonly byFunction: Map<string, number>;
}

/** Makes an Admission with nothing running. */
export function createAdmission(needs: AdmissionNeeds): Admission {
  const accounts = new Map<string, Counters>();
  const countersOf = (account: string) => {
    let counters = accounts.get(account);
    if (!counters) {
      counters = { unreserved: 0, byFunction: new Map() };
      accounts.set(account, counters);
    }
    return counters;
  };
  const functionOf = (target: FunctionVersion) => `${target.region}/${target.name}`;

  return {
    admit(target) {
      const counters = countersOf(target.account);
      if (target.reservedConcurrency !== undefined) {
        const name = functionOf(target);
        const running = counters.byFunction.get(name) ?? 0;
        if (running >= target.reservedConcurrency) return "ReservedFunctionConcurrentInvocationLimitExceeded";
        counters.byFunction.set(name, running + 1);
        return undefined;
      }
      if (counters.unreserved >= needs.accountConcurrency - needs.reservedTotal(target.account)) {
        return "ConcurrentInvocationLimitExceeded";
      }
      counters.unreserved++;
      return undefined;
    },
    release(target) {
      const counters = countersOf(target.account);
      if (target.reservedConcurrency === undefined) {
        counters.unreserved--;
        return;
      }
      const name = functionOf(target);
      const running = counters.byFunction.get(name)! - 1;
      if (running === 0) counters.byFunction.delete(name);
      else counters.byFunction.set(name, running);
    },
    running(account) {
      const counters = countersOf(account);
      let sum = counters.unreserved;
      for (const running of counters.byFunction.values()) sum += running;
      return sum;
    },
  };
}
