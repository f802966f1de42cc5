import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../tests/properties.ts";
import { InvalidSchedule, nextWithin, parseSchedule } from "./schedule.ts";
import { wallAt } from "./time-zone.ts";

const at = (iso: string) => Date.parse(iso);

/** The next `count` occurrences after a moment, in ISO 8601, to the minute. */
function next(expression: string, after: string, count = 1, zone?: string): string[] {
  const schedule = parseSchedule(expression, zone);
  const found: string[] = [];
  let from = at(after);
  for (let index = 0; index < count; index++) {
    from = schedule.next(from, at(after))!;
    found.push(new Date(from).toISOString().slice(0, 16));
  }
  return found;
}

test("the examples of AWS's page on cron expressions mean what it says", () => {
  const saturday = "2026-11-21T12:30:00Z";
  assert.deepEqual(next("cron(0 10 * * ? *)", saturday), ["2026-11-22T10:00"], "10:00 every day");
  assert.deepEqual(next("cron(15 12 * * ? *)", saturday), ["2026-11-22T12:15"], "12:15 every day");
  assert.deepEqual(next("cron(0 18 ? * MON-FRI *)", saturday), ["2026-11-23T18:00"], "18:00 Monday to Friday");
  assert.deepEqual(next("cron(0 8 1 * ? *)", saturday, 2), ["2026-12-01T08:00", "2027-01-01T08:00"], "first of month");
  assert.deepEqual(next("cron(0/15 * * * ? *)", saturday, 2), ["2026-11-21T12:45", "2026-11-21T13:00"]);
  assert.deepEqual(
    next("cron(0/10 * ? * MON-FRI *)", saturday, 2),
    ["2026-11-23T00:00", "2026-11-23T00:10"],
    "every 10 minutes Monday to Friday",
  );
  assert.deepEqual(next("cron(0/5 8-17 ? * MON-FRI *)", "2026-11-23T17:50:00Z", 2), [
    "2026-11-23T17:55",
    "2026-11-24T08:00",
  ]);
  assert.deepEqual(next("cron(0 9 ? * 2#1 *)", saturday, 2), ["2026-12-07T09:00", "2027-01-04T09:00"], "1st Monday");
});

test("L, W and # count as AWS describes them", () => {
  const from = "2026-01-31T12:00:00Z";
  assert.deepEqual(next("cron(0 0 L * ? *)", from, 2), ["2026-02-28T00:00", "2026-03-31T00:00"]);
  // February ends on a Saturday in 2026: its last weekday is Friday the 27th.
  assert.deepEqual(next("cron(0 0 LW * ? *)", from), ["2026-02-27T00:00"]);
  // The 1st of February and of March are Sundays: the next weekday; the 1st of August is a Saturday: the 3rd.
  assert.deepEqual(next("cron(0 0 1W * ? *)", from, 2), ["2026-02-02T00:00", "2026-03-02T00:00"]);
  assert.deepEqual(next("cron(0 0 1W 8 ? *)", from), ["2026-08-03T00:00"]);
  // The 3rd of October is a Saturday: Friday the 2nd.
  assert.deepEqual(next("cron(0 0 3W 10 ? *)", from), ["2026-10-02T00:00"]);
  // The 31st of May is a Sunday, and June does not count: Friday the 29th.
  assert.deepEqual(next("cron(0 0 31W 5 ? *)", from), ["2026-05-29T00:00"]);
  assert.deepEqual(next("cron(0 0 ? * 6L *)", from), ["2026-02-27T00:00"], "last Friday");
  assert.deepEqual(next("cron(0 0 ? * L *)", from), ["2026-02-07T00:00"], "Saturday");
  assert.deepEqual(next("cron(0 0 ? * THU#5 *)", from), ["2026-04-30T00:00"], "a fifth Thursday");
});

