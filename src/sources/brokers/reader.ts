import { mostRecordBytes, nextBatch } from "../batches.ts";
import { backoffMs, pause } from "../pause.ts";
import type { SourceNeeds } from "../source.ts";

/** What is done with messages of the client's, `M`. Either may throw when the channel is gone. */
export interface Channel<M> {
  acknowledge(message: M): void;
  /** It comes again. */
  giveBack(message: M): void;
}

/** What functions get of a broker's messages. */
export interface Events {
  /** batches at once, of one mapping */
  readonly places: number;
  /** most messages of a batch, whatever the mapping says */
  readonly mostBatch: number;
  /** `json`: the elements */
  payloadOf(json: readonly string[]): Buffer;
}

export interface BrokerReader<M> {
  readonly batchSize: number;
  /** `item`: the message as functions get it; `failures`: how often it was given back, where the broker tells */
  take(original: M, item: Readonly<Record<string, unknown>>, failures?: number): void;
  /** Resolves when what runs is over; what was not begun is left to who closes the channel. */
  end(): Promise<void>;
}

interface Held<M> {
  readonly original: M;
  readonly json: string;
  readonly failures: number | undefined;
  readonly bytes: number;
}

const failurePause = { first: 100, most: 10_000 };

/**
 * Runs the function with batches of messages in the order of the queue. Messages whose batch succeeded are acknowledged; those of
 * one that failed go back and come again. Source: Developer Guide, "Using Lambda with Amazon MQ".
 */
export function createReader<M>(
  needs: SourceNeeds,
  { places, mostBatch, payloadOf }: Events,
  channel: Channel<M>,
  signal: AbortSignal,
): BrokerReader<M> {
  const { settings } = needs.mapping;
  const batchSize = Math.min(Number(settings.BatchSize ?? 100), mostBatch);
  // Half a second, which Lambda does not show.
  const windowMs = Number(settings.MaximumBatchingWindowInSeconds ?? 0.5) * 1000;
  const waiting: Held<M>[] = [];
  let since = 0;
  let failures = 0;
  const running = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    clearTimeout(timer);
    while (!signal.aborted && running.size < places && waiting.length > 0) {
      const { count, full } = nextBatch(waiting, { size: batchSize, bytes: mostRecordBytes });
      const rest = since + windowMs - needs.clock();
      if (!full && rest > 0) {
        timer = setTimeout(look, rest);
        return;
      }
      begin(waiting.splice(0, count));
      since = needs.clock();
    }
  }

  function begin(batch: readonly Held<M>[]): void {
    const run = runOf(batch)
      .catch((error) => {
        if (!signal.aborted) needs.report(error);
      })
      .finally(() => {
        running.delete(run);
        if (running.size === 0) since = needs.clock();
        look();
      });
    running.add(run);
  }

  /** Until the function was run; a failure of it ends that, too. */
  async function runOf(batch: readonly Held<M>[]): Promise<void> {
    const payload = payloadOf(batch.map(({ json }) => json));
    for (let busy = 1; !signal.aborted; busy += 1) {
      try {
        const { functionError } = await needs.invoke(payload);
        needs.count("InvokedEventCount", batch.length);
        return await concluded(batch, functionError === undefined);
      } catch (error) {
        needs.result(`PROBLEM: ${(error as Error).message}`);
        await pause(backoffMs(busy, failurePause), signal);
      }
    }
  }

  async function concluded(batch: readonly Held<M>[], done: boolean): Promise<void> {
    needs.result(done ? "OK" : "PROBLEM: Function call failed");
    if (!done) {
      needs.count("FailedInvokeEventCount", batch.length);
      failures += 1;
      // Those that failed often wait long, and not those who run beside them.
      const often = Math.max(...batch.map((held) => held.failures ?? failures - 1)) + 1;
      await pause(backoffMs(often, failurePause), signal);
    } else failures = 0;
    for (const { original } of batch) tell(() => (done ? channel.acknowledge(original) : channel.giveBack(original)));
    if (done) needs.count("DeletedEventCount", batch.length);
  }

  /** A channel that is gone has given back everything itself. */
  function tell(act: () => void): void {
    try {
      act();
    } catch {
      // They come again, which is what at least once means.
    }
  }

  return {
    batchSize,
    take(original, item, failed) {
      if (signal.aborted) return;
      needs.count("PolledEventCount", 1);
      if (!needs.wants(item)) {
        needs.count("FilteredOutEventCount", 1);
        tell(() => channel.acknowledge(original));
        return;
      }
      const json = JSON.stringify(item);
      if (waiting.length === 0) since = needs.clock();
      waiting.push({ original, json, failures: failed, bytes: Buffer.byteLength(json) });
      look();
    },
    async end() {
      clearTimeout(timer);
      while (running.size > 0) await Promise.all(running);
    },
  };
}
