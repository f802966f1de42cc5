import type { Posting } from "../model/index.ts";
import { type Occasion, turnOf } from "./clockwork.ts";
import type { Directory } from "./directory.ts";
import { type BusEvent, envelope } from "./envelope.ts";
import { ruleSchedule } from "./expression.ts";
import { defaultBus, type RuleRecord } from "./records.ts";
import type { Place, StoredTimed, TimedStore } from "./store.ts";

/** Where the row of a rule with a schedule lies: no group of schedules has an empty name. */
const placeOf = ({ account, region, rule }: RuleRecord): Place => ({ account, region, group: "", name: rule });

/** Brings the row of a rule in line with the rule. Only the default bus has rules with schedules. */
export function plan(store: Pick<TimedStore, "put" | "remove" | "get">, record: RuleRecord, now: number): void {
  const place = placeOf(record);
  const { schedule, created } = record;
  if (schedule === undefined || record.state === "DISABLED") {
    store.remove(place);
    return;
  }
  // A rule whose schedule stays as it is keeps its turn.
  const known = store.get(place);
  if (known?.document === schedule && known.due !== undefined) return;
  const due = ruleSchedule(schedule).next(now, created);
  store.put({ ...place, state: record.state, document: schedule, scheduled: due, due });
}

/** After a kill between the two writes rules and rows may disagree: rules are right. */
export function planAll(store: TimedStore, directory: Directory, now: number): void {
  for (const place of store.rules()) {
    const record = directory.rule(place, defaultBus, place.name);
    if (record?.schedule === undefined || record.state === "DISABLED") store.remove(place);
  }
  for (const record of directory.everyRule()) if (record.schedule !== undefined) plan(store, record, now);
}

/**
 * What is to be done for a rule that is due; `send`: what brings an event to the rule's targets. Source: EventBridge User
 * Guide, "Scheduled events".
 */
export function ruleOccasion(
  send: (rule: RuleRecord, event: BusEvent, now: number) => readonly Posting[],
  directory: Directory,
  timed: StoredTimed,
  now: number,
): Occasion | undefined {
  const record = directory.rule(timed, defaultBus, timed.name);
  if (record?.schedule === undefined || record.state === "DISABLED") return undefined;
  const schedule = ruleSchedule(record.schedule);
  const { latest, next } = turnOf(timed, now, (after) => schedule.next(after, record.created));
  const event = envelope({
    source: "aws.events",
    detailType: "Scheduled Event",
    detail: "{}",
    account: record.account,
    region: record.region,
    resources: [record.arn],
    time: latest,
  });
  return { postings: send(record, event, now), next, delay: 0, ends: true };
}
