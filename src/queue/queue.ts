import { setTimeout as pause } from "node:timers/promises";
import type { Invocation, Posting } from "../model/index.ts";
import { createDispatcher, type Verdict } from "./dispatcher.ts";
import { type NewEvent, type QueuedEvent, runKey, runPrefix, type Scope, sendKey } from "./events.ts";
import { createIdleness, type Idleness } from "./idleness.ts";
import type { RunHead } from "./records.ts";
import { createRunning, type RunningNeeds } from "./running.ts";
import { createSending, type SendHead, type SendingNeeds } from "./sending.ts";
import { openQueueStore, type QueueStore } from "./store.ts";
import { posted } from "./targets.ts";
import { createWriter } from "./writer.ts";

export interface QueueNeeds extends Omit<RunningNeeds, "dropped" | "refused"> {
  /** the database file; its folder must exist */
  readonly path: string;
  /** Calls back at a moment of the clock (ms since the epoch), or earlier. Returns what cancels it. */
  schedule(at: number, run: () => void): () => void;
  deliver: SendingNeeds["deliver"];
  /** most events that are worked on at once */
  readonly places: number;
  /** CPUs of the machine */
  readonly cpus: number;
  /** Measured, unless given. */
  readonly idle?: Idleness;
  /** Told of every event of a function that counts for one of CloudWatch's metrics. */
  count?(of: Scope & { readonly name: string }, metric: string, value: number, also?: { readonly unit: string }): void;
  /** Told what the operator should know. */
  note(line: string): void;
}

/** Since the platform started; names as CloudWatch's metrics of Lambda have them. */
export interface QueueCounts {
  asyncEventsReceived: number;
  asyncEventsDropped: number;
  recursiveInvocationsDropped: number;
  deadLetterErrors: number;
  destinationDeliveryFailures: number;
}

/** An event of a function, for its dead-letter queue. */
export interface FunctionLetter extends Scope {
  /** the function's */
  readonly name: string;
  /** of the queue or topic */
  readonly arn: string;
  readonly roleArn: string;
  /** RequestID, ErrorCode, ErrorMessage */
  readonly attributes: Readonly<Record<string, string>>;
  readonly payload: Buffer;
}

/** Events of asynchronous invocations, and records on their way to destinations. */
export interface EventQueue {
  /**
   * Takes an event; resolves when it is durable: from then on its function is run at least once, however often the platform
   * ends before. `qualifier`: as the caller gave it; `looping`: its chain of requests has run this function too often, and
   * it must not run, but end as a failed one. Rejects when it could not be written.
   */
  accept(invocation: Invocation, qualifier: string | undefined, looping?: boolean): Promise<void>;
  /**
   * Takes events of rules, schedules and buckets, all of them or none; resolves when they are durable. From then on each is
   * brought to where it goes at least once, or to its dead-letter queue. Rejects when they could not be written.
   */
  post(postings: readonly Posting[]): Promise<void>;
  /** Takes an event whose function has failed with it elsewhere, for its dead-letter queue; resolves when it is durable. */
  letter(letter: FunctionLetter): Promise<void>;
  /** The function is gone, and with it all of its events. */
  drop(scope: Scope, name: string): void;
  /** Takes up what was left by the process before; to be called once, when functions can run. */
  takeUp(): void;
  /** Queues with events, by what they are called, and how many each has. */
  depths(): ReturnType<QueueStore["queues"]>;
  /** events that are not over, those that run with them, and records that are not delivered */
  waiting(): number;
  running(): number;
  readonly counts: Readonly<QueueCounts>;
  /** Begins nothing new, and resolves when all that runs has ended, or after `ms`. */
  drain(ms: number): Promise<void>;
  /** What still runs then will be run again by the next process. */
  close(): Promise<void>;
}

