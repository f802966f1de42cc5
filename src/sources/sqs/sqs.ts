import { RemoteError } from "../../remote/index.ts";
import { backoffMs, pause } from "../pause.ts";
import type { Source, SourceNeeds } from "../source.ts";
import { readQueue } from "./reader.ts";
import { openQueue, type RemoteQueue } from "./remote-queue.ts";

const reconnect = { first: 250, most: 15_000 };

/** Reads a queue of SQS: finds it, reads it until it is gone, and begins anew. */
export const sqs: Source = async (needs, signal) => {
  const call = needs.calls({ service: "sqs", target: "AmazonSQS", version: "1.0" });
  const arn = String(needs.mapping.settings.EventSourceArn);
  let unfound = 0;
  while (!signal.aborted) {
    try {
      const queue = await openQueue(call, arn, { signal, clock: needs.clock });
      unfound = 0;
      await readWhileThere(needs, queue, signal);
    } catch (error) {
      if (signal.aborted) return;
      unfound += 1;
      needs.problem(problemOf(error));
      await pause(backoffMs(unfound, reconnect), signal);
    }
  }
};

async function readWhileThere(needs: SourceNeeds, queue: RemoteQueue, signal: AbortSignal): Promise<void> {
  const gone = new AbortController();
  await readQueue(needs, queue, {
    signal: AbortSignal.any([signal, gone.signal]),
    async failed(error, failures) {
      needs.problem(problemOf(error));
      if (isGone(error)) gone.abort();
      else await pause(backoffMs(failures, reconnect), signal);
    },
  });
}

const isGone = (error: unknown): boolean =>
  error instanceof RemoteError && /QueueDoesNotExist|NonExistentQueue/.test(error.code);

function problemOf(error: unknown): string {
  const { message } = error as Error;
  const code = error instanceof RemoteError ? error.code : (error as NodeJS.ErrnoException).code;
  return `PROBLEM: ${code === undefined || message.includes(code) ? message : `${code}: ${message}`}`.slice(0, 300);
}
