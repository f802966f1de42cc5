import { backoffMs, type Later, type NewEvent, type QueuedEvent } from "./events.ts";
import type { Idleness } from "./idleness.ts";
import type { QueueStore } from "./store.ts";
import type { Writer } from "./writer.ts";

/** What came of one try. */
export type Verdict =
  /** it is over; `next` begins in the same moment */
  | { readonly kind: "done"; readonly next?: readonly NewEvent[] }
  /** it is tried again at `due`; `tries`, `delays` and `response` as they are then */
  | ({ readonly kind: "later" } & Omit<Later, "id" | "queue">)
  /** there is no place for it now: it keeps its turn. `until`: when it must be looked at in any case */
  | { readonly kind: "busy"; readonly until: number; readonly response: Buffer };

export interface DispatcherNeeds {
  readonly store: Pick<QueueStore, "due" | "nextDue" | "event">;
  readonly writer: Pick<Writer, "write">;
  /** milliseconds since the epoch */
  clock(): number;
  /** Calls back at a moment of the clock, or earlier: who is woken looks again. Returns what cancels it. */
  schedule(at: number, run: () => void): () => void;
  /** Does what an event asks for. */
  work(event: QueuedEvent): Promise<Verdict>;
  /** most events that are worked on at once, of all queues */
  readonly places: number;
  /** most of one queue to begin with; it gets more as long as the machine has something left */
  readonly firstPlaces: number;
  idle: Idleness;
  report(error: unknown): void;
}

/** Decides whose turn it is. */
export interface Dispatcher {
  /** These events are in the store, since this moment. */
  arrived(events: readonly NewEvent[], ids: readonly number[]): void;
  /** There are events of this queue in the store, perhaps. */
  look(key: string): void;
  /** The queue is gone from the store. What runs of it runs on. */
  forget(key: string): void;
  running(): number;
  /** Nothing new begins. Resolves when nothing runs any more. */
  pause(): Promise<void>;
  /** Forgets everything. What still runs has no effect any more. */
  close(): void;
}

interface Queue {
  readonly key: string;
  /** events whose turn comes next, by number where they are not worth the memory */
  ready: (QueuedEvent | number)[];
  /** numbers of all that are ready, run, or are being written */
  readonly held: Set<number>;
  running: number;
  /** most that may run at once */
  places: number;
  /** when it got more of them, milliseconds since the epoch */
  grew: number;
  /** how long an event takes, milliseconds: an average in which old ones count less and less */
  lasts: number;
  /** the store has more that are due */
  more: boolean;
  /** nothing begins before; milliseconds since the epoch */
  pausedUntil: number;
  /** how often in a row there was no place */
  refusals: number;
  wakeAt: number;
  cancel: (() => void) | undefined;
  gone: boolean;
}

/** events of one queue that memory knows of, beside those that run */
const window = 256;
/** bytes of payloads kept in memory for events that do not run yet, of all queues */
const keptBytes = 32 * 2 ** 20;
const worthKeeping = 16 * 1024;
/** events a second of one queue that may begin even where the CPUs are busy */
const leastRate = 40;
const growEveryMs = 50;

/**
 * Queues take turns, one event each. No queue may have more places than are left free for the others: one alone gets half of
 * all, two a third each, and whoever comes new finds some (the dynamic thresholds of shared-memory switches: Choudhury and
 * Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998). Memory holds a window of each queue;
 * all else is in the store.
 */
