import { chooseEvicted } from "./eviction.ts";
import { createForesight, type KeepAliveOptions, type Measured, type Plan, shortestIdleMs } from "./foresight.ts";

export type { KeepAliveOptions, Measured, Plan } from "./foresight.ts";

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

/** How many plans one reclaim() makes, some microseconds each; the others are made the next times. */
const plansAtOnce = 1000;

/** Makes a KeepAlive that knows no function. */
export function createKeepAlive(options: KeepAliveOptions): KeepAlive {
  const { shortestMs = shortestIdleMs } = options;
  const foresight = createForesight(options);
  /** when to prepare an environment of versions that have none, milliseconds */
  const awaited = new Map<string, number>();
  /** bytes of the budget that the latest reclaim() left */
  let roomBytes = Number.POSITIVE_INFINITY;

  /** Those whose time is over. `environments` are all idle ones of one version, the latest used first. */
  const over = (key: string, environments: readonly IdleEnvironment[], plan: Plan | undefined, nowMs: number) => {
    if (environments[0]!.idleMs >= shortestMs && plan && plan.keepUntilMs <= nowMs) return environments;
    const spared = foresight.knows(key) ? 1 : 0;
    if (environments.length === spared) return [];
    const surplusMs = foresight.surplusMs(key);
    return environments.filter(({ idleMs }, rank) => rank >= spared && idleMs >= surplusMs);
  };

  return {
    observe(key, atMs, measured) {
      awaited.delete(key);
      foresight.observe(key, atMs, measured);
    },
    plan: foresight.plan,

    reclaim(idle, usedBytes, budgetBytes, nowMs) {
      const versions = byVersion(idle);
      const ends = new Map<string, IdleEnvironment>();
      let plans = 0;
      for (const [key, environments] of versions) {
        const [{ idleMs }] = environments as [IdleEnvironment];
        let plan = foresight.planned(key, nowMs);
        if (!plan && foresight.knows(key) && idleMs >= shortestMs && plans++ < plansAtOnce) {
          plan = foresight.plan(key, nowMs);
        }
        for (const each of over(key, environments, plan, nowMs)) ends.set(each.id, each);
      }
      roomBytes = budgetBytes - usedBytes + sizeOf(ends.values());
      if (roomBytes < 0) {
        const stays = [...versions].flatMap(([key, environments]) =>
          environments
            .map((each, rank) => ({ ...each, priority: foresight.priority(key, nowMs, each.memoryBytes, rank) }))
            .filter(({ id }) => !ends.has(id)),
        );
        const { chosen, clock } = chooseEvicted(stays, -roomBytes);
        if (clock !== undefined) foresight.evicted(clock);
        for (const each of chosen) ends.set(each.id, each);
        roomBytes += sizeOf(chosen);
      }
      for (const [key, environments] of versions) {
        if (!environments.every(({ id }) => ends.has(id))) continue;
        const prewarmAtMs = foresight.planned(key, nowMs)?.prewarmAtMs;
        if (prewarmAtMs !== undefined) awaited.set(key, prewarmAtMs);
      }
      return [...ends.keys()];
    },

    prewarms(nowMs) {
      const due: string[] = [];
      for (const [key, atMs] of awaited) {
        if (atMs > nowMs) continue;
        awaited.delete(key);
        const { keepUntilMs, prewarmAtMs } = foresight.plan(key, nowMs);
        const bytes = foresight.bytesOf(key);
        if (keepUntilMs > nowMs && bytes <= roomBytes) {
          roomBytes -= bytes;
          due.push(key);
        } else if (keepUntilMs <= nowMs && prewarmAtMs !== undefined) {
          // Nobody asked in time, as after the machine slept: the next stretch may come yet.
          awaited.set(key, prewarmAtMs);
        }
      }
      return due;
    },

    forget(key) {
      awaited.delete(key);
      foresight.forget(key);
    },
    get pricePerMs() {
      return foresight.pricePerMs;
    },
    get size() {
      return foresight.size;
    },
  };
}

/** The idle environments of each version, the latest used first. */
function byVersion(idle: readonly IdleEnvironment[]): Map<string, IdleEnvironment[]> {
  const groups = new Map<string, IdleEnvironment[]>();
  for (const environment of idle) {
    const group = groups.get(environment.key);
    if (group) group.push(environment);
    else groups.set(environment.key, [environment]);
  }
  for (const group of groups.values()) group.sort((a, b) => a.idleMs - b.idleMs);
  return groups;
}

function sizeOf(environments: Iterable<IdleEnvironment>): number {
  let sum = 0;
  for (const { memoryBytes } of environments) sum += memoryBytes;
  return sum;
}
