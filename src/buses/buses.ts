import type { Posting } from "../model/index.ts";
import { type Archives, createArchives } from "./archives/archives.ts";
import { createReplays, type Replays } from "./archives/replays.ts";
import { createClockwork } from "./clockwork.ts";
import { createDirectory, type Directory } from "./directory.ts";
import { type BusEvent, envelope, type NewEvent } from "./envelope.ts";
import type { BusesNeeds } from "./needs.ts";
import type { RuleRecord } from "./records.ts";
import { plan, planAll, ruleOccasion } from "./rules.ts";
import { createSchedules, type Schedules, scheduleOccasion } from "./schedules.ts";
import { openTimedStore } from "./store.ts";
import { busOf, postingFor } from "./targets.ts";

interface Where {
  readonly account: string;
  readonly region: string;
  readonly bus: string;
}

/** Event buses with their rules, and the schedules of the Scheduler. */
export interface Buses {
  readonly directory: Pick<Directory, "bus" | "buses" | "putBus" | "removeBus" | "rule" | "rules" | "everyRule">;
  readonly schedules: Schedules;
  readonly archives: Omit<Archives, "arrived" | "read" | "close">;
  readonly replays: Pick<Replays, "get" | "list" | "start" | "cancel">;
  /** A rule is new or another one now; resolves when that is durable. */
  putRule(record: RuleRecord): Promise<void>;
  removeRule(record: RuleRecord): Promise<void>;
  /**
   * Takes events, each for a bus; resolves with their ids when what they lead to is durable, all of it or nothing. An event
   * for a bus that is not there leads to nothing.
   */
  put(events: readonly { readonly where: Where; readonly event: NewEvent }[]): Promise<readonly string[]>;
  /** Can a universal target of a schedule name this operation? */
  callable(service: string, action: string): boolean;
  /** Takes up what is due; to be called once, when the queue takes events. */
  start(): void;
  close(): Promise<void>;
}

/** Opens the buses. Throws what SQLite says about a file that is none. */
export function createBuses(needs: BusesNeeds): Buses {
  const { clock } = needs;
  const store = openTimedStore(needs.path);
  const directory = createDirectory(needs);
  const clockwork = createClockwork({
    ...needs,
    store,
    occasion: (timed, now) =>
      timed.group === "" ? ruleOccasion(toTargets, directory, timed, now) : scheduleOccasion(needs, timed, now),
  });
  const schedules = createSchedules({ ...needs, store, changed: clockwork.look });

  const archives = createArchives(needs);
  const replays = createReplays({
    ...needs,
    archives,
    postingsOf: (where, event, only) => postingsOf(where, event, clock(), 0, only),
  });

  /** What an event on a bus leads to; archives keep it. `only`: ARNs of the rules that are asked; left out: all. */
  function postingsOf(where: Where, event: BusEvent, now: number, hops = 0, only?: readonly string[]): Posting[] {
    archives.arrived(where, event);
    return directory
      .met(where, where.bus, event.document)
      .filter(({ arn }) => only?.includes(arn) !== false)
      .flatMap((rule) => toTargets(rule, event, now, hops));
  }

  /**
   * Through a rule an event comes to another bus, but from there to no third one (EventBridge User Guide, "Sending and
   * receiving events between event buses").
   */
  function toTargets(rule: RuleRecord, event: BusEvent, now: number, hops = 0): Posting[] {
    return rule.targets.flatMap((target) => {
      const next = busOf(target.Arn);
      if (next === undefined) return [postingFor(needs, rule, target, event, now)];
      return hops === 0 ? postingsOf(next, event, now, hops + 1) : [];
    });
  }

  return {
    directory,
    schedules,
    archives,
    replays,
    async putRule(record) {
      directory.putRule(record);
      plan(store, record, clock());
      clockwork.look();
      await store.synced();
    },
    async removeRule(record) {
      directory.removeRule(record);
      plan(store, { ...record, schedule: undefined }, clock());
      await store.synced();
    },
    async put(events) {
      const now = clock();
      const made = events.map(({ where, event }) => ({ where, event: envelope(event) }));
      const postings = made.flatMap(({ where, event }) => postingsOf(where, event, now));
      await Promise.all([needs.post(postings), archives.synced()]);
      return made.map(({ event }) => event.id);
    },
    callable: (service, action) => (service === "lambda" ? action === "invoke" : needs.callable(service, action)),
    start() {
      planAll(store, directory, clock());
      clockwork.look();
      replays.takeUp();
    },
    async close() {
      await Promise.all([clockwork.stop(), replays.stop()]);
      archives.close();
      store.close();
    },
  };
}
