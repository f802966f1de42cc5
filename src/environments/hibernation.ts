import { chooseHibernated, type Hibernatable } from "../capacity/index.ts";
import type { AnyPool } from "./any-pool.ts";
import type { Environment } from "./environment.ts";

/**
 * What a call pays for each 4 KiB page that it finds gone, milliseconds: measured on pages of files that were still in the
 * page cache. From swap it is more, and how much is the disk's matter.
 */
const wakeMsPerPage = 0.001;
const pageBytes = 4096;

/** As much of a pool as has environments that may hibernate. */
type Resting = Pick<AnyPool, "idle" | "target" | "starts">;

export interface HibernationNeeds {
  /** nothing hibernates sooner after its last use, milliseconds; undefined: as capacity/hibernation.ts has it */
  readonly afterMs: number | undefined;
  readonly budgetBytes: number;
}

/**
 * Lets idle environments give their memory back before they end. What one gives is not known before: it is taken to be all
 * that it holds until one of its version has tried, and what that gave from then on. So a machine without swap, where a
 * runtime's own memory has nowhere to go, tries once for each version and leaves it at that.
 */
export class Hibernation {
  readonly #needs: HibernationNeeds;
  /** bytes that the latest of a version gave */
  readonly #given = new WeakMap<Resting, number>();
  #running = false;

  constructor(needs: HibernationNeeds) {
    this.#needs = needs;
  }

  /** Never rejects. One run at a time: each environment keeps a thread and the kernel's reclaim busy for some milliseconds. */
  async run(pools: Iterable<Resting>, usedBytes: number, nowMs: number): Promise<void> {
    if (this.#running) return;
    const found = new Map<string, { readonly environment: Environment; readonly pool: Resting }>();
    const rows: Hibernatable[] = [];
    for (const pool of pools) {
      for (const environment of pool.idle()) {
        const row = this.#row(pool, environment, nowMs);
        if (!row) continue;
        rows.push(row);
        found.set(environment.id, { environment, pool });
      }
    }
    this.#running = true;
    const { afterMs, budgetBytes } = this.#needs;
    const options = { usedBytes, budgetBytes, ...(afterMs === undefined ? {} : { afterMs }) };
    for (const id of chooseHibernated(rows, options)) {
      const { environment, pool } = found.get(id)!;
      const bytes = await environment.hibernate();
      if (bytes !== undefined) this.#given.set(pool, bytes);
    }
    this.#running = false;
  }

  /** undefined: it cannot hibernate now, or nobody knows yet what ending it would cost. */
  #row(pool: Resting, environment: Environment, nowMs: number): Hibernatable | undefined {
    const startMs = pool.starts.bestMs;
    if (environment.state !== "frozen" || environment.hibernated || startMs === undefined) return undefined;
    const freeableBytes = this.#given.get(pool) ?? environment.memoryBytes();
    return {
      id: environment.id,
      idleMs: nowMs - environment.idleSince,
      freeableBytes,
      wakeMs: (freeableBytes / pageBytes) * wakeMsPerPage,
      startMs,
      expectedInMs: undefined,
    };
  }
}
