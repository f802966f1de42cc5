import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { QueryResult } from "./run.ts";
import type { SomeEvents, Work } from "./worker.ts";

export type QueryStatus = "Scheduled" | "Running" | "Complete" | "Failed" | "Cancelled" | "Timeout";

export interface RunningQuery {
  readonly id: string;
  readonly account: string;
  readonly text: string;
  readonly groups: readonly string[];
  /** milliseconds since the epoch */
  readonly created: number;
  status: QueryStatus;
  result: QueryResult;
  scanned: { readonly events: number; readonly bytes: number };
}

export interface QueryRequest extends Pick<RunningQuery, "account" | "text" | "groups"> {
  readonly limit: number;
  /** Reads the events when the query's turn has come, a group at a time. */
  read(): AsyncIterable<SomeEvents>;
}

/** Queries and their results, in memory: as many as there is room for. */
export interface Queries {
  /** Undefined: too many are waiting. */
  start(request: QueryRequest): RunningQuery | undefined;
  find(account: string, id: string): RunningQuery | undefined;
  /** Newest first. */
  list(account: string): RunningQuery[];
  /** False: it had ended. */
  stop(query: RunningQuery): boolean;
  close(): void;
}

export interface QueriesNeeds {
  clock(): number;
  report(error: unknown): void;
  /** how long a query may run, milliseconds */
  readonly patienceMs: number;
}

/** Threads at once, queries that may wait (Service Quotas, "Logs Insights query concurrency"), and ended ones that are kept. */
const threads = 2;
const mostWaiting = 30;
const mostKept = 200;
const mostKeptCharacters = 64 * 1024 * 1024;
const memoryMb = 512;
/** Events of one message to a thread: a millisecond of the platform's time. */
const chunk = 500;
const nothing: QueryResult = { results: [], matched: 0 };

export function createQueries({ clock, report, patienceMs }: QueriesNeeds): Queries {
  const all = new Map<string, RunningQuery>();
  const waiting: { readonly query: RunningQuery; readonly request: QueryRequest }[] = [];
  const running = new Map<RunningQuery, () => void>();
  let closed = false;

  function begin(): void {
    while (!closed && running.size < threads) {
      const next = waiting.shift();
      if (next === undefined) return;
      if (next.query.status !== "Scheduled") continue;
      running.set(next.query, () => {});
      run(next.query, next.request)
        .catch((error: unknown) => {
          if (next.query.status === "Running") next.query.status = "Failed";
          report(error);
        })
        .finally(() => {
          running.delete(next.query);
          forget();
          begin();
        });
    }
  }

  async function run(query: RunningQuery, request: QueryRequest): Promise<void> {
    query.status = "Running";
    const workerData: Work = { query: query.text, limit: request.limit, now: clock() };
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    });
    worker.unref();
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = (status: QueryStatus) => {
      if (query.status === "Running") query.status = status;
      worker.terminate().then(() => resolve(), report);
    };
    running.set(query, () => end("Cancelled"));
    const timer = setTimeout(() => end("Timeout"), patienceMs).unref();
    worker.once("message", (result: QueryResult) => {
      if (query.status === "Running") query.result = result;
      end("Complete");
    });
    // Out of memory, too.
    worker.once("error", () => end("Failed"));
    worker.once("exit", () => end("Failed"));
    try {
      await feed(query, request, worker);
      await promise;
    } finally {
      clearTimeout(timer);
      end("Failed");
    }
  }

  /** Bit by bit, so that invocations find their places between. */
  async function feed(query: RunningQuery, request: QueryRequest, worker: Worker): Promise<void> {
    for await (const { log, events } of request.read()) {
      for (let at = 0; at < events.length; at += chunk) {
        if (query.status !== "Running") return;
        const some = events.slice(at, at + chunk);
        const bytes = some.reduce((sum, { message }) => sum + message.length, query.scanned.bytes);
        query.scanned = { events: query.scanned.events + some.length, bytes };
        worker.postMessage({ log, events: some } satisfies SomeEvents);
        await nextTurn();
      }
    }
    worker.postMessage(undefined);
  }

  /** The oldest results go, so that the newest have room. */
  function forget(): void {
    const ended = [...all.values()].filter(({ status }) => status !== "Scheduled" && status !== "Running");
    let characters = 0;
    for (const [index, query] of ended.reverse().entries()) {
      for (const row of query.result.results) for (const { value } of row) characters += value.length;
      if (index > 0 && (index >= mostKept || characters > mostKeptCharacters)) all.delete(query.id);
    }
  }

  return {
    start(request) {
      if (waiting.length >= mostWaiting) return undefined;
      const { account, text, groups } = request;
      const scanned = { events: 0, bytes: 0 };
      const state = { status: "Scheduled" as const, result: nothing, scanned };
      const query: RunningQuery = { id: randomUUID(), account, text, groups, created: clock(), ...state };
      all.set(query.id, query);
      waiting.push({ query, request });
      begin();
      return query;
    },
    find(account, id) {
      const found = all.get(id);
      return found?.account === account ? found : undefined;
    },
    list: (account) => [...all.values()].filter((one) => one.account === account).reverse(),
    stop(query) {
      if (query.status !== "Scheduled" && query.status !== "Running") return false;
      const end = running.get(query);
      query.status = "Cancelled";
      end?.();
      return true;
    },
    close() {
      closed = true;
      for (const query of all.values()) this.stop(query);
    },
  };
}
