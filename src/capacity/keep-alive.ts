import { type Arrivals, newArrivals, newPopulation, recordArrival, type Window, warmWindows } from "./arrivals.ts";
import { chooseEvicted, type Evictable, greedyDualPriority } from "./eviction.ts";
import { createPrice } from "./price.ts";

export interface KeepAliveOptions {
  /**
   * Idle environments may take as much memory as if one of each function were kept for this long after each call,
   * milliseconds: the policy spends that where it saves the most starts. No environment beyond a function's first is kept
   * longer than this.
   */
  readonly keepAliveMs: number;
  /** no environment ends sooner after its last use, milliseconds (default 10 s) */
  readonly shortestMs?: number;
  /** how often reclaim() and prewarms() are asked, milliseconds (default 5 s): a start must be begun that much earlier */
  readonly everyMs?: number;
  /** functions not called for this long are forgotten, milliseconds (default 14 days) */
  readonly forgetAfterMs?: number;
}

/** What is measured of a function version. */
export interface Measured {
  /** how long a start takes on its best rung (restore, pool, plain), milliseconds */
  readonly startMs: number;
  /** what an idle environment of it holds, bytes */
  readonly memoryBytes: number;
}

/** How long the last idle environment of a function version stays, and when one is prepared again. */
export interface Plan {
  /** it ends then, milliseconds of the caller's clock; `nowMs`: at once */
  readonly keepUntilMs: number;
  /** when to start a new one if no call has come; undefined: not foreseen */
  readonly prewarmAtMs: number | undefined;
}

/** An idle environment as the decision sees it. */
export interface IdleEnvironment {
  readonly id: string;
  /** its function version (FunctionVersion.key) */
  readonly key: string;
  /** milliseconds since its last answer, or since it was ready */
  readonly idleMs: number;
  /** bytes it holds now */
  readonly memoryBytes: number;
}

/**
 * Decides which environments stay when nobody calls, and which come back before somebody does. Pure: every time is an
 * argument, milliseconds of one clock of the caller's that does not go backwards.
 */
export interface KeepAlive {
  /** A call of a function version came. What is measured may be left out while it is unchanged. */
  observe(key: string, atMs: number, measured?: Measured): void;
  /** For the last idle environment of a function version. */
  plan(key: string, nowMs: number): Plan;
  /**
   * Which idle environments end now: those whose time is over, then the least precious until the rest fit the budget.
   * Versions that lose their last idle one are remembered, if they are foreseen to be called: see prewarms().
   *
   * @param usedBytes what all environments hold, busy ones included
   */
  reclaim(idle: readonly IdleEnvironment[], usedBytes: number, budgetBytes: number, nowMs: number): string[];
  /**
   * Versions to start an environment of now: those that are about to be called, as far as the memory lasts that the latest
   * reclaim() left. Each is told once, and none that was called since its last one ended.
   */
  prewarms(nowMs: number): string[];
  /** A version is gone, and with it its history. */
  forget(key: string): void;
  /** cold starts that a millisecond of a usual environment is worth at present; for metrics */
  readonly pricePerMs: number;
  /** function versions remembered */
  readonly size: number;
}

interface Version {
  readonly arrivals: Arrivals;
  startMs: number;
  bytes: number;
  /** calls, older ones fading */
  recentCalls: number;
  /** greedy-dual's clock at the latest call */
  clock: number;
}

/** A version that was never measured is taken for this; also the unit of "usual", so only ratios to it matter. */
const usual: Measured = { startMs: 100, memoryBytes: 64 * 2 ** 20 };
/** a start of our own accord, in cold starts: it takes CPU, though nobody waits for it */
const reopenCost = 0.2;
/** half-life of recentCalls, milliseconds */
const callsHalfLifeMs = 1800e3;

