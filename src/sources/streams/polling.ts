import { backoffMs, pause } from "../pause.ts";
import { type Position, type Sink, troubleOf } from "./api.ts";
import type { ReadRecord } from "./records.ts";

export interface Page {
  readonly records: readonly ReadRecord[];
  /** undefined: the shard has ended */
  readonly next: string | undefined;
  readonly behindMs: number | undefined;
}

export interface PollingNeeds {
  /** GetShardIterator */
  iterator(shard: string, position: Position, signal: AbortSignal): Promise<string>;
  /** GetRecords */
  page(shard: string, iterator: string, signal: AbortSignal): Promise<Page>;
  /** how long to wait after a page without records, milliseconds */
  readonly idleMs: number;
}

/** After this many failures in a row the iterator is asked for anew. */
const patience = 5;

/**
 * Reads a shard by GetRecords. What passes (throttling, connections) is tried again with the same iterator, which holds the
 * place of a reader that has no sequence number yet; it rejects when the iterator is no good any longer.
 */
export function createPolling(needs: PollingNeeds) {
  return async (shard: string, position: Position, sink: Sink, signal: AbortSignal): Promise<void> => {
    let iterator: string | undefined = await needs.iterator(shard, position, signal);
    let failures = 0;
    while (iterator !== undefined) {
      signal.throwIfAborted();
      let page: Page;
      try {
        page = await needs.page(shard, iterator, signal);
        failures = 0;
      } catch (error) {
        failures += 1;
        const trouble = troubleOf(error);
        const passes = trouble === "throttled" || (trouble === "unreachable" && failures < patience);
        if (!passes || signal.aborted) throw error;
        await pause(backoffMs(failures, { first: 250, most: 10_000 }), signal);
        continue;
      }
      iterator = page.next;
      await sink.take(page.records, page.behindMs);
      const more = page.records.length > 0 && page.behindMs !== 0;
      if (iterator !== undefined && !more) await pause(needs.idleMs, signal);
    }
  };
}
