import { nextBatch } from "../batches.ts";
import type { StreamRecord } from "./records.ts";
import { countOfWindow, type Window, windowOf } from "./windows.ts";

/** What a lane has to do next. */
export type Work =
  | { readonly kind: "batch"; readonly records: readonly StreamRecord[]; readonly window: Window | undefined }
  /** nothing more of the open window will come */
  | { readonly kind: "close" };

export interface LaneRules {
  readonly batchSize: number;
  readonly batchingSeconds: number;
  readonly tumblingSeconds: number;
}

export interface LaneNeeds {
  clock(): number;
  /** Does it; resolves when the lane may go on. Rejects when the signal says so. */
  perform(work: Work): Promise<void>;
  /** start of the window that is open, of before or made by perform() */
  openWindow(): number | undefined;
  /** bytes of records that fit into one invocation */
  mostBytes(): number;
}

export interface Lane {
  push(record: StreamRecord): void;
  /** Everything that arrived before this moment was pushed. */
  tip(moment: number): void;
  /** No more will be pushed; resolves when all is done. */
  end(): Promise<void>;
  /** settles when the lane has stopped: all done, or rejected as perform() was */
  readonly stopped: Promise<void>;
}

/** A window is closed this long after its end: clocks of a stream's servers differ. */
const graceMs = 500;

/** Records of a shard, one batch after the other. */
export function createLane(
  { batchSize, batchingSeconds, tumblingSeconds }: LaneRules,
  needs: LaneNeeds,
  signal: AbortSignal,
): Lane {
  const waiting: StreamRecord[] = [];
  /** when each of them was pushed */
  const since: number[] = [];
  let known = Number.NEGATIVE_INFINITY;
  let ended = false;
  let wake = () => {};

  /** What to do now, or how long to wait at most. */
  function decide(): Work | "over" | number {
    const first = waiting[0];
    const open = needs.openWindow();
    if (tumblingSeconds > 0 && open !== undefined) {
      const end = open + tumblingSeconds * 1000;
      const isOver = first === undefined ? ended || known >= end + graceMs : first.arrived >= end;
      if (isOver) return { kind: "close" };
    }
    if (first === undefined) return ended ? "over" : Number.POSITIVE_INFINITY;
    const window = tumblingSeconds > 0 ? windowOf(open ?? first.arrived, tumblingSeconds) : undefined;
    const candidates = window === undefined ? waiting : waiting.slice(0, countOfWindow(waiting, window));
    const { count, full } = nextBatch(candidates, { size: batchSize, bytes: needs.mostBytes() });
    const left = since[0]! + batchingSeconds * 1000 - needs.clock();
    const isCut = candidates.length < waiting.length;
    if (!full && !ended && !isCut && left > 0) return left;
    since.splice(0, count);
    return { kind: "batch", records: waiting.splice(0, count), window };
  }

  function changed(mostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = Number.isFinite(mostMs) ? setTimeout(resolve, Math.min(mostMs, 2 ** 31 - 1)) : undefined;
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function run(): Promise<void> {
    signal.addEventListener("abort", () => wake());
    while (true) {
      signal.throwIfAborted();
      const next = decide();
      if (next === "over") return;
      if (typeof next === "number") await changed(next);
      else await needs.perform(next);
    }
  }
  const stopped = run();
  // Who waits for it is told; nobody may have begun to wait yet.
  stopped.catch(() => undefined);

  return {
    push(record) {
      waiting.push(record);
      since.push(needs.clock());
      wake();
    },
    tip(moment) {
      known = moment;
      if (tumblingSeconds > 0) wake();
    },
    end() {
      ended = true;
      wake();
      return stopped;
    },
    stopped,
  };
}
