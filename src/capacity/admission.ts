import type { FunctionVersion, ThrottleReason } from "../model/index.ts";

/** What admission must be told; nothing else decides. */
export interface AdmissionNeeds {
  /**
   * concurrent executions an account has left in one region when all that is reserved for its functions, and all that those
   * without a reservation provision, is taken off; asked for every invocation
   */
  unreserved(account: string, region: string): number;
}

/** What of a function version decides. */
export type Admitted = Pick<
  FunctionVersion,
  "account" | "region" | "name" | "arn" | "reservedConcurrency" | "provisionedConcurrency"
>;

/**
 * Counts running invocations and says no beyond the limits (Lambda Developer Guide, "Understanding function scaling",
 * "Configuring provisioned concurrency for a function"). A function with reserved concurrency has exactly that much, with
 * what its versions provision inside of it. A version of any other has what it provisions to itself; what goes beyond that
 * shares what the account has left with everybody else.
 */
export interface Admission {
  /** Takes a place for one invocation, or says why there is none. */
  admit(target: Admitted): ThrottleReason | undefined;
  /** Gives the place back; exactly once for every admit() that returned undefined. */
  release(target: Admitted): void;
  /** invocations of an account running now in one region */
  running(account: string, region: string): number;
}

/** Running invocations of one version whose function has no reservation. */
interface Version {
  running: number;
  /** places of its own, as the latest that came knows it */
  own: number;
}

interface Counters {
  /** running invocations that have no place set aside for them */
  unreserved: number;
  /** by ARN */
  readonly versions: Map<string, Version>;
  /** running invocations of each function that has a reservation, by name */
  readonly reserved: Map<string, number>;
}

/** Makes an Admission with nothing running. */
export function createAdmission(needs: AdmissionNeeds): Admission {
  const scopes = new Map<string, Counters>();
  const countersOf = (account: string, region: string) => {
    const scope = `${account}/${region}`;
    let counters = scopes.get(scope);
    if (!counters) {
      counters = { unreserved: 0, versions: new Map(), reserved: new Map() };
      scopes.set(scope, counters);
    }
    return counters;
  };

  function admitReserved({ reserved }: Counters, name: string, limit: number): ThrottleReason | undefined {
    const running = reserved.get(name) ?? 0;
    if (running >= limit) return "ReservedFunctionConcurrentInvocationLimitExceeded";
    reserved.set(name, running + 1);
    return undefined;
  }

  return {
    admit(target) {
      const counters = countersOf(target.account, target.region);
      if (target.reservedConcurrency !== undefined) {
        return admitReserved(counters, target.name, target.reservedConcurrency);
      }
      const known = counters.versions.get(target.arn);
      const version = known ?? { running: 0, own: 0 };
      // What it provisions may have changed under those that run: they move between their own places and everybody's.
      counters.unreserved -= beyond(version);
      version.own = target.provisionedConcurrency;
      counters.unreserved += beyond(version);
      const isOwn = version.running < version.own;
      if (!isOwn && counters.unreserved >= needs.unreserved(target.account, target.region)) {
        return "ConcurrentInvocationLimitExceeded";
      }
      version.running++;
      if (!isOwn) counters.unreserved++;
      if (!known) counters.versions.set(target.arn, version);
      return undefined;
    },
    release(target) {
      const counters = countersOf(target.account, target.region);
      if (target.reservedConcurrency !== undefined) {
        const running = counters.reserved.get(target.name)! - 1;
        if (running === 0) counters.reserved.delete(target.name);
        else counters.reserved.set(target.name, running);
        return;
      }
      const version = counters.versions.get(target.arn)!;
      if (version.running > version.own) counters.unreserved--;
      version.running--;
      if (version.running === 0) counters.versions.delete(target.arn);
    },
    running(account, region) {
      const { versions, reserved } = countersOf(account, region);
      let sum = 0;
      for (const { running } of versions.values()) sum += running;
      for (const running of reserved.values()) sum += running;
      return sum;
    },
  };
}

/** Of the running ones, those that have no place of the version's own. */
function beyond({ running, own }: Version): number {
  return Math.max(0, running - own);
}
