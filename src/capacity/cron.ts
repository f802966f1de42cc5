import { momentOf, wallAt } from "./time-zone.ts";

/** The expression is not one; the message says what is wrong with it, for whoever wrote it. */
export class InvalidSchedule extends Error {}

/** The six fields, as what they allow. */
export interface Cron {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly months: ReadonlySet<number>;
  readonly years: ReadonlySet<number>;
  readonly lastYear: number;
  /** does this date match? `last` is the month's last day, `weekday` 1 (Sunday) to 7 */
  readonly day: (date: number, last: number, weekday: number) => boolean;
}

interface Field {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly names?: readonly string[];
}

const monthNames = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const weekdayNames = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const fields = {
  minutes: { name: "Minutes", from: 0, to: 59 },
  hours: { name: "Hours", from: 0, to: 23 },
  dates: { name: "Day-of-month", from: 1, to: 31 },
  months: { name: "Month", from: 1, to: 12, names: monthNames },
  weekdays: { name: "Day-of-week", from: 1, to: 7, names: weekdayNames },
  years: { name: "Year", from: 1970, to: 2199 },
} as const satisfies Record<string, Field>;

const minuteMs = 60e3;
const dayMs = 24 * 60 * minuteMs;

/**
 * Reads the six fields of `cron(…)`: minutes, hours, day of month, month, day of week, year (Amazon EventBridge User Guide,
 * "Cron expressions reference"; Application Auto Scaling uses the same). Throws InvalidSchedule.
 */
export function parseCron(text: string): Cron {
  const parts = text.trim().toUpperCase().split(/\s+/);
  if (parts.length !== 6) throw new InvalidSchedule(`a cron expression has six fields, not ${parts.length}: ${text}`);
  const [minutes, hours, dates, months, weekdays, years] = parts as [string, string, string, string, string, string];
  if ((dates === "?") === (weekdays === "?")) {
    throw new InvalidSchedule(`one of Day-of-month and Day-of-week must be ?, and only one: ${text}`);
  }
  const yearValues = values(years, fields.years);
  return {
    minutes: values(minutes, fields.minutes),
    hours: values(hours, fields.hours),
    months: new Set(values(months, fields.months)),
    years: new Set(yearValues),
    lastYear: yearValues.at(-1)!,
    day: dates === "?" ? weekdayRule(weekdays) : dateRule(dates),
  };
}

/**
 * The first moment after `afterMs` at which a clock in the time zone shows a time that matches, or undefined when there is
 * none any more. A time skipped when clocks are set forward does not come; one that comes twice when they are set back
 * counts once, the first time (EventBridge Scheduler User Guide, "Daylight savings time").
 */
export function nextCron(cron: Cron, afterMs: number, zone: string): number | undefined {
  const shown = wallAt(afterMs, zone);
  for (let day = Math.floor(shown / dayMs) * dayMs; ; day += dayMs) {
    const date = new Date(day);
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
    if (year > cron.lastYear) return undefined;
    const lastDate = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
    if (!cron.years.has(year) || !cron.months.has(month + 1)) {
      // On to the month's last day: the loop's step then enters the next month.
      day += (lastDate - date.getUTCDate()) * dayMs;
      continue;
    }
    if (!cron.day(date.getUTCDate(), lastDate, date.getUTCDay() + 1)) continue;
    for (const wall of timesOfDay(cron, day)) {
      // What was shown hours ago does not come again: clocks are never set back that far.
      if (wall < shown - 3 * 60 * minuteMs) continue;
      const moment = momentOf(wall, zone);
      if (moment !== undefined && moment > afterMs) return moment;
    }
  }
}

function* timesOfDay(cron: Cron, day: number): Generator<number> {
  for (const hour of cron.hours) for (const minute of cron.minutes) yield day + (hour * 60 + minute) * minuteMs;
}