/** Opens the queues. Throws what SQLite says about a file that is none. */
export function createQueue(needs: QueueNeeds): EventQueue {
  const { clock, report } = needs;
  const store = openQueueStore(needs.path);
  const counts: QueueCounts = {
    asyncEventsReceived: 0,
    asyncEventsDropped: 0,
    recursiveInvocationsDropped: 0,
    deadLetterErrors: 0,
    destinationDeliveryFailures: 0,
  };
  let closed = false;
  let sweeping = false;
  const writer = createWriter({
    store: {
      write(changes) {
        if (closed) throw new Error("the queue is closed");
        return store.write(changes);
      },
      synced: () => (closed ? Promise.reject(new Error("the queue is closed")) : store.synced()),
    },
    later(ms, run) {
      if (!closed) needs.schedule(clock() + ms, run);
    },
    report,
  });
  const run = createRunning({
    ...needs,
    dropped(head, why) {
      counts.asyncEventsDropped += 1;
      needs.count?.(head, "AsyncEventsDropped", 1);
      if (why !== "RecursiveInvocation") return;
      counts.recursiveInvocationsDropped += 1;
      needs.count?.(head, "RecursiveInvocationsDropped", 1);
    },
    refused(from, arn) {
      counts.destinationDeliveryFailures += 1;
      needs.count?.(from, "DestinationDeliveryFailures", 1);
      needs.note(`the record of ${from.name} could not be delivered to ${arn}: its role may not call that function`);
    },
  });
  const send = createSending({
    clock,
    deliver: needs.deliver,
    failed(delivery, error, tries, final) {
      if (delivery.kind === "record") counts.destinationDeliveryFailures += 1;
      else if (delivery.kind === "dead-letter") counts.deadLetterErrors += 1;
      const metric = { record: "DestinationDeliveryFailures", "dead-letter": "DeadLetterErrors", event: undefined };
      const failed = metric[delivery.kind];
      if (failed !== undefined) needs.count?.(delivery, failed, 1);
      const why = error instanceof Error ? error.message : String(error);
      const what = { record: "the record", "dead-letter": "a failed event", event: "an event" }[delivery.kind];
      const after = final ? "it is given up" : "it is tried again";
      if (!final && tries > 1) return;
      needs.note(`${what} of ${delivery.name} could not be delivered to ${delivery.arn}, ${after}: ${why}`);
    },
  });
  const work = (event: QueuedEvent): Promise<Verdict> => (event.queue.startsWith("run ") ? run(event) : send(event));
  const dispatcher = createDispatcher({
    store,
    writer,
    clock,
    schedule: needs.schedule,
    work,
    places: needs.places,
    firstPlaces: 2 * needs.cpus,
    idle: needs.idle ?? createIdleness(clock),
    report,
  });

  /** A long queue is not removed at once: everything else would have to wait. */
  async function sweep(): Promise<void> {
    if (sweeping) return;
    sweeping = true;
    while (!closed && store.sweep(1000)) await pause(5);
    sweeping = false;
  }

  return {
    accept({ requestId, target, invokedArn, clientContext, traceId, tenantId, payload }, qualifier, looping) {
      const { account, region, name } = target;
      const head: RunHead = {
        requestId,
        account,
        region,
        name,
        qualifier,
        invokedArn,
        clientContext,
        traceId,
        tenantId,
        looping,
      };
      const now = clock();
      const queue = runKey(target, name, qualifier);
      const event: NewEvent = { queue, accepted: now, due: now, head: JSON.stringify(head), payload };
      counts.asyncEventsReceived += 1;
      needs.count?.(target, "AsyncEventsReceived", 1);
      return writer.durable({ add: [event] }, (ids) => dispatcher.arrived([event], ids));
    },
    async post(postings) {
      const now = clock();
      const events = postings.flatMap((posting) => posted(posting, now));
      if (events.length === 0) return;
      for (const posting of postings) {
        if (posting.to !== "function") continue;
        counts.asyncEventsReceived += 1;
        needs.count?.(posting, "AsyncEventsReceived", 1);
      }
      await writer.durable({ add: events }, (ids) => dispatcher.arrived(events, ids));
    },
    async letter({ payload, ...to }) {
      const now = clock();
      const head: SendHead = { kind: "dead-letter", ...to };
      const event: NewEvent = { queue: sendKey(to.arn), accepted: now, due: now, head: JSON.stringify(head), payload };
      await writer.durable({ add: [event] }, (ids) => dispatcher.arrived([event], ids));
    },
    drop(scope, name) {
      for (const key of store.named(runPrefix(scope, name))) {
        counts.asyncEventsDropped += store.drop(key);
        dispatcher.forget(key);
      }
      sweep().catch(report);
    },
    takeUp() {
      for (const { key } of store.queues()) dispatcher.look(key);
      sweep().catch(report);
    },
    depths: store.queues,
    waiting: store.waiting,
    running: dispatcher.running,
    counts,
    async drain(ms) {
      const patience = new AbortController();
      const late = pause(ms, undefined, { signal: patience.signal, ref: false }).catch(() => {});
      await Promise.race([dispatcher.pause(), late]);
      patience.abort();
      await writer.idle();
    },
    async close() {
      dispatcher.close();
      await writer.idle();
      closed = true;
      store.close();
    },
  };
}
