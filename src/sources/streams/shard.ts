import { mostRecordBytes } from "../batches.ts";
import { backoffMs, pause } from "../pause.ts";
import { type Position, troubleOf } from "./api.ts";
import { createLane, type Lane } from "./lane.ts";
import { createTracker, laneOf, type ShardProgress } from "./lanes.ts";
import type { StreamNeeds } from "./needs.ts";
import type { ReadRecord } from "./records.ts";
import { createSending, type OpenWindow, type Sending } from "./sending.ts";

/** What is kept of a shard. */
export interface ShardRow {
  /** where it begins; `at`: of AT_TIMESTAMP; of LATEST when that was decided, milliseconds */
  readonly start: { readonly type: "TRIM_HORIZON" | "LATEST" | "AT_TIMESTAMP"; readonly at?: number };
  readonly progress?: ShardProgress;
  /** when all of it was done, milliseconds */
  readonly finished?: number;
}

export const shardKey = (shard: string): string => `shard ${shard}`;
export const windowKey = (shard: string, lane: number, lanes: number): string => `window ${shard} ${lane}/${lanes}`;

/** Records that wait in memory, of one shard: two batches for each lane, and as many bytes as two invocations take. */
const mostWaitingBytes = 2 * mostRecordBytes;

/**
 * Reads one shard until it has ended and everything of it is done ("ended"), or nobody knows it any longer ("gone").
 * Rejects when the signal says so; then what is done is kept. `fresh`: nobody has read it yet, so LATEST is now.
 */
