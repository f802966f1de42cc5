import { availableParallelism } from "node:os";
import { digestOf, type Images } from "../images/index.ts";
import type { Driver } from "../isolation/index.ts";
import { type FunctionVersion, type Invocation, monotonicMs } from "../model/index.ts";
import type { Measured, PoolNeeds } from "./any-pool.ts";
import { barePlanOf, isBare } from "./bare.ts";
import { compileAhead } from "./compile.ts";
import { type CompiledStore, Compiling } from "./compiling.ts";
import { Environment, type EnvironmentNeeds } from "./environment.ts";
import { Hibernation } from "./hibernation.ts";
import { imageKey } from "./image-key.ts";
import { atMostEvery, heldBytes, reclaim } from "./memory.ts";
import { type Plan, type PlanNeeds, planOf } from "./plan.ts";
import type { ProvisionedView } from "./provisioned.ts";
import { SharedPool } from "./shared-pool.ts";
import type { SnapshotPolicy } from "./snapshot-policy.ts";
import { type SnapshotResult, Snapshots } from "./snapshots.ts";
import type { StartMode } from "./start.ts";
import type { StartsView } from "./starts.ts";
import { type Station, Stations } from "./stations.ts";
import { takeImage } from "./template.ts";
import { Turns } from "./turns.ts";

export interface EnvironmentsNeeds extends PlanNeeds {
  readonly driver: Pick<Driver, "name" | "create" | "snapshots" | "trees">;
  readonly openLog: EnvironmentNeeds["openLog"];
  /** The extensions of this version went on for so long (milliseconds) after the runtime was done with an event. */
  extensionsTook?(target: FunctionVersion, afterMs: number): void;
  /** Told what a function has sent to X-Ray's daemon: whatever it likes. */
  datagram?(target: FunctionVersion, bytes: Buffer): void;
  /** is this the version's current code and configuration? Asked when a function was changed or deleted */
  isCurrent(target: Pick<FunctionVersion, "account" | "region" | "name" | "version" | "key">): boolean;
  /** which environments stay when nobody calls, and which come back before somebody does (capacity/keep-alive.ts) */
  readonly keepAlive: {
    observe(key: string, atMs: number, measured?: Measured): void;
    reclaim(
      idle: readonly {
        readonly id: string;
        readonly key: string;
        readonly idleMs: number;
        readonly memoryBytes: number;
      }[],
      usedBytes: number,
      budgetBytes: number,
      nowMs: number,
    ): readonly string[];
    prewarms(nowMs: number): readonly string[];
    forget(key: string): void;
  };
  /** bytes all environments may hold */
  readonly memoryBudgetBytes: number;
  /** an idle environment gets no more CPU after this many milliseconds */
  readonly freezeAfterMs: number;
  /** environments that all tenants of a version may have together; left out: as many as memory has room for */
  readonly mostForTenants?: number;
  /** nothing gives its memory back sooner after its last use, milliseconds; absent: as capacity/hibernation.ts has it */
  readonly hibernateAfterMs?: number;
  /** how often idle environments are looked through, milliseconds */
  readonly reclaimEveryMs: number;
  /** images of initialised processes, and of which versions they are made */
  readonly images: Images;
  readonly snapshots: SnapshotPolicy;
  /** digest of all about this machine that an image depends on (images/machine.ts) */
  readonly machine: string;
  /** how old an image may be, milliseconds */
  readonly renewImagesAfterMs: number;
  /** what was compiled of functions' code, and whether that is made ahead of their starts (THAW_PREPARE) */
  readonly compiled: CompiledStore & {
    sweep(isCurrent: EnvironmentsNeeds["isCurrent"]): Promise<void>;
    checkName(name: string): void;
    readonly limits: { readonly bytes: number; readonly files: number };
  };
  readonly prepares: boolean;
  note(line: string): void;
}

/** One row of `thaw ps`. */
export interface EnvironmentView {
  readonly id: string;
  readonly account: string;
  readonly region: string;
  readonly function: string;
  readonly version: string;
  readonly state: string;
  /** whose it is, of a function that keeps its tenants apart */
  readonly tenant: string | undefined;
  readonly memoryMb: number;
  readonly memoryBytes: number;
  readonly memoryPeakBytes: number;
  /** milliseconds since the epoch */
  readonly createdAt: number;
  readonly idleMs: number;
  readonly invocations: number;
  readonly start: string;
  /** kept for provisioned concurrency */
  readonly provisioned: boolean;
  /** frozen, and has given its memory back */
  readonly hibernated: boolean;
  readonly initMs: number;
}

