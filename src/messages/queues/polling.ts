import type { Commits } from "../commits.ts";
import type { MessageStore } from "../store.ts";
import type { Queue } from "./catalogue.ts";
import type { Received } from "./receiving.ts";

export interface Ask {
  /** most messages, 1 to 10 */
  readonly want: number;
  readonly visibilityMs: number;
  /** how long to wait for the first message */
  readonly waitMs: number;
  /** aborted when nobody waits for the answer any more */
  readonly signal?: AbortSignal | undefined;
}

export interface Polling {
  /** Resolves with what there is, as soon as there is something, or with nothing after the wait. */
  receive(queue: Queue, ask: Ask): Promise<Received[]>;
  /** There may be something new in the queue. */
  arrived(queue: Queue): void;
  /** The queue is gone: who waits for it gets nothing. */
  release(queue: Queue): void;
  /** From now on nobody waits. */
  releaseAll(): void;
}

export interface PollingNeeds {
  readonly store: Pick<MessageStore, "due" | "nextDue" | "dueGroups" | "nextGroupDue">;
  readonly commits: Commits;
  clock(): number;
  schedule(at: number, run: () => void): () => void;
  take(queue: Queue, want: number, visibilityMs: number): Received[];
}

interface Waiter {
  readonly ask: Ask;
  answer(received: Received[]): void;
  fail(error: unknown): void;
}

/** Who waits for messages of one queue, first come, first served. */
interface Line {
  readonly queue: Queue;
  readonly waiters: Set<Waiter>;
  cancel(): void;
}

export function createPolling({ store, commits, clock, schedule, take }: PollingNeeds): Polling {
  const lines = new Map<number, Line>();
  /** queues in which something arrived in this turn */
  const news = new Set<number>();
  let closed = false;

  function somethingIn({ number, settings }: Queue): boolean {
    const rows = settings.fifo ? store.dueGroups(number, clock(), 1) : store.due(number, clock(), 1);
    return rows.length > 0;
  }

  function takeNow(queue: Queue, { want, visibilityMs }: Ask): Received[] {
    return somethingIn(queue) ? commits.change(() => take(queue, want, visibilityMs)) : [];
  }

  function leave(line: Line, waiter: Waiter): void {
    line.waiters.delete(waiter);
    if (line.waiters.size > 0) return;
    line.cancel();
    if (lines.get(line.queue.number) === line) lines.delete(line.queue.number);
  }

  function serve(line: Line): void {
    for (const waiter of line.waiters) {
      try {
        const received = takeNow(line.queue, waiter.ask);
        if (received.length === 0) break;
        leave(line, waiter);
        waiter.answer(received);
      } catch (error) {
        leave(line, waiter);
        waiter.fail(error);
      }
    }
    if (line.waiters.size > 0) arm(line);
  }

  /** Looks again when the next message that is there already may be received. */
  function arm(line: Line): void {
    line.cancel();
    const { number, settings } = line.queue;
    const next = settings.fifo ? store.nextGroupDue(number, clock()) : store.nextDue(number, clock());
    line.cancel = next === undefined ? () => {} : schedule(next, () => serve(line));
  }

  async function committed(received: Received[]): Promise<Received[]> {
    await commits.committed();
    return received;
  }

  function wait(queue: Queue, ask: Ask): Promise<Received[]> {
    return new Promise((resolve, reject) => {
      const line = lines.get(queue.number) ?? { queue, waiters: new Set(), cancel: () => {} };
      lines.set(queue.number, line);
      const end = () => {
        leave(line, waiter);
        waiter.answer([]);
      };
      const cancel = schedule(clock() + ask.waitMs, end);
      const settled = () => {
        cancel();
        ask.signal?.removeEventListener("abort", end);
      };
      const waiter: Waiter = {
        ask,
        answer(received) {
          settled();
          resolve(committed(received));
        },
        fail(error) {
          settled();
          reject(error);
        },
      };
      line.waiters.add(waiter);
      ask.signal?.addEventListener("abort", end, { once: true });
      arm(line);
    });
  }

  function releaseLine(line: Line): void {
    for (const waiter of line.waiters) {
      leave(line, waiter);
      waiter.answer([]);
    }
  }

  return {
    receive(queue, ask) {
      const received = takeNow(queue, ask);
      if (received.length > 0 || ask.waitMs === 0 || closed || ask.signal?.aborted === true) return committed(received);
      return wait(queue, ask);
    },
    arrived({ number }) {
      if (!lines.has(number) || news.has(number)) return;
      news.add(number);
      // Before the turn's commit: what is sent and received together is written together.
      queueMicrotask(() => {
        news.delete(number);
        const line = lines.get(number);
        if (line !== undefined) serve(line);
      });
    },
    release({ number }) {
      const line = lines.get(number);
      if (line !== undefined) releaseLine(line);
    },
    releaseAll() {
      closed = true;
      for (const line of [...lines.values()]) releaseLine(line);
    },
  };
}