export function createDispatcher(needs: DispatcherNeeds): Dispatcher {
  const { store, writer, clock } = needs;
  const queues = new Map<string, Queue>();
  /** queues with something to do, in the order of their turns */
  const turns = new Set<Queue>();
  let running = 0;
  let kept = 0;
  let pumping = false;
  let state: "open" | "paused" | "closed" = "open";
  const idle: (() => void)[] = [];

  function queueOf(key: string): Queue {
    let queue = queues.get(key);
    if (queue === undefined) {
      queue = {
        key,
        ready: [],
        held: new Set(),
        running: 0,
        places: needs.firstPlaces,
        grew: 0,
        lasts: 0,
        more: false,
        pausedUntil: 0,
        refusals: 0,
        wakeAt: Number.POSITIVE_INFINITY,
        cancel: undefined,
        gone: false,
      };
      queues.set(key, queue);
    }
    return queue;
  }

  /** A queue that waits for nothing is not kept. */
  function settle(queue: Queue): void {
    if (queue.held.size > 0 || queue.more || queue.cancel !== undefined) return;
    turns.delete(queue);
    if (queues.get(queue.key) === queue) queues.delete(queue.key);
  }

  function wake(queue: Queue, at: number): void {
    if (state !== "open" || queue.gone || at >= queue.wakeAt) return;
    queue.cancel?.();
    queue.wakeAt = at;
    queue.cancel = needs.schedule(at, () => {
      queue.cancel = undefined;
      queue.wakeAt = Number.POSITIVE_INFINITY;
      queue.more = true;
      if (queue.pausedUntil > clock()) wake(queue, queue.pausedUntil);
      else turns.add(queue);
      pump();
    });
  }

  function fill(queue: Queue): void {
    const now = clock();
    const limit = window + queue.held.size;
    const found = store.due(queue.key, now, limit);
    queue.more = found.length === limit;
    for (const id of found) {
      if (queue.held.has(id)) continue;
      queue.held.add(id);
      queue.ready.push(id);
    }
    if (queue.more) return;
    const next = store.nextDue(queue.key, now);
    if (next !== undefined) wake(queue, next);
  }

  /** Takes the next event of a queue out of the window. */
  function take(queue: Queue): QueuedEvent | undefined {
    while (true) {
      if (queue.ready.length === 0 && queue.more) fill(queue);
      const entry = queue.ready.shift();
      if (entry === undefined) return undefined;
      if (typeof entry !== "number") {
        kept -= entry.payload.length;
        return entry;
      }
      const event = store.event(entry);
      if (event !== undefined) return event;
      queue.held.delete(entry);
    }
  }

  function pump(): void {
    if (state !== "open") return;
    let progress = true;
    while (progress && running < needs.places) {
      progress = false;
      for (const queue of [...turns]) {
        if (running >= needs.places) break;
        if (queue.running >= queue.places || queue.pausedUntil > clock()) {
          turns.delete(queue);
          continue;
        }
        if (queue.running >= Math.max(1, needs.places - running)) continue;
        const event = take(queue);
        if (event === undefined) {
          turns.delete(queue);
          settle(queue);
          continue;
        }
        progress = true;
        begin(queue, event);
      }
    }
  }

  function begin(queue: Queue, event: QueuedEvent): void {
    const began = clock();
    queue.running += 1;
    running += 1;
    needs
      .work(event)
      .catch((error: unknown): Verdict => {
        needs.report(error);
        return { ...event, kind: "later", due: clock() + backoffMs(event.delays), delays: event.delays + 1 };
      })
      .then((verdict) => {
        queue.lasts += (clock() - began - queue.lasts) / 8;
        ended(queue, event, verdict);
      })
      .catch(needs.report);
  }

  function ended(queue: Queue, event: QueuedEvent, verdict: Verdict): void {
    queue.running -= 1;
    running -= 1;
    if (running === 0) for (const resolve of idle.splice(0)) resolve();
    if (state === "closed") return;
    // Its queue was dropped while it ran: only what follows from it remains.
    if (queue.gone && verdict.kind !== "done") return;
    if (verdict.kind === "busy")
      refused(queue, { ...event, response: event.response ?? verdict.response }, verdict.until);
    else finished(queue, event, verdict);
    turns.add(queue);
    soon();
  }

  /** In the next turn of the event loop: events that are over at once must not keep all else from running. */
  function soon(): void {
    if (pumping) return;
    pumping = true;
    setImmediate(() => {
      pumping = false;
      pump();
    });
  }

  /** The event keeps its turn, and the queue waits until one of its own has ended, or for a while. */
  function refused(queue: Queue, event: QueuedEvent, until: number): void {
    queue.ready.unshift(event);
    kept += event.payload.length;
    queue.places = Math.max(1, queue.running);
    const at = Math.min(clock() + backoffMs(queue.refusals), until);
    queue.refusals += 1;
    queue.pausedUntil = Math.max(at, clock() + 1);
    wake(queue, queue.pausedUntil);
  }

  /**
   * More at once only makes sense while CPUs are idle: what computes gets no quicker by it, and takes the CPU from those who
   * accept events. What takes long waits for something else, as a rule, and is let begin at a certain rate all the same.
   */
  function adapt(queue: Queue): void {
    const fewest = Math.max(needs.firstPlaces, (queue.lasts * leastRate) / 1000);
    const idle = needs.idle();
    const now = clock();
    if (idle < 0.05) queue.places *= 0.95;
    // What was begun in addition must be seen in how busy the machine is before there is more.
    else if (idle > 0.1 && queue.running + 1 >= queue.places && now - queue.grew >= growEveryMs) {
      queue.places += Math.max(1, queue.places / 10);
      queue.grew = now;
    }
    queue.places = Math.min(Math.max(queue.places, fewest), needs.places);
  }

  function finished(queue: Queue, event: QueuedEvent, verdict: Exclude<Verdict, { kind: "busy" }>): void {
    const { id } = event;
    queue.pausedUntil = 0;
    queue.refusals = 0;
    adapt(queue);
    if (verdict.kind === "later") {
      const { due, tries, delays, response } = verdict;
      writer.write({ later: { id, queue: event.queue, due, tries, delays, response } }, () => {
        queue.held.delete(id);
        wake(queue, due);
        settle(queue);
      });
      return;
    }
    const next = verdict.next ?? [];
    writer.write({ remove: id, add: next }, (added) => {
      queue.held.delete(id);
      settle(queue);
      arrived(next, added);
    });
  }

  function arrived(events: readonly NewEvent[], ids: readonly number[]): void {
    if (state === "closed") return;
    for (const [index, event] of events.entries()) {
      const queue = queueOf(event.queue);
      const id = ids[index]!;
      // Behind those that memory does not know of it has to wait for its turn.
      if (queue.more || queue.ready.length >= window) queue.more = true;
      else {
        const worth = event.payload.length <= worthKeeping && kept < keptBytes;
        if (worth) kept += event.payload.length;
        queue.held.add(id);
        queue.ready.push(worth ? { ...event, id, tries: 0, delays: 0, response: undefined } : id);
      }
      turns.add(queue);
    }
    pump();
  }

  function forget(key: string): void {
    const queue = queues.get(key);
    if (queue === undefined) return;
    queue.gone = true;
    queue.cancel?.();
    queue.cancel = undefined;
    for (const entry of queue.ready) {
      if (typeof entry === "number") queue.held.delete(entry);
      else {
        kept -= entry.payload.length;
        queue.held.delete(entry.id);
      }
    }
    queue.ready = [];
    queue.more = false;
    turns.delete(queue);
    queues.delete(key);
  }

  function stop(next: "paused" | "closed"): void {
    state = next;
    for (const queue of queues.values()) queue.cancel?.();
  }

  return {
    arrived,
    look(key) {
      const queue = queueOf(key);
      queue.more = true;
      turns.add(queue);
      pump();
    },
    forget,
    running: () => running,
    pause() {
      if (state === "open") stop("paused");
      return running === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve));
    },
    close: () => stop("closed"),
  };
}
