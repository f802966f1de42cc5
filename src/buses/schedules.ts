import { type Occasion, turnOf } from "./clockwork.ts";
import { nextDue } from "./expression.ts";
import { scheduledPosting } from "./firing.ts";
import type { BusesNeeds } from "./needs.ts";
import type { ScheduleGroupRecord, ScheduleRecord } from "./records.ts";
import type { ListOptions, Place, StoredTimed, TimedStore } from "./store.ts";

type Scope = Pick<Place, "account" | "region">;

/** The schedules of the Scheduler. A change is durable when its promise resolves. */
export interface Schedules {
  get(place: Place): ScheduleRecord | undefined;
  put(schedule: ScheduleRecord): Promise<void>;
  /** False: there was none. */
  remove(place: Place): Promise<boolean>;
  /** One page, by group and name. */
  list(scope: Scope, options: ListOptions): readonly ScheduleRecord[];
  group(scope: Scope, group: string): ScheduleGroupRecord | undefined;
  /** By name, the default group among them. */
  groups(scope: Scope): readonly ScheduleGroupRecord[];
  putGroup(record: ScheduleGroupRecord): void;
  /** With all of its schedules. */
  removeGroup(record: ScheduleGroupRecord): Promise<void>;
}

export const defaultGroup = "default";
const minuteMs = 60_000;

export interface SchedulesNeeds extends Pick<BusesNeeds, "named" | "clock" | "random"> {
  readonly store: TimedStore;
  changed(): void;
}

export function createSchedules(needs: SchedulesNeeds): Schedules {
  const { store } = needs;
  const groups = needs.named<ScheduleGroupRecord>("schedule-group");
  const implied = ({ account, region }: Scope): ScheduleGroupRecord => ({
    account,
    region,
    name: `${region} ${defaultGroup}`,
    group: defaultGroup,
    tags: {},
    created: 0,
    modified: 0,
  });
  return {
    get(place) {
      const found = store.get(place);
      return found === undefined ? undefined : recordOf(found);
    },
    async put(schedule) {
      const { account, region, group, name, state } = schedule;
      const scheduled = state === "ENABLED" ? nextDue(schedule) : undefined;
      const due = scheduled === undefined ? undefined : scheduled + delayOf(schedule, needs.random);
      store.put({ account, region, group, name, state, document: JSON.stringify(schedule), scheduled, due });
      needs.changed();
      await store.synced();
    },
    async remove(place) {
      const removed = store.remove(place);
      await store.synced();
      return removed;
    },
    list: (scope, options) => store.list(scope, options).map(recordOf),
    group: (scope, group) =>
      groups.get(scope.account, `${scope.region} ${group}`) ?? (group === defaultGroup ? implied(scope) : undefined),
    groups(scope) {
      const own = groups.list(scope.account).filter(({ region }) => region === scope.region);
      const all = own.some(({ group }) => group === defaultGroup) ? own : [...own, implied(scope)];
      return all.sort((one, other) => (one.group < other.group ? -1 : 1));
    },
    putGroup: groups.put,
    async removeGroup(record) {
      // Schedules first: a group that is gone must not leave any behind.
      while (store.removeSome(record, 1000)) await new Promise(setImmediate);
      await store.synced();
      groups.remove(record.account, record.name);
    },
  };
}

/** What is to be done for a schedule that is due. */
export function scheduleOccasion(
  needs: Pick<BusesNeeds, "exists" | "roleAllows" | "random">,
  timed: StoredTimed,
  now: number,
): Occasion {
  const schedule = recordOf(timed);
  const { latest, next } = turnOf(timed, now, (after) => nextDue(schedule, after));
  return {
    postings: [scheduledPosting(needs, schedule, latest)],
    next,
    delay: delayOf(schedule, needs.random),
    ends: schedule.afterCompletion === "DELETE",
  };
}

/** Somewhere within its flexible window, milliseconds. */
const delayOf = ({ windowMinutes }: ScheduleRecord, random = Math.random): number =>
  Math.floor(windowMinutes * minuteMs * random());

const recordOf = ({ document }: StoredTimed): ScheduleRecord => JSON.parse(document) as ScheduleRecord;
