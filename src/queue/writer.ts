import type { Change } from "./events.ts";
import type { QueueStore } from "./store.ts";

/** Writes what comes together in one transaction, and flushes it once for all who wait for the disk. */
export interface Writer {
  /**
   * Tells `written` when the change survives the end of this process, and resolves when it survives a power cut. Rejects
   * when it could not be written.
   */
  durable(change: Change, written: (added: readonly number[]) => void): Promise<void>;
  /**
   * Tells `written` when the change survives the end of this process. Tried until it works: what has happened to an event
   * must not be forgotten because the disk is full.
   */
  write(change: Change, written: (added: readonly number[]) => void): void;
  /** Resolves when there is nothing left to write, or no way to write it. */
  idle(): Promise<void>;
}

export interface WriterNeeds {
  readonly store: Pick<QueueStore, "write" | "synced">;
  /** Calls back after some time, for another try. */
  later(ms: number, run: () => void): void;
  report(error: unknown): void;
}

interface Entry {
  readonly change: Change;
  /** it is written */
  done(added: readonly number[]): void;
  /** it is on the disk; absent: nobody asks */
  readonly onDisk?: (() => void) | undefined;
  failed(error: unknown): void;
}

/** More than this in one transaction would keep everything else waiting. */
const most = 2000;
const againMs = 1000;

export function createWriter(needs: WriterNeeds): Writer {
  let waiting: Entry[] = [];
  let running: Promise<void> | undefined;

  async function flush(batch: readonly Entry[]): Promise<void> {
    let added: readonly (readonly number[])[];
    try {
      added = needs.store.write(batch.map(({ change }) => change));
    } catch (error) {
      for (const entry of batch) entry.failed(error);
      return;
    }
    for (const [index, entry] of batch.entries()) entry.done(added[index]!);
    const asking = batch.filter(({ onDisk }) => onDisk !== undefined);
    if (asking.length === 0) return;
    try {
      await needs.store.synced();
      for (const entry of asking) entry.onDisk?.();
    } catch (error) {
      for (const entry of asking) entry.failed(error);
    }
  }

  /** What comes while the disk works is the next batch: the busier it is, the more share a flush. */
  async function work(): Promise<void> {
    // All requests that were read from their sockets in this turn have come by then.
    await new Promise(setImmediate);
    while (waiting.length > 0) {
      const batch = waiting.slice(0, most);
      waiting = waiting.slice(most);
      await flush(batch);
    }
    running = undefined;
  }

  function put(entry: Entry): void {
    waiting.push(entry);
    running ??= work();
  }

  return {
    durable: (change, written) =>
      new Promise((resolve, reject) => put({ change, done: written, onDisk: resolve, failed: reject })),
    write(change, written) {
      const entry: Entry = {
        change,
        done: written,
        failed(error) {
          needs.report(error);
          needs.later(againMs, () => put(entry));
        },
      };
      put(entry);
    },
    async idle() {
      while (running !== undefined) await running;
    },
  };
}
