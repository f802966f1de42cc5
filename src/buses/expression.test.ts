import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSchedule } from "../capacity/index.ts";
import { InvalidSchedule, nextDue, occasions, ruleSchedule } from "./expression.ts";

const at = (text: string) => Date.parse(text);
const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
const made = at("2026-11-22T07:00:30.500Z");
const schedule = { timezone: "UTC", modified: made };

test("the unit of a rule's rate is singular for one, and plural for all others", () => {
  for (const good of ["rate(1 minute)", "rate(5 minutes)", "rate(1 day)", "cron(0 12 * * ? *)"]) ruleSchedule(good);
  for (const bad of [
    "rate(1 minutes)",
    "rate(5 minute)",
    "rate(0 minutes)",
    "rate(1 second)",
    "at(2026-01-01T00:00:00)",
  ]) {
    assert.throws(() => ruleSchedule(bad), InvalidSchedule, bad);
  }
});

test("a rate of the Scheduler begins at once, or with its start, and ends with its end", () => {
  assert.equal(nextDue({ ...schedule, expression: "rate(5 minutes)" }), made);
  assert.equal(nextDue({ ...schedule, expression: "rate(5 minutes)" }, made), made + 300_000);
  const start = at("2026-11-23T00:00:00Z");
  const bounded = { ...schedule, expression: "rate(1 hour)", start, end: start + 3_600_000 };
  assert.equal(nextDue(bounded), start);
  assert.equal(nextDue(bounded, start), start + 3_600_000);
  assert.equal(nextDue(bounded, start + 3_600_000), undefined);
});

test("a one-time schedule is due once, in its time zone, also when that has just passed", () => {
  const once = { ...schedule, expression: "at(2026-11-22T08:00:00)", timezone: "Europe/Berlin" };
  assert.equal(iso(nextDue(once)), "2026-11-22T07:00:00.000Z");
  assert.equal(nextDue(once, at("2026-11-22T07:00:00Z")), undefined);
  assert.equal(nextDue({ ...schedule, expression: "at(2026-11-22T06:00:00)" }), undefined);
});

test("a time that clocks skip in spring does not come, and one that they show twice in autumn comes once", () => {
  const daily = { ...schedule, expression: "cron(30 2 * * ? *)", timezone: "America/New_York" };
  const spring = nextDue(daily, at("2026-03-07T12:00:00Z"));
  assert.equal(iso(spring), "2026-03-09T06:30:00.000Z");
  const twice = { ...daily, expression: "cron(30 1 * * ? *)" };
  const autumn = nextDue(twice, at("2026-10-31T12:00:00Z"));
  assert.equal(iso(autumn), "2026-11-01T05:30:00.000Z");
  assert.equal(iso(nextDue(twice, autumn)), "2026-11-02T06:30:00.000Z");
});

test("a rate of days is one of 24 hours, whatever clocks do", () => {
  const daily = {
    ...schedule,
    expression: "rate(1 day)",
    timezone: "America/New_York",
    start: at("2026-10-31T12:00:00Z"),
  };
  assert.equal(iso(nextDue(daily, at("2026-10-31T13:00:00Z"))), "2026-11-01T12:00:00.000Z");
});

test("of the occasions that nobody saw only the latest is made up for", () => {
  const minutes = parseSchedule("rate(1 minute)");
  const next = (after: number) => minutes.next(after, made);
  const now = made + 90 * 86_400_000 + 10;
  assert.deepEqual(occasions(made, now, next), { latest: now - 10, next: now - 10 + 60_000 });
  const daily = parseSchedule("cron(0 9 * * ? *)");
  const found = occasions(at("2026-11-01T09:00:00Z"), at("2026-11-22T07:00:00Z"), (after) => daily.next(after, 0));
  assert.deepEqual([iso(found.latest), iso(found.next)], ["2026-11-21T09:00:00.000Z", "2026-11-22T09:00:00.000Z"]);
  assert.deepEqual(
    occasions(made, made, () => undefined),
    { latest: made, next: undefined },
  );
});
