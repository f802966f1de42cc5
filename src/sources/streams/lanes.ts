import { compareSequences } from "./sequence.ts";

/** Which of `lanes` a key goes to: always the same one (FNV-1a, 32 bits). */
export function laneOf(key: string, lanes: number): number {
  if (lanes === 1) return 0;
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % lanes;
}

/** How far a shard is. Kept on disk: nothing before `at`, or up to `after`, is to be read again. */
export interface ShardProgress {
  /** the first record that is not done */
  readonly at?: string;
  /** the last record that was read, where all are done */
  readonly after?: string;
  /** of lanes that are ahead of it: the last record each has done */
  readonly ahead?: Readonly<Record<number, string>>;
  /** the number of lanes that `ahead` counts */
  readonly lanes?: number;
}

/** Follows the records of a shard on their ways through its lanes, each of which keeps their order. */
export interface Tracker {
  /** Is this record, read anew, one that its lane had done before? */
  isDone(lane: number, sequence: string): boolean;
  /** A record was read; `lane` undefined: nobody wants it. */
  read(sequence: string, lane: number | undefined): void;
  /** All records of a lane up to this one are done. */
  done(lane: number, sequence: string): void;
  /** records that are in lanes */
  pending(): number;
  progress(): ShardProgress;
}

/** Goes on where `before` was. Another number of lanes sends keys elsewhere, so that what single lanes had done is not known. */
export function createTracker(lanes: number, before: ShardProgress = {}): Tracker {
  const waiting: string[][] = Array.from({ length: lanes }, () => []);
  const last = new Map<number, string>();
  if (before.lanes === lanes) {
    for (const [lane, sequence] of Object.entries(before.ahead ?? {})) last.set(Number(lane), sequence);
  }
  let lastRead = before.after;
  let nothingRead = true;

  const firstWaiting = () =>
    waiting.reduce<string | undefined>((lowest, [first]) => {
      if (first === undefined) return lowest;
      return lowest === undefined || compareSequences(first, lowest) < 0 ? first : lowest;
    }, undefined);

  return {
    isDone(lane, sequence) {
      const done = last.get(lane);
      return done !== undefined && compareSequences(sequence, done) <= 0;
    },
    read(sequence, lane) {
      lastRead = sequence;
      nothingRead = false;
      if (lane !== undefined) waiting[lane]!.push(sequence);
    },
    done(lane, sequence) {
      const queue = waiting[lane]!;
      const left = queue.findIndex((one) => compareSequences(one, sequence) > 0);
      queue.splice(0, left === -1 ? queue.length : left);
      last.set(lane, sequence);
    },
    pending: () => waiting.reduce((sum, queue) => sum + queue.length, 0),
    progress() {
      if (nothingRead) return before;
      const at = firstWaiting();
      if (at === undefined) return lastRead === undefined ? {} : { after: lastRead };
      const ahead = [...last].filter(([, sequence]) => compareSequences(sequence, at) > 0);
      return ahead.length === 0 ? { at } : { at, ahead: Object.fromEntries(ahead), lanes };
    },
  };
}