/** How the environments of one function version start. */
export interface VersionView extends StartsView {
  readonly account: string;
  readonly region: string;
  readonly function: string;
  readonly version: string;
  readonly environments: number;
  readonly provisioned: ProvisionedView | undefined;
}

export interface Environments {
  /** An environment to run this event in: at once when one of its version is idle. */
  acquire(invocation: Invocation): Environment | Promise<Environment>;
  /** Boots a runtime in the background for copies that take an account's functions, unless there is such an image. */
  bootAhead(account: string, runtime: string): void;
  /** Ends the environments of a function's versions that are not current any more. */
  retire(account: string, region: string, name: string): void;
  /** Initialises a version and keeps its image, unless there is one. Rejects when its code or runtime is not to be had. */
  snapshot(target: FunctionVersion): Promise<SnapshotResult>;
  /** Keeps so many environments of a version initialised from now on; 0 ends it. */
  provision(target: FunctionVersion, count: number): void;
  provisioned(target: FunctionVersion): ProvisionedView;
  list(): EnvironmentView[];
  /** The ladder of each version that was started, and its image. */
  versions(): VersionView[];
  /** Kills all of them. */
  close(): Promise<void>;
}

/** Starts at once for each CPU: one computes while others wait for the launcher, the kernel or each other. */
const startsPerCpu = 3;
/** A start that takes longer waits for more than that (milliseconds). */
const turnMs = 100;

