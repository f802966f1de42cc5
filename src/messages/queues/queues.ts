import { setTimeout as pause } from "node:timers/promises";
import type { Commits } from "../commits.ts";
import type { NewMessage } from "../message.ts";
import { MessageRefusal } from "../refusal.ts";
import type { Counts, MessageStore } from "../store.ts";
import type { Attributes } from "./attributes.ts";
import { type Catalogue, createCatalogue, type Place, type Queue } from "./catalogue.ts";
import { changeVisibility, deleteMessage } from "./changing.ts";
import { createMoving, type Moving } from "./moving.ts";
import { type Ask, createPolling } from "./polling.ts";
import { type Received, takeMessages } from "./receiving.ts";
import { addMessage, checkMessage, type Sent } from "./sending.ts";

/** Of several things asked for at once: what became of one of them. */
export type Each<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: MessageRefusal };

/** Queues of SQS. Everything that changes something resolves when it is on the disk, and rejects with MessageRefusal. */
export interface Queues {
  readonly find: Catalogue["find"];
  readonly get: Catalogue["get"];
  readonly byArn: Catalogue["byArn"];
  readonly list: Catalogue["list"];
  /** Of the queue's account and region, those whose dead letters it gets. */
  sourcesOf(queue: Queue): Queue[];
  create(place: Place, name: string, attributes: Attributes, tags: Readonly<Record<string, string>>): Promise<Queue>;
  setAttributes(queue: Queue, attributes: Attributes): Promise<void>;
  setTags(queue: Queue, tags: Readonly<Record<string, string>>): Promise<void>;
  remove(queue: Queue): Promise<void>;
  purge(queue: Queue): Promise<void>;
  counts(queue: Queue): Counts;
  /** `sender`: SenderId */
  send(queue: Queue, messages: readonly NewMessage[], sender: string): Promise<Each<Sent>[]>;
  receive(queue: Queue, ask: Ask): Promise<Received[]>;
  delete(queue: Queue, handles: readonly string[]): Promise<Each<void>[]>;
  /** `seconds`: from now */
  changeVisibility(queue: Queue, changes: readonly { handle: string; seconds: number }[]): Promise<Each<void>[]>;
  startMove(...task: Parameters<Moving["start"]>): Promise<string>;
  cancelMove(handle: string): Promise<number>;
  readonly moves: Moving["list"];
  /** Of a move task's handle. Throws InvalidParameterValue. */
  readonly moveSource: Moving["sourceOf"];
}

export interface QueuesNeeds {
  readonly store: MessageStore;
  readonly commits: Commits;
  clock(): number;
  schedule(at: number, run: () => void): () => void;
  report(error: unknown): void;
}

/** Most messages of a queue that are out at once. Source: SQS Developer Guide, "Amazon SQS message quotas". */
const mostInFlight = 120_000;
const sweepMs = 60_000;

export function createQueues(needs: QueuesNeeds) {
  const { store, commits, clock, report } = needs;
  const catalogue = createCatalogue(needs);
  /** by number, at most so many messages are out; counted anew when that may be too many */
  const out = new Map<number, number>();
  let closed = false;
  let sweeping = false;

  function take(queue: Queue, want: number, visibilityMs: number): Received[] {
    let before = out.get(queue.number) ?? 0;
    if (before + want > mostInFlight) before = store.counts(queue.number, clock()).inFlight;
    if (before >= mostInFlight) return [];
    const taken = takeMessages({ store, catalogue, arrived: polling.arrived }, queue, want, visibilityMs, clock());
    out.set(queue.number, before + taken.length);
    return taken;
  }

  const polling = createPolling({ ...needs, take });
  const moving = createMoving({ ...needs, catalogue, arrived: polling.arrived });

  async function changed<T>(work: () => T): Promise<T> {
    const result = commits.change(work);
    await commits.durable();
    return result;
  }

  /** Refusals are of one each; all that is accepted is written together. */
  const each = <In, Out>(list: readonly In[], work: (one: In) => Out): Promise<Each<Out>[]> =>
    changed(() =>
      list.map((one): Each<Out> => {
        try {
          return { ok: true, value: work(one) };
        } catch (error) {
          if (error instanceof MessageRefusal) return { ok: false, refusal: error };
          throw error;
        }
      }),
    );

  /** A long queue is not removed at once: everything else would have to wait. */
  async function sweep(): Promise<void> {
    if (sweeping) return;
    sweeping = true;
    try {
      while (!closed && commits.change(() => store.sweep(1000))) await pause(5, undefined, { ref: false });
    } finally {
      sweeping = false;
    }
  }

  /** Removes what is too old, and what nobody would otherwise find. */
  function tidy(): void {
    const now = clock();
    commits.change(() => {
      store.forgetDuplicates(now);
      for (const queue of catalogue.everything()) {
        if (queue.settings.fifo) continue;
        for (const row of store.due(queue.number, now, 1000)) {
          if (row.sent + queue.settings.retentionMs <= now) store.remove(row.id);
        }
      }
    });
  }

  let cancelTidy = () => {};
  function tidyLater(): void {
    cancelTidy = needs.schedule(clock() + sweepMs, () => {
      try {
        tidy();
      } catch (error) {
        report(error);
      }
      tidyLater();
    });
  }

  const queues: Queues = {
    find: catalogue.find,
    get: catalogue.get,
    byArn: catalogue.byArn,
    list: catalogue.list,
    sourcesOf(queue) {
      return catalogue.list(queue.record).filter(({ settings }) => {
        const target = settings.redrive === undefined ? undefined : catalogue.byArn(settings.redrive.arn);
        return target?.number === queue.number;
      });
    },
    create: (...given) => changed(() => catalogue.create(...given)),
    setAttributes: (queue, given) => changed(() => catalogue.setAttributes(queue, given)),
    setTags: (queue, tags) => changed(() => catalogue.setTags(queue, tags)),
    async remove(queue) {
      await changed(() => catalogue.remove(queue));
      polling.release(queue);
      out.delete(queue.number);
      sweep().catch(report);
    },
    async purge(queue) {
      await changed(() => catalogue.purge(queue));
      polling.release(queue);
      out.delete(queue.number);
      sweep().catch(report);
    },
    counts: (queue) => store.counts(queue.number, clock()),
    async send(queue, messages, sender) {
      const sent = await each(messages, (message) => {
        checkMessage(queue, message);
        const done = addMessage(store, queue, message, sender, clock());
        polling.arrived(queue);
        return done;
      });
      return sent;
    },
    receive: polling.receive,
    delete: (queue, handles) =>
      each(handles, (handle) => {
        deleteMessage(store, queue, handle, clock());
        out.set(queue.number, Math.max(0, (out.get(queue.number) ?? 0) - 1));
        polling.arrived(queue);
      }),
    changeVisibility: (queue, changes) =>
      each(changes, ({ handle, seconds }) => {
        changeVisibility(store, queue, handle, seconds, clock());
        polling.arrived(queue);
      }),
    startMove: (...task) => changed(() => moving.start(...task)),
    cancelMove: (handle) => changed(() => moving.cancel(handle)),
    moves: moving.list,
    moveSource: moving.sourceOf,
  };
  return {
    queues,
    catalogue,
    arrived: polling.arrived,
    takeUp() {
      moving.takeUp();
      tidyLater();
      sweep().catch(report);
    },
    /** Who waits for a message gets none. */
    release: polling.releaseAll,
    close() {
      closed = true;
      cancelTidy();
      moving.stop();
      polling.releaseAll();
    },
  };
}
