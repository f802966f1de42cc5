import { parentPort, workerData } from "node:worker_threads";
import type { EventRow } from "./event-fields.ts";
import { parseQuery } from "./parse.ts";
import { runQuery } from "./run.ts";

/** What a thread is given. A query is whoever's: it must not hold up the platform, and may be ended at any time. */
export interface Work {
  readonly query: string;
  readonly events: readonly EventRow[];
  readonly limit: number;
  readonly now: number;
}

const { query, events, limit, now } = workerData as Work;
parentPort?.postMessage(runQuery(parseQuery(query), events, { limit, now }));
