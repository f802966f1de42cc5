import { constants, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import type { StoredEvent } from "../../../../observe/index.ts";
import type { EventRow } from "./event-fields.ts";
import { parseQuery } from "./parse.ts";
import { runQuery } from "./run.ts";

/** What a thread is given. A query is whoever's: it must not hold up the platform, and may be ended at any time. */
export interface Work {
  readonly query: string;
  readonly limit: number;
  readonly now: number;
}

/** Then, some events of one group at a time; none: that was all. */
export interface SomeEvents {
  /** `account:group` */
  readonly log: string;
  readonly events: readonly StoredEvent[];
}

// Invocations go first. Linux takes this for the thread that asks; elsewhere it would be the whole platform.
if (process.platform === "linux") setPriority(constants.priority.PRIORITY_LOW);

const { query, limit, now } = workerData as Work;
const rows: EventRow[] = [];
parentPort?.on("message", (some: SomeEvents | undefined) => {
  if (some === undefined) parentPort?.postMessage(runQuery(parseQuery(query), rows, { limit, now }));
  else
    for (const { number, timestamp, stream, message } of some.events) {
      rows.push({ number, timestamp, stream, message, log: some.log });
    }
});
