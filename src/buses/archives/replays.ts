import type { Posting } from "../../model/index.ts";
import type { BusEvent } from "../envelope.ts";
import type { BusesNeeds } from "../needs.ts";
import { busOf } from "../targets.ts";
import type { Archives } from "./archives.ts";
import { isGoing, type ReplayRecord, type ReplayState } from "./records.ts";
import type { Archived } from "./store.ts";

export interface ReplaysNeeds extends Pick<BusesNeeds, "clock" | "named" | "post" | "report"> {
  readonly archives: Pick<Archives, "find" | "read">;
  /** What an event on a bus leads to, by those of its rules whose ARNs are given, or by all. */
  postingsOf(
    where: { readonly account: string; readonly region: string; readonly bus: string },
    event: BusEvent,
    rules: readonly string[] | undefined,
  ): readonly Posting[];
}

/** Replays: which there are, and what does them. */
export interface Replays {
  get(where: { readonly account: string; readonly region: string }, replay: string): ReplayRecord | undefined;
  list(where: { readonly account: string; readonly region: string }): readonly ReplayRecord[];
  /** Begins one. */
  start(record: ReplayRecord): void;
  /** One that is going ends before its next events. */
  cancel(record: ReplayRecord): void;
  /** Goes on with those that were going. */
  takeUp(): void;
  stop(): Promise<void>;
}

/** So many events are sent with one write. */
const batch = 100;
/** "EventBridge … retains … replays for 90 days" (User Guide, "Replaying archived events") */
const keptMs = 90 * 86_400_000;
const againMs = 1000;

/**
 * Events are in the queue, on the disk, before a replay moves on: where the platform is killed between the two, some are
 * replayed twice, and none is left out.
 */
export function createReplays(needs: ReplaysNeeds): Replays {
  const { archives, clock } = needs;
  const records = needs.named<ReplayRecord>("events-replay");
  const running = new Map<string, Promise<void>>();
  let stopped = false;

  const current = ({ account, name }: ReplayRecord) => records.get(account, name);

  function end(record: ReplayRecord, state: ReplayState, reason?: string): void {
    records.put({ ...record, state, ended: clock(), ...(reason === undefined ? {} : { reason }) });
  }

  /** Sends the next events. False: it is over. */
  async function step(record: ReplayRecord): Promise<boolean> {
    const archive = archives.find(record.source);
    const where = busOf(record.destination.Arn);
    if (archive === undefined || where === undefined) {
      end(record, "FAILED", `${record.source} does not exist.`);
      return false;
    }
    const found = archives.read(archive, record.cursor, record.until, batch);
    const last = found.at(-1);
    if (last === undefined) {
      end(record, "COMPLETED");
      return false;
    }
    const events = found.map((archived) => replayed(archived, record.replay));
    await needs.post(events.flatMap((event) => needs.postingsOf(where, event, record.destination.FilterArns)));
    // Somebody may have cancelled it in the meantime.
    const { state } = current(record) ?? record;
    const cursor = { at: last.at, id: last.id };
    records.put({ ...record, state: state === "CANCELLING" ? state : "RUNNING", cursor });
    return true;
  }

  async function work(given: ReplayRecord): Promise<void> {
    while (!stopped) {
      const record = current(given);
      if (record === undefined || !isGoing(record)) return;
      if (record.state === "CANCELLING") return end(record, "CANCELLED", "Cancelled by user.");
      try {
        if (!(await step(record))) return;
      } catch (error) {
        needs.report(error);
        await new Promise((resolve) => setTimeout(resolve, againMs).unref());
      }
      // Whoever waits for an answer of the platform is not behind all events of an archive.
      await new Promise(setImmediate);
    }
  }

  function go(record: ReplayRecord): void {
    if (running.has(record.arn)) return;
    const done = work(record)
      .catch(needs.report)
      .finally(() => running.delete(record.arn));
    running.set(record.arn, done);
  }

  return {
    get: ({ account, region }, replay) => records.get(account, `${region} ${replay}`),
    list: ({ account, region }) =>
      records
        .list(account)
        .filter((record) => record.region === region)
        .sort((one, other) => (one.replay < other.replay ? -1 : 1)),
    start(record) {
      records.put(record);
      go(record);
    },
    cancel(record) {
      records.put({ ...record, state: "CANCELLING" });
      go(record);
    },
    takeUp() {
      for (const record of [...records.everything()]) {
        if (isGoing(record)) go(record);
        else if (clock() - record.begun > keptMs) records.remove(record.account, record.name);
      }
    },
    async stop() {
      stopped = true;
      await Promise.all(running.values());
    },
  };
}

/** The event as it was, with the name of its replay. Source: EventBridge User Guide, "Replaying archived events". */
function replayed({ text }: Archived, replay: string): BusEvent {
  const document = { ...(JSON.parse(text) as Record<string, unknown>), "replay-name": replay };
  return {
    id: String((document as Record<string, unknown>).id),
    document,
    // What is in it is to the letter what it was.
    text: `${text.slice(0, -1)},"replay-name":${JSON.stringify(replay)}}`,
  };
}