/** Makes a KeepAlive that knows no function. */
export function createKeepAlive(options: KeepAliveOptions): KeepAlive {
  const { keepAliveMs, shortestMs = 10e3, everyMs = 5000, forgetAfterMs = 14 * 24 * 3600e3 } = options;
  /** in the order in which they were looked at: see lookAtOne() */
  const versions = new Map<string, Version>();
  /** when to prepare an environment of versions that have none, milliseconds */
  const awaited = new Map<string, number>();
  const population = newPopulation();
  const price = createPrice(keepAliveMs);
  let clock = 0;
  /** bytes of the budget that the latest reclaim() left */
  let roomBytes = Number.POSITIVE_INFINITY;

  /** cold starts that a millisecond of this version is worth: dear if it is large, cheap if it is slow to start */
  const priceOf = ({ startMs, bytes }: Version) =>
    price.perMs * (bytes / usual.memoryBytes) * (usual.startMs / startMs);

  /** The warm stretches after the latest call, opened early enough for a start to be asked for and done. */
  const windowsOf = (version: Version): Window[] => {
    const leadMs = everyMs + 2 * version.startMs;
    const ready: Window[] = [{ fromMs: 0, toMs: shortestMs }];
    for (const { fromMs, toMs } of warmWindows(version.arrivals, population, priceOf(version), reopenCost)) {
      const last = ready.at(-1)!;
      if (fromMs - leadMs > last.toMs) ready.push({ fromMs: fromMs - leadMs, toMs });
      else if (toMs > last.toMs) ready[ready.length - 1] = { fromMs: last.fromMs, toMs };
    }
    return ready;
  };

  const planOf = (version: Version, nowMs: number): Plan => {
    const { lastMs } = version.arrivals;
    let keepUntilMs = nowMs;
    for (const { fromMs, toMs } of windowsOf(version)) {
      if (lastMs + toMs <= nowMs) continue;
      if (lastMs + fromMs > nowMs) return { keepUntilMs, prewarmAtMs: lastMs + fromMs };
      keepUntilMs = lastMs + toMs;
    }
    return { keepUntilMs, prewarmAtMs: undefined };
  };

  /**
   * How long an environment beyond the first stays idle: until holding it has cost what starting it again would, which
   * never costs more than twice the best there is, whatever comes (ski rental).
   */
  const surplusMs = (version: Version | undefined) =>
    version ? Math.min(keepAliveMs, Math.max(shortestMs, 1 / priceOf(version))) : keepAliveMs;

  /** Looks at the version that was not looked at for longest: forgotten, or back in the queue. */
  const lookAtOne = (nowMs: number) => {
    const oldest = versions.entries().next().value;
    if (!oldest) return;
    const [key, version] = oldest;
    versions.delete(key);
    if (nowMs - version.arrivals.lastMs < forgetAfterMs) {
      versions.set(key, version);
      return;
    }
    price.account(warmTime(windowsOf(version), forgetAfterMs), keepAliveMs, version.bytes);
    awaited.delete(key);
  };

  const again = (version: Version, atMs: number) => {
    const { arrivals } = version;
    const gapMs = atMs - arrivals.lastMs;
    version.recentCalls = faded(version.recentCalls, gapMs) + 1;
    version.clock = clock;
    if (gapMs <= shortestMs) {
      // Everything is warm for that long: nothing to decide, to pay for or to learn. And a burst must not make what is known
      // of the longer gaps fade.
      arrivals.lastMs = Math.max(arrivals.lastMs, atMs);
      return;
    }
    price.account(warmTime(windowsOf(version), gapMs), Math.min(gapMs, keepAliveMs), version.bytes);
    recordArrival(arrivals, atMs, population);
    lookAtOne(atMs);
  };

  return {
    observe(key, atMs, measured) {
      awaited.delete(key);
      let version = versions.get(key);
      if (version) again(version, atMs);
      else {
        lookAtOne(atMs);
        const { startMs, memoryBytes: bytes } = usual;
        version = { arrivals: newArrivals(atMs), startMs, bytes, recentCalls: 1, clock };
        versions.set(key, version);
      }
      if (!measured) return;
      version.startMs = Math.max(1, measured.startMs);
      version.bytes = Math.max(2 ** 20, measured.memoryBytes);
    },

    plan(key, nowMs) {
      const version = versions.get(key);
      return version ? planOf(version, nowMs) : { keepUntilMs: nowMs, prewarmAtMs: undefined };
    },

    reclaim(idle, usedBytes, budgetBytes, nowMs) {
      const ends: string[] = [];
      const stays: Evictable[] = [];
      const left = new Map<string, number>();
      let used = usedBytes;
      for (const [key, environments] of byVersion(idle)) {
        const version = versions.get(key);
        left.set(key, environments.length);
        const firstIdleMs = environments[0]!.idleMs;
        const none = version && firstIdleMs >= shortestMs && planOf(version, nowMs).keepUntilMs <= nowMs;
        for (const [rank, { id, idleMs, memoryBytes }] of environments.entries()) {
          const over = none || ((rank > 0 || !version) && idleMs >= surplusMs(version));
          if (over) {
            ends.push(id);
            used -= memoryBytes;
            continue;
          }
          const { startMs } = version ?? usual;
          const calls = version ? faded(version.recentCalls, nowMs - version.arrivals.lastMs) : 0;
          const priority = greedyDualPriority(version?.clock ?? clock, calls, startMs, memoryBytes, rank);
          stays.push({ id, memoryBytes, priority });
        }
      }
      const evicted = chooseEvicted(stays, used, budgetBytes);
      if (evicted.clock !== undefined) clock = Math.max(clock, evicted.clock);
      ends.push(...evicted.ids);
      const ending = new Set(ends);
      roomBytes = budgetBytes - usedBytes;
      for (const { id, memoryBytes } of idle) if (ending.has(id)) roomBytes += memoryBytes;
      for (const { id, key } of idle) if (ending.has(id)) left.set(key, left.get(key)! - 1);
      for (const [key, count] of left) {
        const version = versions.get(key);
        const next = count === 0 && version ? planOf(version, nowMs).prewarmAtMs : undefined;
        if (next !== undefined) awaited.set(key, next);
      }
      return ends;
    },

    prewarms(nowMs) {
      const due: string[] = [];
      for (const [key, atMs] of awaited) {
        if (atMs > nowMs) continue;
        awaited.delete(key);
        const version = versions.get(key);
        if (!version) continue;
        const { keepUntilMs, prewarmAtMs } = planOf(version, nowMs);
        if (keepUntilMs > nowMs) {
          if (version.bytes > roomBytes) continue;
          roomBytes -= version.bytes;
          due.push(key);
        } else if (prewarmAtMs !== undefined) {
          // Nobody asked in time, as after the machine slept: the next stretch may come yet.
          awaited.set(key, prewarmAtMs);
        }
      }
      return due;
    },

    forget(key) {
      versions.delete(key);
      awaited.delete(key);
    },
    get pricePerMs() {
      return price.perMs;
    },
    get size() {
      return versions.size;
    },
  };
}

/** The idle environments of each version, the latest used first. */
function byVersion(idle: readonly IdleEnvironment[]): Map<string, IdleEnvironment[]> {
  const groups = new Map<string, IdleEnvironment[]>();
  for (const environment of [...idle].sort((a, b) => a.idleMs - b.idleMs)) {
    const group = groups.get(environment.key);
    if (group) group.push(environment);
    else groups.set(environment.key, [environment]);
  }
  return groups;
}

/** How much of the first `gapMs` milliseconds the windows cover. */
function warmTime(windows: readonly Window[], gapMs: number): number {
  let sum = 0;
  for (const { fromMs, toMs } of windows) sum += Math.max(0, Math.min(toMs, gapMs) - fromMs);
  return sum;
}

function faded(calls: number, ms: number): number {
  return calls * 2 ** (-ms / callsHalfLifeMs);
}
