import type { Driver } from "../isolation/index.ts";
import { type FunctionVersion, monotonicMs } from "../model/index.ts";
import type { InvocationLog } from "../observe/index.ts";
import { Environment } from "./environment.ts";
import { type Plan, type PlanNeeds, planOf } from "./plan.ts";
import { Pool, type PoolNeeds } from "./pool.ts";

export interface EnvironmentsNeeds extends PlanNeeds, Pick<PoolNeeds, "patienceMs" | "smoothed"> {
  readonly driver: Pick<Driver, "name" | "create">;
  openLog(target: FunctionVersion, logStream: string): InvocationLog;
  /** is this the version's current code and configuration? Asked when a function was changed or deleted */
  isCurrent(target: FunctionVersion): boolean;
  /** which idle environments end now (capacity/keep-alive.ts) */
  chooseReclaimed(
    idle: readonly { readonly id: string; readonly idleMs: number; readonly memoryBytes: number }[],
    usedBytes: number,
  ): readonly string[];
  /** an idle environment gets no more CPU after this many milliseconds */
  readonly freezeAfterMs: number;
  /** how often idle environments are looked through, milliseconds */
  readonly reclaimEveryMs: number;
}

/** One row of `thaw ps`. */
export interface EnvironmentView {
  readonly id: string;
  readonly account: string;
  readonly region: string;
  readonly function: string;
  readonly version: string;
  readonly state: string;
  readonly memoryMb: number;
  readonly memoryBytes: number;
  readonly memoryPeakBytes: number;
  /** milliseconds since the epoch */
  readonly createdAt: number;
  readonly idleMs: number;
  readonly invocations: number;
  readonly start: string;
  readonly initMs: number;
}

export interface Environments {
  /** An environment to run one event of this version in: at once when one is idle. */
  acquire(target: FunctionVersion): Environment | Promise<Environment>;
  /** Ends the environments of a function's versions that are not current any more. */
  retire(account: string, region: string, name: string): void;
  list(): EnvironmentView[];
  /** Kills all of them. */
  close(): Promise<void>;
}

/** Makes the room: pools by function version, filled on demand, emptied when idle for long or short of memory. */
export function createEnvironments(needs: EnvironmentsNeeds): Environments {
  const pools = new Map<string, Pool>();

  const environmentNeeds = {
    driver: needs.driver,
    openLog: needs.openLog,
    freezeAfterMs: needs.freezeAfterMs,
    onIdle: (environment: Environment) => poolOf(environment.plan.target).offer(environment),
    onEnding: (environment: Environment) => {
      const pool = pools.get(environment.plan.target.key);
      pool?.drop(environment);
      if (pool?.retired && pool.empty) pools.delete(environment.plan.target.key);
    },
  };
  const poolNeeds = {
    plan: (target: FunctionVersion) => planOf(target, needs),
    create: (plan: Plan) => new Environment(plan, environmentNeeds),
    patienceMs: needs.patienceMs,
    smoothed: needs.smoothed,
  };
  const poolOf = (target: FunctionVersion): Pool => {
    let pool = pools.get(target.key);
    if (!pool) {
      pool = new Pool(target, poolNeeds);
      pools.set(target.key, pool);
    }
    return pool;
  };

  const reclaim = setInterval(() => {
    const idle = new Map<string, Environment>();
    let usedBytes = 0;
    for (const pool of pools.values()) {
      for (const environment of pool.all) usedBytes += environment.memoryBytes();
      for (const environment of pool.idle()) idle.set(environment.id, environment);
    }
    if (idle.size === 0) return;
    const now = monotonicMs();
    const rows = [...idle.values()].map((environment) => ({
      id: environment.id,
      idleMs: now - environment.idleSince,
      memoryBytes: environment.memoryBytes(),
    }));
    for (const id of needs.chooseReclaimed(rows, usedBytes)) void idle.get(id)!.stop();
  }, needs.reclaimEveryMs);
  reclaim.unref();

  return {
    acquire: (target) => poolOf(target).acquire(),
    retire(account, region, name) {
      for (const [key, pool] of pools) {
        const { target } = pool;
        if (target.account !== account || target.region !== region || target.name !== name) continue;
        if (needs.isCurrent(target)) continue;
        pool.retire();
        if (pool.empty) pools.delete(key);
      }
    },
    list() {
      const now = monotonicMs();
      return [...pools.values()].flatMap((pool) => [...pool.all].map((environment) => viewOf(environment, now)));
    },
    async close() {
      clearInterval(reclaim);
      await Promise.all([...pools.values()].flatMap((pool) => [...pool.all].map((environment) => environment.stop())));
    },
  };
}

function viewOf(environment: Environment, now: number): EnvironmentView {
  const { target } = environment.plan;
  const waiting = environment.state === "idle" || environment.state === "frozen";
  return {
    id: environment.id,
    account: target.account,
    region: target.region,
    function: target.name,
    version: target.version,
    state: environment.state,
    memoryMb: target.memoryMb,
    memoryBytes: environment.memoryBytes(),
    memoryPeakBytes: environment.memoryPeakBytes(),
    createdAt: environment.createdAt,
    idleMs: waiting ? now - environment.idleSince : 0,
    invocations: environment.invocations,
    start: environment.startKind,
    initMs: environment.initMs,
  };
}
