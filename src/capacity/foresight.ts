import { type Arrivals, newArrivals, newPopulation, recordArrival, type Window, warmWindows } from "./arrivals.ts";
import { greedyDualPriority } from "./eviction.ts";
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

/** What is foreseen of each function version, and what an environment of it is worth. */
export interface Foresight {
  /** A call came: see KeepAlive. */
  observe(key: string, atMs: number, measured?: Measured): void;
  plan(key: string, nowMs: number): Plan;
  /** The plan that was made since the latest call, while it tells enough; costs nothing. plan() costs microseconds. */
  planned(key: string, nowMs: number): Plan | undefined;
  /**
   * How long an environment beyond a version's first stays idle, milliseconds: until holding it has cost what starting it
   * again would, which never costs more than twice the best there is, whatever comes (ski rental).
   */
  surplusMs(key: string): number;
  /** Greedy-dual priority of an idle environment; `rank` 0 is the version's latest used. */
  priority(key: string, nowMs: number, memoryBytes: number, rank: number): number;
  /** An environment of this priority was evicted: what is used from now on is worth that much more. */
  evicted(priority: number): void;
  /** bytes an idle environment of the version holds, as far as known */
  bytesOf(key: string): number;
  /** was it ever observed, and not forgotten since? */
  knows(key: string): boolean;
  forget(key: string): void;
  readonly pricePerMs: number;
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
  /** the plan made since the latest call */
  planned: Plan | undefined;
}

/** KeepAliveOptions.shortestMs, if nothing else is said */
export const shortestIdleMs = 10e3;
/** A version that was never measured is taken for this; also the unit of "usual", so only ratios to it matter. */
const usual: Measured = { startMs: 100, memoryBytes: 64 * 2 ** 20 };
/** a start of our own accord, in cold starts: it takes CPU, though nobody waits for it */
const reopenCost = 0.2;
/** half-life of recentCalls, milliseconds */
const callsHalfLifeMs = 1800e3;

/** Makes a Foresight that knows no function. */
export function createForesight(options: KeepAliveOptions): Foresight {
  const { keepAliveMs, shortestMs = shortestIdleMs, everyMs = 5000, forgetAfterMs = 14 * 24 * 3600e3 } = options;
  const versions = new Map<string, Version>();
  /** goes round all versions, as the hand of a clock */
  let hand = versions.entries();
  const population = newPopulation();
  const price = createPrice(keepAliveMs);
  let clock = 0;

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

  /** Looks at one version, the next each time, and forgets it if it is old. */
  const lookAtOne = (nowMs: number) => {
    let next = hand.next();
    if (next.done) {
      hand = versions.entries();
      next = hand.next();
    }
    if (next.done) return;
    const [key, version] = next.value;
    if (nowMs - version.arrivals.lastMs < forgetAfterMs) return;
    price.account(warmTime(windowsOf(version), forgetAfterMs), keepAliveMs, version.bytes);
    versions.delete(key);
  };

  const again = (version: Version, atMs: number) => {
    const { arrivals } = version;
    const gapMs = atMs - arrivals.lastMs;
    version.recentCalls = faded(version.recentCalls, gapMs) + 1;
    version.clock = clock;
    version.planned = undefined;
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
      let version = versions.get(key);
      if (version) again(version, atMs);
      else {
        lookAtOne(atMs);
        const { startMs, memoryBytes: bytes } = usual;
        version = { arrivals: newArrivals(atMs), startMs, bytes, recentCalls: 1, clock, planned: undefined };
        versions.set(key, version);
      }
      if (!measured) return;
      version.startMs = Math.max(1, measured.startMs);
      version.bytes = Math.max(2 ** 20, measured.memoryBytes);
    },

    plan(key, nowMs) {
      const version = versions.get(key);
      if (!version) return { keepUntilMs: nowMs, prewarmAtMs: undefined };
      version.planned = planOf(version, nowMs);
      return version.planned;
    },

    planned(key, nowMs) {
      const plan = versions.get(key)?.planned;
      // From the next stretch on, what follows it must be looked up.
      return plan && nowMs < (plan.prewarmAtMs ?? Number.POSITIVE_INFINITY) ? plan : undefined;
    },

    surplusMs(key) {
      const version = versions.get(key);
      return version ? Math.min(keepAliveMs, Math.max(shortestMs, 1 / priceOf(version))) : keepAliveMs;
    },

    priority(key, nowMs, memoryBytes, rank) {
      const version = versions.get(key);
      if (!version) return greedyDualPriority(clock, 0, usual.startMs, memoryBytes, rank);
      const calls = faded(version.recentCalls, nowMs - version.arrivals.lastMs);
      return greedyDualPriority(version.clock, calls, version.startMs, memoryBytes, rank);
    },
    evicted(priority) {
      clock = Math.max(clock, priority);
    },

    knows: (key) => versions.has(key),
    bytesOf: (key) => versions.get(key)?.bytes ?? usual.memoryBytes,
    forget(key) {
      versions.delete(key);
    },
    get pricePerMs() {
      return price.perMs;
    },
    get size() {
      return versions.size;
    },
  };
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
