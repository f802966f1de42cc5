import { monotonicMs } from "../model/index.ts";
import type { AnyPool } from "./any-pool.ts";
import type { Environment } from "./environment.ts";
import type { EnvironmentsNeeds } from "./environments.ts";

/** As much of a pool as its memory needs. */
type Weighed = Pick<AnyPool, "all" | "idle" | "weigh" | "target">;

/** Bytes of all environments that do not end for others: those that are kept, and those that run something. */
export function heldBytes(pools: Iterable<Weighed>): number {
  let bytes = 0;
  for (const pool of pools) {
    const ending = new Set(pool.idle());
    for (const environment of pool.all) if (!ending.has(environment)) bytes += environment.memoryBytes();
  }
  return bytes;
}

/** Remembers a value for so many milliseconds: each sandbox that it counts costs two system calls. */
export function atMostEvery(ms: number, count: () => number): () => number {
  let at = Number.NEGATIVE_INFINITY;
  let value = 0;
  return () => {
    const now = monotonicMs();
    if (now - at >= ms) {
      at = now;
      value = count();
    }
    return value;
  };
}

/** Ends idle environments whose time is over, or that others need the memory of. Returns what all held, bytes. */
export function reclaim(
  pools: Iterable<Weighed>,
  needs: Pick<EnvironmentsNeeds, "keepAlive" | "memoryBudgetBytes">,
): number {
  const idle = new Map<string, { readonly environment: Environment; readonly pool: Weighed }>();
  let usedBytes = 0;
  for (const pool of pools) {
    for (const environment of pool.all) usedBytes += environment.memoryBytes();
    for (const environment of pool.idle()) idle.set(environment.id, { environment, pool });
  }
  if (idle.size === 0) return usedBytes;
  const now = monotonicMs();
  const rows = [...idle.values()].map(({ environment, pool }) => {
    const memoryBytes = environment.memoryBytes();
    pool.weigh(memoryBytes);
    return { id: environment.id, key: pool.target.key, idleMs: now - environment.idleSince, memoryBytes };
  });
  for (const id of needs.keepAlive.reclaim(rows, usedBytes, needs.memoryBudgetBytes, now)) {
    void idle.get(id)!.environment.stop();
  }
  return usedBytes;
}