/** `L` the last day, `LW` the last weekday, `15W` the weekday nearest to the 15th within the month, or values. */
function dateRule(text: string): Cron["day"] {
  if (text === "L") return (date, last) => date === last;
  if (text === "LW") return (date, last, weekday) => date === nearestWeekday(last, last, weekday - (date - last));
  const near = /^(\d+)W$/.exec(text);
  if (near) {
    const wanted = Number(near[1]);
    within(wanted, fields.dates, text);
    return (date, last, weekday) => wanted <= last && date === nearestWeekday(wanted, last, weekday + (wanted - date));
  }
  const dates = new Set(values(text, fields.dates));
  return (date) => dates.has(date);
}

/** `L` Saturday, `6L` the month's last Friday, `6#3` its third, or values. */
function weekdayRule(text: string): Cron["day"] {
  if (text === "L") return (_date, _last, weekday) => weekday === 7;
  const nth = /^(\w+)#(\d+)$/.exec(text);
  if (nth) {
    const wanted = valueIn(nth[1]!, fields.weekdays, text);
    const week = Number(nth[2]);
    if (week < 1 || week > 5) throw new InvalidSchedule(`Day-of-week: the week after # is 1 to 5: ${text}`);
    return (date, _last, weekday) => weekday === wanted && Math.ceil(date / 7) === week;
  }
  const lastOne = /^(\w+)L$/.exec(text);
  if (lastOne) {
    const wanted = valueIn(lastOne[1]!, fields.weekdays, text);
    return (date, last, weekday) => weekday === wanted && date > last - 7;
  }
  const weekdays = new Set(values(text, fields.weekdays));
  return (_date, _last, weekday) => weekdays.has(weekday);
}

/** Monday to Friday nearest to a date, without leaving its month. `weekday`: of that date, any number congruent modulo 7. */
function nearestWeekday(date: number, last: number, weekday: number): number {
  const day = (((weekday - 1) % 7) + 7) % 7;
  if (day === 6) return date === 1 ? 3 : date - 1;
  if (day === 0) return date === last ? date - 2 : date + 1;
  return date;
}

/** The values of a list of `*`, `5`, `5-9`, `5/10`, `5-9/2`, ascending. A range may pass the end: FRI-MON. */
function values(text: string, field: Field): number[] {
  const found = new Set<number>();
  for (const item of text.split(",")) {
    const parts = /^(\*|[A-Z0-9]+)(?:-([A-Z0-9]+))?(?:\/(\d+))?$/.exec(item);
    if (!parts || (parts[1] === "*" && parts[2] !== undefined)) {
      throw new InvalidSchedule(`${field.name}: ${item || "nothing"} is not a value, a range or an increment`);
    }
    const [, first, second, increment] = parts;
    const from = first === "*" ? field.from : valueIn(first!, field, item);
    const open = first === "*" || (second === undefined && increment !== undefined);
    const to = open ? field.to : second === undefined ? from : valueIn(second, field, item);
    const step = increment === undefined ? 1 : Number(increment);
    if (step < 1) throw new InvalidSchedule(`${field.name}: an increment is at least 1: ${item}`);
    const count = field.to - field.from + 1;
    const length = to >= from ? to - from : to - from + count;
    if (to < from && field === fields.years) throw new InvalidSchedule(`Year: a range ends after it begins: ${item}`);
    for (let add = 0; add <= length; add += step) found.add(field.from + ((from - field.from + add) % count));
  }
  return [...found].sort((a, b) => a - b);
}

function valueIn(text: string, field: Field, item: string): number {
  const named = field.names?.indexOf(text) ?? -1;
  if (named >= 0) return field.from + named;
  if (!/^\d+$/.test(text)) throw new InvalidSchedule(`${field.name}: ${item} is not a value, a range or an increment`);
  return within(Number(text), field, item);
}

function within(value: number, field: Field, item: string): number {
  if (value >= field.from && value <= field.to) return value;
  throw new InvalidSchedule(`${field.name}: ${field.from} to ${field.to}, not ${item}`);
}
