import { mostRecordBytes, nextBatch } from "../batches.ts";
import { pause } from "../pause.ts";
import type { SourceNeeds } from "../source.ts";
import { createAttempts } from "./attempts.ts";
import { type KafkaMessage, type KafkaRecord, kafkaItem, laneOf } from "./event.ts";
import { createPartitions, type Partition, positionOf } from "./partitions.ts";
import type { KafkaSettings } from "./settings.ts";

/** What the reader tells the cluster. */
export interface Group {
  /** as the event has them */
  readonly bootstrapServers: string;
  /** Tells the group where who comes later has to begin. */
  commit(
    positions: readonly { readonly topic: string; readonly partition: number; readonly offset: bigint }[],
  ): Promise<void>;
  /** Asks for no more of a partition, until it does again. */
  pause(partition: Partition): void;
  resume(partition: Partition): void;
}

/** What was read of a partition at once. */
export interface Fetched {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly KafkaMessage[];
  /** the offset after the last that was read, those that no client sees among them */
  readonly next: bigint;
  /** the offset after the last that there is */
  readonly end: bigint;
}

export interface KafkaReader {
  take(fetched: Fetched): void;
  /** The group was dealt anew; `topic-partition` of all that this reader has. */
  dealt(lanes: ReadonlySet<string>): void;
  /** Begins nothing more, and resolves when what runs is over and the group knows. */
  end(): Promise<void>;
}

const mostWaitingBytes = 2 * mostRecordBytes;
const commitAgainMs = 500;

/**
 * Runs the function with batches of what comes: one batch of a partition after the other, partitions beside each other. Records
 * are kept until the group knows that they are over. `signal`: nothing more is begun.
 */
export function createReader(
  needs: SourceNeeds,
  settings: KafkaSettings,
  group: Group,
  signal: AbortSignal,
): KafkaReader {
  const partitions = createPartitions(laneOf);
  const attempts = createAttempts(needs, settings, { bootstrapServers: group.bootstrapServers, finished }, signal);
  /** when the first record of what waits in a partition came */
  const since = new Map<string, number>();
  const most = 2 * settings.batchSize;
  let running = 0;
  let timer: NodeJS.Timeout | undefined;
  let committing: Promise<void> | undefined;
  let wake = () => {};

  /** Begins as many batches as are complete, or have waited long enough. */
  function look(): void {
    clearTimeout(timer);
    while (!signal.aborted) {
      const free = [...partitions.all()].filter(({ taken, unfinished }) => taken === 0 && unfinished.length > 0);
      if (free.length === 0) return;
      free.sort((one, other) => sinceOf(one) - sinceOf(other));
      const waiting = free.flatMap(({ unfinished }) => unfinished);
      const { count, full } = nextBatch(waiting, { size: settings.batchSize, bytes: mostRecordBytes });
      const rest = sinceOf(free[0]!) + settings.windowMs - needs.clock();
      if (!full && rest > 0) {
        timer = setTimeout(look, rest);
        return;
      }
      begin(waiting.slice(0, count));
    }
  }

  const sinceOf = ({ topic, partition }: Partition) => since.get(laneOf(topic, partition)) ?? 0;

  function begin(batch: readonly KafkaRecord[]): void {
    for (const { lane } of batch) partitions.find(lane)!.taken += 1;
    running += 1;
    attempts
      .run(batch)
      .catch((error) => {
        if (signal.aborted) return;
        needs.report(error);
        return pause(1000, signal);
      })
      .finally(() => {
        running -= 1;
        // What is not over, for the reader is to end, is not over for the group either.
        for (const lane of new Set(batch.map((record) => record.lane))) {
          const known = partitions.find(lane);
          if (known !== undefined) known.taken = 0;
          since.set(lane, needs.clock());
        }
        wake();
        look();
      });
  }

  function finished(records: readonly KafkaRecord[]): void {
    partitions.finish(records);
    for (const known of partitions.all()) regulate(known);
    commit();
  }

  /** A partition whose function does not keep up is not read any further. */
  function regulate(known: Partition): void {
    const bytes = known.unfinished.reduce((sum, record) => sum + record.bytes, 0);
    const full = known.unfinished.length >= most || bytes >= mostWaitingBytes;
    if (full === known.paused) return;
    known.paused = full;
    if (full) group.pause(known);
    else group.resume(known);
  }

  function commit(): void {
    committing ??= commitAll().finally(() => {
      committing = undefined;
      wake();
    });
  }

  /** Until the group knows all. That it cannot be told now is no failure: it was dealt anew, and the records come again. */
  async function commitAll(): Promise<void> {
    while (true) {
      const changed = [...partitions.all()].filter((known) => positionOf(known) !== known.committed);
      if (changed.length === 0) return;
      const positions = changed.map((known) => ({ known, offset: positionOf(known) }));
      try {
        await group.commit(positions.map(({ known: { topic, partition }, offset }) => ({ topic, partition, offset })));
        for (const { known, offset } of positions) known.committed = offset;
      } catch {
        if (signal.aborted) return;
        await new Promise((resolve) => setTimeout(resolve, commitAgainMs));
      }
    }
  }

  return {
    take({ topic, partition, messages, next, end }) {
      if (signal.aborted) return;
      const lane = laneOf(topic, partition);
      const before = partitions.find(lane);
      const read = messages.map((message) => {
        const isNew = before === undefined || message.offset >= before.read;
        return { offset: message.offset, record: isNew ? recordOf(message, lane) : undefined };
      });
      const idle = before === undefined || before.unfinished.length === before.taken;
      if (idle) since.set(lane, needs.clock());
      const known = partitions.take({ topic, partition, end }, read, next);
      regulate(known);
      needs.offsetLag(lagOf());
      // Nobody is to read again what nobody wants.
      if (known.unfinished.length === 0) commit();
      look();
    },
    dealt(lanes) {
      partitions.dealt(lanes);
    },
    async end() {
      clearTimeout(timer);
      while (running > 0 || committing !== undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      await commitAll();
    },
  };

  function lagOf(): number {
    return [...partitions.all()].reduce((lag, known) => Math.max(lag, Number(known.end - positionOf(known))), 0);
  }

  /** undefined: nobody wants it */
  function recordOf(message: KafkaMessage, lane: string): KafkaRecord | undefined {
    needs.count("PolledEventCount", 1);
    const item = kafkaItem(message);
    if (!needs.wants(item)) {
      needs.count("FilteredOutEventCount", 1);
      return undefined;
    }
    const json = JSON.stringify(item);
    return { offset: message.offset, lane, arrived: message.timestamp, json, bytes: Buffer.byteLength(json) };
  }
}