test("lists, names, increments and ranges over the end", () => {
  const from = "2026-11-21T00:00:00Z";
  assert.deepEqual(next("cron(0 22-1 * * ? *)", from, 3), ["2026-11-21T01:00", "2026-11-21T22:00", "2026-11-21T23:00"]);
  assert.deepEqual(next("cron(0 0 ? feb,APR sat-mon 2027)", from, 2), ["2027-02-01T00:00", "2027-02-06T00:00"]);
  assert.deepEqual(next("cron(10-30/20 0 29 2 ? *)", from, 2), ["2028-02-29T00:10", "2028-02-29T00:30"]);
});

test("an expression whose years are over has no occurrence any more", () => {
  assert.equal(parseSchedule("cron(0 0 1 1 ? 2020)").next(at("2026-01-01T00:00:00Z"), 0), undefined);
  assert.equal(parseSchedule("cron(0 0 30 2 ? *)").next(at("2026-01-01T00:00:00Z"), 0), undefined);
});

test("times are those of the time zone, through both changes of the clocks", () => {
  assert.deepEqual(next("cron(0 9 * * ? *)", "2026-03-28T12:00:00Z", 2, "Europe/Berlin"), [
    "2026-03-29T07:00",
    "2026-03-30T07:00",
  ]);
  // 02:30 does not exist on 29 March 2026 in Berlin, and is there twice on 25 October.
  assert.deepEqual(next("cron(30 2 * * ? *)", "2026-03-28T12:00:00Z", 1, "Europe/Berlin"), ["2026-03-30T00:30"]);
  assert.deepEqual(next("cron(30 2 * * ? *)", "2026-10-24T12:00:00Z", 2, "Europe/Berlin"), [
    "2026-10-25T00:30",
    "2026-10-26T01:30",
  ]);
  assert.deepEqual(next("cron(0 0 1 1 ? *)", "2026-06-01T00:00:00Z", 1, "Pacific/Kiritimati"), ["2026-12-31T10:00"]);
});

test("at() is one moment, in the time zone, after a change of the clocks if it falls into one", () => {
  assert.deepEqual(next("at(2026-03-31T22:00:00)", "2026-01-01T00:00:00Z"), ["2026-03-31T22:00"]);
  assert.deepEqual(next("at(2026-07-01T22:00:00)", "2026-01-01T00:00:00Z", 1, "America/New_York"), [
    "2026-07-02T02:00",
  ]);
  assert.deepEqual(next("at(2026-03-29T02:30:00)", "2026-01-01T00:00:00Z", 1, "Europe/Berlin"), ["2026-03-29T01:30"]);
  assert.equal(parseSchedule("at(2026-03-31T22:00:00)").next(at("2026-03-31T22:00:00Z"), 0), undefined);
});

test("a rate counts from when the schedule began", () => {
  const schedule = parseSchedule("rate(5 minutes)");
  assert.equal(schedule.next(1000, 5000), 5000);
  assert.equal(schedule.next(5000, 5000), 305_000);
  assert.equal(schedule.next(305_001, 5000), 605_000);
  assert.equal(parseSchedule("rate(1 day)").next(0, 0), 24 * 3600e3);
});

test("start and end bound a schedule, both inclusive", () => {
  const schedule = parseSchedule("cron(0 * * * ? *)");
  const startMs = at("2026-01-02T00:00:00Z");
  const bounds = { anchorMs: 0, startMs, endMs: startMs + 3600e3 };
  assert.equal(nextWithin(schedule, at("2026-01-01T00:00:00Z"), bounds), startMs);
  assert.equal(nextWithin(schedule, startMs, bounds), startMs + 3600e3);
  assert.equal(nextWithin(schedule, startMs + 3600e3, bounds), undefined);
  assert.equal(nextWithin(parseSchedule("rate(1 hour)"), 0, { anchorMs: 0, startMs }), startMs);
});

