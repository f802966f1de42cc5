import type { KafkaRecord } from "./event.ts";

/** One partition that this reader has: what was read and is not over. */
export interface Partition {
  readonly topic: string;
  readonly partition: number;
  /** in order; the first `taken` of them are in a batch that runs */
  unfinished: KafkaRecord[];
  taken: number;
  /** the offset after the last one that was read */
  read: bigint;
  /** what was last told to the group */
  committed: bigint | undefined;
  /** the offset after the last one that there is */
  end: bigint;
  paused: boolean;
}

/** The partitions that the group has given to this reader, as far as something of them was read. */
export interface Partitions {
  /** undefined: it is another reader's now */
  find(lane: string): Partition | undefined;
  all(): Iterable<Partition>;
  /** Notes what was read; returns what had not been read before. Of records that nobody wants, `record` is undefined. */
  take(
    source: Pick<Partition, "topic" | "partition" | "end">,
    read: readonly { readonly offset: bigint; readonly record: KafkaRecord | undefined }[],
    next: bigint,
  ): Partition;
  /** These are over. */
  finish(records: readonly KafkaRecord[]): void;
  /** The group was dealt anew: what is in no batch is read again, from where the group knows. */
  dealt(lanes: ReadonlySet<string>): void;
}

/** Where a reader that comes later has to begin: nothing before is left to do. */
export const positionOf = ({ unfinished, read }: Partition): bigint => unfinished[0]?.offset ?? read;

export function createPartitions(nameOf: (topic: string, partition: number) => string): Partitions {
  const partitions = new Map<string, Partition>();
  return {
    find: (lane) => partitions.get(lane),
    all: () => partitions.values(),
    take({ topic, partition, end }, read, next) {
      const lane = nameOf(topic, partition);
      let known = partitions.get(lane);
      if (known === undefined) {
        const first = read[0]?.offset ?? next;
        known = { topic, partition, unfinished: [], taken: 0, read: first, committed: first, end, paused: false };
        partitions.set(lane, known);
      }
      for (const { offset, record } of read) {
        if (offset >= known.read && record !== undefined) known.unfinished.push(record);
      }
      if (next > known.read) known.read = next;
      known.end = end;
      return known;
    },
    finish(records) {
      const over = new Map<string, Set<bigint>>();
      for (const { lane, offset } of records) over.set(lane, (over.get(lane) ?? new Set()).add(offset));
      for (const [lane, offsets] of over) {
        const known = partitions.get(lane);
        if (known === undefined) continue;
        const before = known.unfinished.length;
        known.unfinished = known.unfinished.filter(({ offset }) => !offsets.has(offset));
        known.taken = Math.max(0, known.taken - (before - known.unfinished.length));
      }
    },
    dealt(lanes) {
      for (const [lane, known] of partitions) {
        known.unfinished = known.unfinished.slice(0, known.taken);
        if (!lanes.has(lane) || known.taken === 0) partitions.delete(lane);
        else {
          known.read = known.unfinished.at(-1)!.offset + 1n;
          known.paused = false;
        }
      }
    },
  };
}