export async function runShard(
  shard: string,
  row: ShardRow,
  fresh: boolean,
  needs: StreamNeeds,
  stop: AbortSignal,
): Promise<"ended" | "gone"> {
  const { settings, api, checkpoints } = needs;
  // A lane that ends for another reason than the signal takes the whole shard with it.
  const own = new AbortController();
  const signal = AbortSignal.any([stop, own.signal]);
  const tracker = createTracker(settings.lanes, row.progress);
  const kept = checkpoints.all();
  let waitingBytes = 0;
  let drained = () => {};
  signal.addEventListener("abort", () => drained());
  let position = positionOf(row, fresh, api.takesTimestamps);
  let skipBefore = skippedOf(row, position);
  const sendings: Sending[] = [];
  const lanes: Lane[] = Array.from({ length: settings.lanes }, (_, index) => laneAt(index));

  function laneAt(index: number): Lane {
    const key = windowKey(shard, index, settings.lanes);
    const text = kept.get(key);
    let written = text;
    const done = async (sequence: string | undefined, window: OpenWindow | undefined) => {
      if (sequence !== undefined) tracker.done(index, sequence);
      const changes = new Map([[shardKey(shard), rowWith(row, tracker.progress())]] as [string, string | undefined][]);
      const state = window === undefined ? undefined : JSON.stringify(window);
      if (state !== written) changes.set(key, state);
      written = state;
      drained();
      await checkpoints.write(changes);
    };
    const open = text === undefined ? undefined : (JSON.parse(text) as OpenWindow);
    const sending = createSending(shard, { ...needs, done }, signal, open);
    sendings.push(sending);
    const lane = createLane(
      settings,
      {
        clock: needs.clock,
        openWindow: () => sending.open()?.start,
        mostBytes: () => mostRecordBytes - Buffer.byteLength(sending.open()?.state ?? ""),
        async perform(work) {
          if (work.kind === "close") return sending.close();
          await sending.batch(work.records, work.window);
          waitingBytes -= work.records.reduce((sum, { bytes }) => sum + bytes, 0);
          drained();
        },
      },
      signal,
    );
    lane.stopped.catch((error) => own.abort(error));
    return lane;
  }

  const mostWaiting = 2 * settings.batchSize * settings.lanes;
  const isFull = () => tracker.pending() >= mostWaiting || waitingBytes >= mostWaitingBytes;

  function put(record: ReadRecord): void {
    const lane = laneOf(record.key, settings.lanes);
    needs.count("PolledEventCount", 1);
    const { sequence, key, arrived, json, bytes } = record;
    const isOld = arrived < skipBefore || tracker.isDone(lane, sequence);
    const isWanted = !isOld && needs.wants(record.item);
    if (!isOld && !isWanted) needs.count("FilteredOutEventCount", 1);
    tracker.read(sequence, isWanted ? lane : undefined);
    if (!isWanted) return;
    waitingBytes += bytes;
    lanes[lane]!.push({ sequence, key, arrived, json, bytes });
  }

  const sink = {
    async take(records: readonly ReadRecord[], behindMs: number | undefined) {
      const asked = needs.clock();
      needs.problem(undefined);
      for (const record of records) put(record);
      const last = records.at(-1);
      if (last !== undefined) position = { type: "AFTER_SEQUENCE_NUMBER", sequence: last.sequence };
      if (behindMs === 0) for (const lane of lanes) lane.tip(asked);
      // Nobody is to read again what nobody wants.
      if (last !== undefined && tracker.pending() === 0) await save();
      while (isFull()) {
        await new Promise<void>((resolve) => {
          drained = resolve;
        });
        signal.throwIfAborted();
      }
    },
  };

  const save = (more: Partial<ShardRow> = {}) =>
    checkpoints.write(new Map([[shardKey(shard), rowWith({ ...row, ...more }, tracker.progress())]]));

  try {
    let failures = 0;
    while (true) {
      const began = position;
      try {
        await api.read(shard, position, sink, signal);
        break;
      } catch (error) {
        signal.throwIfAborted();
        const trouble = troubleOf(error);
        if (trouble === "gone") return "gone";
        failures = position === began ? failures + 1 : 1;
        // A second LATEST would leave out what came since the first.
        if (position.type === "LATEST") {
          position = sinceLatest(row.start.at, api.takesTimestamps);
          skipBefore = skippedOf(row, position);
        }
        // The first time it may have been the iterator that was no good.
        else if (trouble === "trimmed" && failures > 1) position = { type: "TRIM_HORIZON" };
        if (trouble !== "expired") needs.problem(`PROBLEM: ${(error as Error).message}`);
        await pause(backoffMs(failures, { first: 250, most: 30_000 }), signal);
      }
    }
    await Promise.all(lanes.map((lane) => lane.end()));
    await save({ finished: needs.clock() });
    return "ended";
  } finally {
    own.abort();
    await Promise.allSettled(lanes.map((lane) => lane.stopped));
  }
}

function rowWith(row: ShardRow, progress: ShardProgress): string {
  return JSON.stringify({ ...row, progress } satisfies ShardRow);
}

function positionOf({ start, progress }: ShardRow, fresh: boolean, takesTimestamps: boolean): Position {
  if (progress?.at !== undefined) return { type: "AT_SEQUENCE_NUMBER", sequence: progress.at };
  if (progress?.after !== undefined) return { type: "AFTER_SEQUENCE_NUMBER", sequence: progress.after };
  if (start.type === "AT_TIMESTAMP") return { type: "AT_TIMESTAMP", at: start.at ?? 0 };
  if (start.type === "TRIM_HORIZON" || fresh) return { type: start.type };
  return sinceLatest(start.at, takesTimestamps);
}

/** What LATEST was then. */
const sinceLatest = (at: number | undefined, takesTimestamps: boolean): Position =>
  takesTimestamps ? { type: "AT_TIMESTAMP", at: at ?? 0 } : { type: "TRIM_HORIZON" };

/** Of a stream without timestamps, what is before LATEST is read and left out; some know of whole minutes only. */
function skippedOf({ start }: ShardRow, position: Position): number {
  if (start.type !== "LATEST" || position.type !== "TRIM_HORIZON") return Number.NEGATIVE_INFINITY;
  return Math.floor((start.at ?? 0) / 60_000) * 60_000;
}
