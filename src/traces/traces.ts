import type { SegmentDocument, StoredSegment } from "./segment.ts";
import { openTraceStore } from "./store.ts";

/** Traces of functions and of whoever sends segments. What has been put is seen by every reader at once. */
export interface Traces {
  /** Takes documents; they are on the disk a second later, if the platform lives. */
  put(account: string, region: string, documents: readonly SegmentDocument[]): void;
  /** All segments of a trace; none: there is no such trace. */
  read(account: string, region: string, trace: string): SegmentDocument[];
  /** Ids of traces that were there in this time (seconds since the epoch), the newest first. */
  between(account: string, region: string, from: number, to: number): string[];
  flush(): void;
  close(): void;
}

export interface TracesNeeds {
  readonly path: string;
  /** milliseconds since the epoch */
  clock(): number;
  report(error: unknown): void;
  /** bytes on the disk; default 128 MB */
  readonly budgetBytes?: number;
}

const flushMs = 1000;
/** Waiting for the disk, in characters; what comes faster than it takes is lost. */
const mostWaiting = 16 * 1024 * 1024;
const batch = 500;
/** Kept as long as X-Ray keeps them. */
const keptSeconds = 30 * 86_400;
const sweepMs = 60_000;
/** Traces of one question. */
const mostTraces = 10_000;

export function createTraces({ path, clock, report, budgetBytes = 128 * 1024 * 1024 }: TracesNeeds): Traces {
  const store = openTraceStore({ path, budgetBytes });
  let waiting: StoredSegment[] = [];
  let characters = 0;
  let timer: NodeJS.Timeout | undefined;
  let swept = 0;
  let closed = false;

  function write(most: number): void {
    const some = waiting.splice(0, most);
    for (const { text } of some) characters -= text.length;
    if (some.length > 0) store.add(some);
    if (clock() - swept < sweepMs) return;
    swept = clock();
    store.sweep(swept / 1e3 - keptSeconds);
  }

  function flush(): void {
    write(Number.POSITIVE_INFINITY);
  }

  /** Bit by bit, so that invocations find their places between. */
  function writeOn(): void {
    timer = undefined;
    if (closed) return;
    try {
      write(batch);
    } catch (error) {
      report(error);
    }
    if (waiting.length > 0) timer = setTimeout(writeOn, 1).unref();
  }

  return {
    put(account, region, documents) {
      for (const document of documents) {
        const text = JSON.stringify(document);
        if (characters + text.length > mostWaiting) break;
        characters += text.length;
        waiting.push({ account, region, document, text });
      }
      timer ??= setTimeout(writeOn, flushMs).unref();
    },
    read(account, region, trace) {
      flush();
      return store.ofTrace(account, region, trace).map((text) => JSON.parse(text) as SegmentDocument);
    },
    between(account, region, from, to) {
      flush();
      return store.between(account, region, from, to, mostTraces);
    },
    flush,
    close() {
      if (closed) return;
      clearTimeout(timer);
      flush();
      closed = true;
      waiting = [];
      store.close();
    },
  };
}
