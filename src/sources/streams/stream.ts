import { backoffMs, pause } from "../pause.ts";
import { type Listing, troubleOf } from "./api.ts";
import { type KnownShard, planShards } from "./lineage.ts";
import type { StreamNeeds } from "./needs.ts";
import { runShard, type ShardRow, shardKey } from "./shard.ts";

/** What is kept of the stream as a whole, once it was listed for the first time. */
interface StreamRow {
  readonly identity: string;
}

const streamKey = "stream";
/** Shards appear when others end, which is seen at once; now and then the list is read all the same. */
const listEveryMs = 15_000;
const goneEveryMs = 10_000;

/**
 * Reads a stream for one mapping until the signal says so: finds its shards, reads them in the order of their lineage,
 * and begins anew when the stream was deleted and made again. Resolves when everything that was done is kept.
 */
export async function runStream(needs: StreamNeeds, signal: AbortSignal): Promise<void> {
  const { api, checkpoints, settings } = needs;
  const running = new Map<string, Promise<void>>();
  let shardEnded = () => {};
  let failures = 0;
  /** stops the shards of a stream that is there no more */
  let era = new AbortController();

  while (!signal.aborted) {
    let waitMs = listEveryMs;
    try {
      const listing = await api.list(signal);
      failures = 0;
      needs.problem(undefined);
      await follow(listing);
    } catch (error) {
      if (signal.aborted) break;
      failures += 1;
      const gone = troubleOf(error) === "gone";
      needs.problem(gone ? "PROBLEM: Stream not found" : `PROBLEM: ${(error as Error).message}`);
      waitMs = backoffMs(failures, { first: 500, most: gone ? goneEveryMs : 30_000 });
    }
    await changed(waitMs);
  }
  await Promise.all(running.values());

  /** Waits; less when a shard ends. */
  async function changed(ms: number): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      shardEnded = resolve;
    });
    const timer = new AbortController();
    await Promise.race([ended, pause(ms, AbortSignal.any([signal, timer.signal]))]);
    timer.abort();
  }

  async function follow({ identity, shards }: Listing): Promise<void> {
    let row = parsed<StreamRow>(checkpoints.all().get(streamKey));
    if (row !== undefined && row.identity !== identity) {
      await forgetEverything();
      row = undefined;
    }
    const rows = rowsOf(checkpoints.all());
    const known = new Map<string, KnownShard>();
    for (const [id, { finished }] of rows) known.set(id, { finished });
    const now = needs.clock();
    const { starting, startingAt } = settings;
    const plan = planShards(shards, known, { starting, first: row === undefined, now });

    const changes = new Map<string, string | undefined>();
    if (row === undefined) changes.set(streamKey, JSON.stringify({ identity } satisfies StreamRow));
    const fresh = new Set<string>();
    for (const { id, start } of plan.added) {
      const at = start === "AT_TIMESTAMP" ? (startingAt ?? 0) : now;
      const made: ShardRow =
        start === undefined ? { start: { type: "LATEST", at: now }, finished: now } : { start: { type: start, at } };
      rows.set(id, made);
      fresh.add(id);
      changes.set(shardKey(id), JSON.stringify(made));
    }
    for (const id of plan.forgotten) changes.set(shardKey(id), undefined);
    if (changes.size > 0) await checkpoints.write(changes);
    for (const id of plan.due) if (!running.has(id)) begin(id, rows.get(id)!, fresh.has(id));
  }

  function begin(id: string, row: ShardRow, fresh: boolean): void {
    const stop = AbortSignal.any([signal, era.signal]);
    const ending = runShard(id, row, fresh, needs, stop)
      .then(async (how) => {
        if (how === "ended") return;
        // Nobody knows it: its records are over, or the stream is, which the next list tells.
        shardEnded();
        if (await isUnlisted(id)) {
          await checkpoints.write(new Map([[shardKey(id), JSON.stringify({ ...row, finished: needs.clock() })]]));
        }
      })
      .catch((error) => {
        if (!stop.aborted) needs.report(error);
      })
      .then(async () => {
        // Something of ours failed: not again at once.
        if (!stop.aborted && parsed<ShardRow>(checkpoints.all().get(shardKey(id)))?.finished === undefined) {
          await pause(5000, stop);
        }
        running.delete(id);
        shardEnded();
      });
    running.set(id, ending);
  }

  async function isUnlisted(id: string): Promise<boolean> {
    const listing = await api.list(signal).catch(() => undefined);
    return listing !== undefined && !listing.shards.some((shard) => shard.id === id);
  }

  async function forgetEverything(): Promise<void> {
    era.abort();
    await Promise.all(running.values());
    era = new AbortController();
    await checkpoints.write(new Map([...checkpoints.all().keys()].map((key) => [key, undefined])));
  }
}

function rowsOf(all: ReadonlyMap<string, string>): Map<string, ShardRow> {
  const prefix = shardKey("");
  const rows = [...all].filter(([key]) => key.startsWith(prefix));
  return new Map(rows.map(([key, text]) => [key.slice(prefix.length), JSON.parse(text) as ShardRow]));
}

const parsed = <T>(text: string | undefined): T | undefined =>
  text === undefined ? undefined : (JSON.parse(text) as T);