test("what is not an expression is refused with a reason", () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["", /a schedule is at/],
    ["every day", /a schedule is at/],
    ["cron(* * * * *)", /six fields, not 5/],
    ["cron(* * * * * *)", /one of Day-of-month and Day-of-week must be \?/],
    ["cron(* * ? * ? *)", /one of Day-of-month and Day-of-week must be \?/],
    ["cron(60 * * * ? *)", /Minutes: 0 to 59, not 60/],
    ["cron(0/0 * * * ? *)", /increment is at least 1/],
    ["cron(0 24 * * ? *)", /Hours/],
    ["cron(0 0 0 * ? *)", /Day-of-month: 1 to 31/],
    ["cron(0 0 1 FOO ? *)", /Month: FOO/],
    ["cron(0 0 ? * 8 *)", /Day-of-week: 1 to 7/],
    ["cron(0 0 ? * 3#6 *)", /1 to 5/],
    ["cron(0 0 ? * 3#1,6#3 *)", /Day-of-week/],
    ["cron(0 0 1 1 ? 1969)", /Year: 1970 to 2199/],
    ["cron(0 0 1 1 ? 2030-2020)", /Year/],
    ["cron(0,,5 0 1 1 ? *)", /Minutes: nothing/],
    ["rate(0 minutes)", /positive/],
    ["rate(5 weeks)", /minutes, hours or days/],
    ["rate(minutes)", /positive/],
    ["at(2026-02-31T00:00:00)", /at\(\) takes/],
    ["at(tomorrow)", /at\(\) takes/],
  ];
  for (const [expression, reason] of wrong) {
    assert.throws(
      () => parseSchedule(expression),
      (error) => error instanceof InvalidSchedule && reason.test(error.message),
      expression,
    );
  }
  assert.throws(() => parseSchedule("rate(1 hour)", "Mars/Olympus"), /Mars\/Olympus is not a time zone/);
});

const list = (from: number, to: number) =>
  fc.oneof(
    fc.constant("*"),
    fc.uniqueArray(fc.integer({ min: from, max: to }), { minLength: 1, maxLength: 4 }).map((found) => found.join(",")),
  );
const zones = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu");

test("law: the next occurrence is after now, shows a matching time on the wall, and nothing matching lies between", () => {
  const matches = (field: string, value: number) => field === "*" || field.split(",").includes(String(value));
  fc.assert(
    fc.property(
      list(0, 59),
      list(0, 23),
      list(1, 28),
      zones,
      fc.integer({ min: 1e11, max: 4e12 }),
      (m, h, d, zone, now) => {
        const found = parseSchedule(`cron(${m} ${h} ${d} * ? *)`, zone).next(now, now)!;
        assert.ok(found > now);
        const fits = (ms: number) => {
          const wall = new Date(wallAt(ms, zone));
          return matches(m, wall.getUTCMinutes()) && matches(h, wall.getUTCHours()) && matches(d, wall.getUTCDate());
        };
        assert.ok(fits(found), new Date(found).toISOString());
        assert.equal(found % 60e3, 0);
        // Sampled, for there may be a month of minutes; an hour that comes twice counts once.
        const first = Math.floor(now / 60e3) * 60e3 + 60e3;
        const step = Math.max(1, Math.ceil((found - first) / 60e3 / 300)) * 60e3;
        for (let ms = first; ms < found; ms += step) {
          const hourBefore = new Date(wallAt(ms - 3600e3, zone)).getUTCHours();
          const halfBefore = wallAt(ms - 1800e3, zone);
          const repeated = hourBefore === new Date(wallAt(ms, zone)).getUTCHours() || halfBefore >= wallAt(ms, zone);
          if (!repeated) assert.ok(!fits(ms), `${new Date(ms).toISOString()} was passed over`);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("law: rates keep their distance whatever moment is asked for", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.nat(1e9), fc.nat(1e9), (minutes, anchor, now) => {
      const found = parseSchedule(`rate(${minutes} minutes)`).next(now, anchor)!;
      assert.ok(found > now || found === anchor);
      assert.equal((found - anchor) % (minutes * 60e3), 0);
      assert.ok(found - Math.max(now, anchor) <= minutes * 60e3);
    }),
  );
});
