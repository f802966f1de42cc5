import type { Checkpoints, Invoked } from "../source.ts";
import type { Position, Sink, StreamApi } from "./api.ts";
import type { StreamNeeds, StreamSettings } from "./needs.ts";
import { type ReadRecord, recordOf } from "./records.ts";

interface MemoryShard {
  readonly id: string;
  readonly parents: readonly string[];
  readonly records: ReadRecord[];
  open: boolean;
}

/** An error as services give it. */
export const refusal = (code: string): Error => Object.assign(new Error(code), { code });

/** A stream in memory, for what no server does when asked: iterators that expire, throttling, lists without a shard. */
export function memoryStream() {
  const shards: MemoryShard[] = [];
  let sequence = 0;
  let identity = "1";
  let changed = Promise.withResolvers<void>();
  /** asked before each page */
  let trouble: () => Error | undefined = () => undefined;
  const tell = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };

  function add(...parents: string[]): string {
    for (const parent of parents) shards.find(({ id }) => id === parent)!.open = false;
    const id = `shard-${shards.length}`;
    shards.push({ id, parents, records: [], open: true });
    tell();
    return id;
  }

  const indexOf = (records: readonly ReadRecord[], position: Position): number => {
    if (position.type === "LATEST") return records.length;
    const found = records.findIndex((record) => {
      if (position.type === "AT_TIMESTAMP") return record.arrived >= position.at;
      if (!("sequence" in position)) return true;
      const [one, other] = [Number(record.sequence), Number(position.sequence)];
      return position.type === "AT_SEQUENCE_NUMBER" ? one >= other : one > other;
    });
    return found === -1 ? records.length : found;
  };

  const api: StreamApi = {
    takesTimestamps: true,
    async list() {
      if (shards.length === 0) throw refusal("ResourceNotFoundException");
      return { identity, shards: shards.map(({ id, parents, open }) => ({ id, parents: [...parents], open })) };
    },
    async read(id: string, position: Position, sink: Sink, signal: AbortSignal) {
      const shard = shards.find((one) => one.id === id);
      if (shard === undefined) throw refusal("ResourceNotFoundException");
      for (let next = indexOf(shard.records, position); ; ) {
        signal.throwIfAborted();
        if (!shards.includes(shard)) throw refusal("ResourceNotFoundException");
        const error = trouble();
        if (error !== undefined) throw error;
        const { open } = shard;
        const more = changed.promise;
        const page = shard.records.slice(next, next + 7);
        next += page.length;
        await sink.take(page, next === shard.records.length ? 0 : 1);
        if (page.length > 0) continue;
        if (!open) return;
        const stopped = new Promise<void>((resolve) =>
          signal.addEventListener("abort", () => resolve(), { once: true }),
        );
        await Promise.race([more, stopped, new Promise((resolve) => setTimeout(resolve, 20))]);
      }
    },
  };

  return {
    api,
    add,
    split: (id: string) => [add(id), add(id)],
    close(id: string) {
      shards.find((one) => one.id === id)!.open = false;
      tell();
    },
    /** To the open shard that has this key's turn: keys are spread by their length of history. */
    put(id: string, key: string, value: unknown, arrived = Date.now()): string {
      const number = String(++sequence);
      const item = { key, value, sequence: number };
      shards.find((one) => one.id === id)!.records.push(recordOf(item, { sequence: number, key, arrived }));
      tell();
      return number;
    },
    open: () => shards.filter(({ open }) => open).map(({ id }) => id),
    failWith(made: () => Error | undefined) {
      trouble = made;
    },
    /** Deleted, and made again by the same name. */
    recreate() {
      shards.length = 0;
      identity = String(Number(identity) + 1);
      tell();
    },
  };
}

/** What one process keeps: `die()` loses what comes later, as a killed one does. */
export function memoryCheckpoints(kept = new Map<string, string>()): Checkpoints & { die(): void; kept: typeof kept } {
  let dead = false;
  return {
    kept,
    die() {
      dead = true;
    },
    all: () => new Map(kept),
    async write(changes) {
      if (dead) return;
      for (const [key, value] of changes) value === undefined ? kept.delete(key) : kept.set(key, value);
    },
  };
}

export interface SentEvent {
  readonly Records: readonly { readonly key: string; readonly value: number; readonly sequence: string }[];
  readonly window?: { readonly start: string; readonly end: string };
  readonly state?: Record<string, unknown>;
  readonly isFinalInvokeForWindow?: boolean;
  readonly isWindowTerminatedEarly?: boolean;
}

/** Everything a mapping of the stream needs; `run` is the function. */
export function memoryNeeds(
  api: StreamApi,
  run: (event: SentEvent) => unknown,
  settings: Partial<StreamSettings> = {},
  checkpoints = memoryCheckpoints(),
) {
  const counts = new Map<string, number>();
  const lost: Parameters<StreamNeeds["giveUp"]>[0][] = [];
  const results: string[] = [];
  const problems: (string | undefined)[] = [];
  const needs: StreamNeeds = {
    api,
    checkpoints,
    settings: {
      sourceArn: "arn:s",
      starting: "TRIM_HORIZON",
      startingAt: undefined,
      batchSize: 10,
      batchingSeconds: 0,
      lanes: 1,
      retries: -1,
      mostAgeMs: undefined,
      bisect: false,
      reportsItems: false,
      tumblingSeconds: 0,
      ...settings,
    },
    clock: Date.now,
    wants: () => true,
    async invoke(payload): Promise<Invoked> {
      const said = await run(JSON.parse(payload.toString()) as SentEvent);
      const answer = { requestId: "r", executedVersion: "$LATEST" };
      if (said instanceof Error) return { ...answer, functionError: "Unhandled", payload: Buffer.from("{}") };
      return { ...answer, payload: Buffer.from(JSON.stringify(said ?? null)) };
    },
    async giveUp(one) {
      lost.push(one);
    },
    count: (name, records) => counts.set(name, (counts.get(name) ?? 0) + records),
    iteratorAge: () => undefined,
    result: (text) => results.push(text),
    problem: (text) => problems.push(text),
    report(error) {
      throw error;
    },
  };
  return { needs, counts, lost, results, problems, checkpoints };
}

/** Waits until it holds; fails after ten seconds with what is seen then. */
export async function until(holds: () => boolean, seen: () => unknown = () => ""): Promise<void> {
  const late = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > late) throw new Error(`still not: ${JSON.stringify(seen())}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
