import assert from "node:assert/strict";
import { test } from "node:test";
import oracle from "aws-cron-parser";
import fc from "../../tests/properties.ts";
import { parseSchedule } from "../capacity/index.ts";
import { nextDue, occasions } from "./expression.ts";

const number = (min: number, max: number) => fc.integer({ min, max });
/** One field: a star, values, a range, an increment. */
const field = (min: number, max: number) =>
  fc.oneof(
    fc.constant("*"),
    fc
      .uniqueArray(number(min, max), { minLength: 1, maxLength: 4 })
      .map((values) => values.sort((a, b) => a - b).join(",")),
    fc.tuple(number(min, max), number(min, max)).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    fc.tuple(number(min, max), number(1, max)).map(([from, step]) => `${from}/${step}`),
  );
const weekday = fc.constantFrom("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT");
/** Without LW and without dates that not every month has: the other implementation does not know the one, and is wrong about the others. */
const date = fc.oneof(
  field(1, 28).filter((text) => !text.includes("/")),
  fc.constant("L"),
  number(1, 28).map((value) => `${value}W`),
);
const days = fc.oneof(
  date.map((text) => [text, "?"]),
  fc
    .oneof(
      number(1, 7).map(String),
      weekday,
      fc.constant("MON-FRI"),
      number(1, 7).map((day) => `${day}L`),
      fc.tuple(number(1, 7), number(1, 5)).map(([day, week]) => `${day}#${week}`),
    )
    .map((day) => ["?", day]),
);
const expression = fc
  .tuple(field(0, 59), field(0, 23), days, field(1, 12), fc.oneof(fc.constant("*"), fc.constant("2026-2032")))
  .map(([minute, hour, [date, day], month, year]) => `${minute} ${hour} ${date} ${month} ${day} ${year}`);
const moment = number(Date.UTC(2026, 0, 1), Date.UTC(2028, 11, 31));
const minuteMs = 60_000;

test("the next three moments of any cron expression are those that another implementation finds", () => {
  fc.assert(
    fc.property(expression, moment, (text, from) => {
      const schedule = parseSchedule(`cron(${text})`);
      const parsed = oracle.parse(text);
      let [ours, theirs]: [number | undefined, Date | null] = [from, new Date(from)];
      for (let turn = 0; turn < 3; turn += 1) {
        ours = schedule.next(ours, 0);
        theirs = oracle.next(parsed, theirs);
        assert.equal(ours, theirs?.getTime(), `cron(${text}) after ${new Date(from).toISOString()}`);
        if (ours === undefined || theirs === null) return;
      }
    }),
    { numRuns: 300 },
  );
});

test("in every time zone moments rise, show what was asked for, and leave none out", () => {
  const zone = fc.constantFrom(
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/St_Johns",
  );
  fc.assert(
    fc.property(zone, number(0, 23), number(0, 59), moment, (timezone, hour, minute, from) => {
      const schedule = { expression: `cron(${minute} ${hour} * * ? *)`, timezone, modified: from };
      let last = from;
      for (let turn = 0; turn < 4; turn += 1) {
        const due = nextDue(schedule, last)!;
        assert.ok(due > last);
        const shown = new Intl.DateTimeFormat("en-GB", { timeZone: timezone, hour: "2-digit", minute: "2-digit" });
        assert.equal(shown.format(due), `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`);
        // A day of 25 hours at most, and one more where the clocks skipped it.
        assert.ok(due - last <= 49 * 60 * minuteMs, `${due - last} ms`);
        last = due;
      }
    }),
    { numRuns: 60 },
  );
});

test("rates are multiples of their period from their beginning", () => {
  const units = { minutes: minuteMs, hours: 60 * minuteMs, days: 1440 * minuteMs };
  const unit = fc.constantFrom("minutes" as const, "hours" as const, "days" as const);
  fc.assert(
    fc.property(unit, number(2, 500), moment, number(0, 1e11), (name, count, modified, later) => {
      const period = count * units[name];
      const due = nextDue({ expression: `rate(${count} ${name})`, timezone: "UTC", modified }, modified + later)!;
      assert.equal((due - modified) % period, 0);
      assert.ok(due > modified + later && due <= modified + later + period);
    }),
    { numRuns: 200 },
  );
});

test("however long nobody looked, the latest occasion is the one just before now", () => {
  fc.assert(
    fc.property(expression, moment, number(0, 3 * 366 * 1440), (text, from, minutes) => {
      const schedule = parseSchedule(`cron(${text})`);
      const due = schedule.next(from, 0);
      if (due === undefined) return;
      const now = due + minutes * minuteMs;
      const found = occasions(due, now, (after) => schedule.next(after, 0));
      assert.ok(found.latest >= due && found.latest <= now);
      assert.equal(schedule.next(found.latest, 0), found.next);
      assert.ok(found.next === undefined || found.next > now);
    }),
    { numRuns: 50 },
  );
});