/** Makes the room: pools by function version, filled on demand or ahead of it, emptied when idle for long or short of memory. */
export function createEnvironments(needs: EnvironmentsNeeds): Environments {
  const left = (error: Error) => needs.note(`an image could not be deleted: ${error.message}`);
  const cpus = availableParallelism();
  const turns = new Turns(startsPerCpu * cpus, turnMs);
  /** starts under way */
  let starting = 0;
  const crowded = () => starting > cpus;
  const snapshots = new Snapshots({
    images: needs.images,
    usable: needs.driver.snapshots,
    trees: () => needs.driver.trees,
    policy: needs.snapshots,
    renewAfterMs: needs.renewImagesAfterMs,
    keyOf: (plan) => imageKey(plan, needs.machine),
    take: (plan, into, terms) => takeImage(plan, into, terms, needs),
    isCurrent: needs.isCurrent,
    busy: () => starting > 0,
    renewed(target) {
      if (!isBare(target)) stations.find(target.key)?.pool.starts.renewed("restore");
      else for (const { pool } of stations.values()) pool.starts.bareRenewed(target);
    },
    note: needs.note,
    clock: Date.now,
  });

  const compiling = new Compiling({
    // Elsewhere a function could write what others of its version start from.
    used: needs.prepares && needs.driver.name === "container",
    store: needs.compiled,
    compile: (plan) => compileAhead(plan, { driver: needs.driver, ...needs.compiled }),
    formOf: ({ target, runtimeVersion, command }) => digestOf([target.runtime, runtimeVersion, command]),
    image: (target) => snapshots.view(target),
    isCurrent: needs.isCurrent,
    busy: () => starting > 0,
    ready: (target) => stations.find(target.key)?.pool.starts.compiled(),
    note: needs.note,
  });

  const environmentNeeds: EnvironmentNeeds = {
    driver: needs.driver,
    openLog: needs.openLog,
    freezeAfterMs: needs.freezeAfterMs,
    onIdle: (environment) => stations.poolOf(environment.plan.target, environment.tenant).offer(environment),
    onProven: (environment, signal) => {
      const starts = stations.find(environment.plan.target.key)?.pool.starts;
      const why = signal === undefined ? undefined : `its first event ended in ${signal}`;
      starts?.proved(environment.startKind, why).catch(left);
    },
    onDatagram: ({ plan }, bytes) => needs.datagram?.(plan.target, bytes),
    onExtensions: ({ plan }, afterMs) => needs.extensionsTook?.(plan.target, afterMs),
    onEnding: (environment) => stations.ended(environment),
  };
  const poolNeeds: PoolNeeds = {
    plan: (target) => planOf(target, needs),
    create: (plan: Plan, mode: StartMode, provisioned: boolean) =>
      new Environment(plan, mode, provisioned, environmentNeeds),
    snapshots,
    compiling,
    underWay(change) {
      starting += change;
      return { crowded: crowded() };
    },
    crowded,
    turn: () => turns.take(),
    cpus,
  };
  const freeBytes = atMostEvery(250, () => needs.memoryBudgetBytes - heldBytes(stations.pools()));
  const stations = new Stations({
    pool: poolNeeds,
    provisioned: { cpus, freeBytes },
    mostForTenants: needs.mostForTenants ?? Number.POSITIVE_INFINITY,
  });

  const hibernation = new Hibernation({ afterMs: needs.hibernateAfterMs, budgetBytes: needs.memoryBudgetBytes });

  const housekeeping = setInterval(() => {
    const pools = [...stations.pools()];
    const usedBytes = reclaim(pools, needs);
    void hibernation.run(pools, usedBytes, monotonicMs());
    snapshots.renewOld();
    for (const key of needs.keepAlive.prewarms(monotonicMs())) {
      const pool = stations.find(key)?.pool;
      // Nobody waits for it: whoever comes first meets what kept it from starting. Which tenant that will be nobody knows.
      if (pool && !pool.retired && pool.empty && !pool.target.perTenant) pool.startAhead(false).catch(() => undefined);
    }
  }, needs.reclaimEveryMs);
  housekeeping.unref();

  return {
    acquire(invocation) {
      const { target, tenantId } = invocation;
      if (tenantId !== undefined) stations.makeRoom(target, tenantId);
      const pool = stations.poolOf(target, tenantId);
      needs.keepAlive.observe(target.key, monotonicMs(), pool.measured);
      return pool.acquire(invocation);
    },
    bootAhead(account, runtime) {
      const ordered = async () => {
        const bare = barePlanOf(account, runtime, await needs.runtime(runtime), needs);
        if (!bare) return;
        await snapshots.meet(bare);
        snapshots.consider(bare);
      };
      // Whoever calls a function of this runtime learns what is wrong with it.
      ordered().catch(() => undefined);
    },
    retire(account, region, name) {
      for (const station of stations.values()) {
        const { target } = station.pool;
        if (target.account !== account || target.region !== region || target.name !== name) continue;
        if (needs.isCurrent(target)) continue;
        station.provisioned.close();
        for (const pool of [station.pool, ...station.tenants.values()]) pool.retire();
        needs.keepAlive.forget(target.key);
        snapshots.forget(target).catch(left);
        void compiling.forget(target);
        stations.forgetIfOver(target.key);
      }
      needs.images.sweep(needs.isCurrent).catch(left);
      needs.compiled.sweep(needs.isCurrent).catch(left);
    },
    async snapshot(target) {
      const plan = await stations.of(target).pool.starts.plan();
      return snapshots.publish(plan);
    },
    provision(target, count) {
      const { pool, provisioned } = stations.of(target);
      if (pool instanceof SharedPool && target.managed) pool.scale(target.managed);
      provisioned.want(count);
    },
    provisioned: (target) => stations.of(target).provisioned.view(),
    list() {
      const now = monotonicMs();
      return [...stations.pools()].flatMap(({ all }) => [...all].map((each) => viewOf(each, now)));
    },
    versions: () => [...stations.values()].map(versionOf),
    async close() {
      clearInterval(housekeeping);
      snapshots.close();
      compiling.close();
      for (const { provisioned } of stations.values()) provisioned.close();
      await Promise.all([...stations.pools()].flatMap(({ all }) => [...all].map((each) => each.stop())));
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
    tenant: environment.tenant,
    memoryMb: target.memoryMb,
    memoryBytes: environment.memoryBytes(),
    memoryPeakBytes: environment.memoryPeakBytes(),
    createdAt: environment.createdAt,
    idleMs: waiting ? now - environment.idleSince : 0,
    invocations: environment.invocations,
    start: environment.startKind,
    provisioned: environment.provisioned,
    hibernated: environment.hibernated,
    initMs: environment.initMs,
  };
}

function versionOf({ pool, provisioned, tenants }: Station): VersionView {
  const { account, region, name, version } = pool.target;
  const kept = provisioned.wanted > 0 ? provisioned.view() : undefined;
  let environments = pool.all.size;
  for (const { all } of tenants.values()) environments += all.size;
  return { account, region, function: name, version, environments, provisioned: kept, ...pool.starts.view() };
}
