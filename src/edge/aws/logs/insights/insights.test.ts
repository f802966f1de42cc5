import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../../../tests/properties.ts";
import type { EventRow } from "./event-fields.ts";
import { parseQuery } from "./parse.ts";
import { runQuery } from "./run.ts";
import { QueryError } from "./scanner.ts";

const start = Date.UTC(2026, 10, 22, 10, 0, 0);
const id = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

function event(message: string, seconds = 0, stream = "s"): EventRow {
  const timestamp = start + seconds * 1000;
  return { timestamp, number: timestamp * 1000, message, stream, log: "000000000000:/aws/lambda/f" };
}

const run = (query: string, events: readonly EventRow[], limit = 10_000) =>
  runQuery(parseQuery(query), events, { limit, now: start });

/** Rows as plain objects, without `@ptr`. */
const rows = (query: string, events: readonly EventRow[]) =>
  run(query, events).results.map((row) =>
    Object.fromEntries(row.filter(({ field }) => field !== "@ptr").map(({ field, value }) => [field, value])),
  );

/** What a function of 128 MB writes: two calls, the first behind a cold start. */
const lambda = [
  event(`START RequestId: ${id(1)} Version: $LATEST`, 0),
  event(`2026-11-22T10:00:00.000Z\t${id(1)}\tINFO\t{"user":{"name":"Ada"},"items":[{"sku":"x"}],"ms":12,"ok":true}`, 1),
  event(`END RequestId: ${id(1)}`, 2),
  event(
    `REPORT RequestId: ${id(1)}\tDuration: 100.50 ms\tBilled Duration: 251 ms\tMemory Size: 128 MB\tMax Memory Used: 70 MB\tInit Duration: 150.00 ms`,
    3,
  ),
  event(`START RequestId: ${id(2)} Version: $LATEST`, 400),
  event(`2026-11-22T10:06:40.000Z\t${id(2)}\tERROR\tException: it [failed]`, 401),
  event(`END RequestId: ${id(2)}`, 402),
  event(
    `REPORT RequestId: ${id(2)}\tDuration: 1500.25 ms\tBilled Duration: 1501 ms\tMemory Size: 128 MB\tMax Memory Used: 90 MB`,
    403,
  ),
];

test("without a command, the newest events come first, with what they are found again by", () => {
  const { results, matched } = run("", lambda);
  assert.equal(matched, 8);
  const at = start + 403_000;
  const place = `${String(at).padStart(20, "0")}${String(at * 1000).padStart(36, "0")}`;
  const pointer = Buffer.from(`000000000000:/aws/lambda/f|${place}`).toString("base64");
  assert.deepEqual(results[0], [
    { field: "@timestamp", value: "2026-11-22 10:06:43.000" },
    { field: "@message", value: lambda[7]!.message },
    { field: "@ptr", value: pointer },
  ]);
});

test("AWS's sample queries for Lambda give what they are for", () => {
  assert.deepEqual(
    rows(
      `filter @type = "REPORT"
       | stats max(@memorySize / 1000 / 1000) as provisonedMemoryMB,
           min(@maxMemoryUsed / 1000 / 1000) as smallestMemoryRequestMB,
           avg(@maxMemoryUsed / 1000 / 1000) as avgMemoryUsedMB,
           max(@maxMemoryUsed / 1000 / 1000) as maxMemoryUsedMB,
           provisonedMemoryMB - maxMemoryUsedMB as overProvisionedMB`,
      lambda,
    ),
    [
      {
        provisonedMemoryMB: "128",
        smallestMemoryRequestMB: "70",
        avgMemoryUsedMB: "80",
        maxMemoryUsedMB: "90",
        overProvisionedMB: "38",
      },
    ],
  );
  assert.deepEqual(
    rows(
      `filter @type = "REPORT" | stats avg(@duration), max(@duration), min(@duration) by bin(5m) | sort bin(5m) asc`,
      lambda,
    ),
    [
      {
        "bin(5m)": "2026-11-22 10:00:00.000",
        "avg(@duration)": "100.5",
        "max(@duration)": "100.5",
        "min(@duration)": "100.5",
      },
      {
        "bin(5m)": "2026-11-22 10:05:00.000",
        "avg(@duration)": "1500.25",
        "max(@duration)": "1500.25",
        "min(@duration)": "1500.25",
      },
    ],
  );
  assert.deepEqual(
    rows(
      `filter @type = "REPORT" and @duration > 1000 | fields @requestId, @duration | sort by @timestamp desc`,
      lambda,
    ),
    [{ "@requestId": id(2), "@duration": "1500.25" }],
  );
  // Cold starts, as the console's own query counts them.
  assert.deepEqual(
    rows(
      `filter @type = "REPORT"
       | fields greatest(@initDuration, 0) + @duration as duration, ispresent(@initDuration) as coldStart
       | stats count(*) as count, pct(duration, 50) as p50, max(duration) as max by coldStart
       | sort coldStart desc`,
      lambda,
    ),
    [
      { coldStart: "1", count: "1", p50: "250.5", max: "250.5" },
      { coldStart: "0", count: "1", p50: "1500.25", max: "1500.25" },
    ],
  );
  assert.deepEqual(
    rows(
      "filter @message like /Exception/ | stats count(*) as exceptionCount by bin(1h) | sort exceptionCount desc",
      lambda,
    ),
    [{ "bin(1h)": "2026-11-22 10:00:00.000", exceptionCount: "1" }],
  );
  assert.deepEqual(
    rows(
      String.raw`parse @log /\d+:\/aws\/lambda\/(?<function>.*)/ | filter @type = "REPORT" | stats sum(@billedDuration) by function`,
      lambda,
    ),
    [{ function: "f", "sum(@billedDuration)": "1752" }],
  );
  assert.deepEqual(rows("fields @message | filter @message not like /Exception/ | stats count() as n", lambda), [
    { n: "7" },
  ]);
});

test("lines of one call are found by its id, and JSON within a line is fields", () => {
  assert.equal(run(`filter @requestId = "${id(1)}"`, lambda).results.length, 4);
  assert.deepEqual(rows(`filter ms > 10 | fields user.name, items.0.sku as sku, ok`, lambda), [
    { "user.name": "Ada", sku: "x", ok: "1" },
  ]);
  assert.equal(run("filter ok = true", lambda).results.length, 1);
  assert.equal(run("filter ok = 1 and ispresent(user.name) and not ispresent(user.age)", lambda).results.length, 1);
  const json = [
    event(
      '{"time":"2026","type":"platform.report","record":{"requestId":"r","metrics":{"durationMs":5,"memorySizeMB":128}}}',
    ),
  ];
  assert.deepEqual(rows("fields @type, @requestId, @duration, @memorySize, record.metrics.durationMs", json), [
    {
      "@type": "REPORT",
      "@requestId": "r",
      "@duration": "5",
      "@memorySize": "128000000",
      "record.metrics.durationMs": "5",
    },
  ]);
});

const access = [
  event("user=ada, method:GET, latency := 10", 1),
  event("user=bob, method:GET, latency := 30", 2),
  event("user=ada, method:PUT, latency := 50", 3),
  event("nothing of the kind", 4),
];

test("parse takes texts with asterisks and regular expressions", () => {
  const glob = 'parse @message "user=*, method:*, latency := *" as @user, @method, @latency';
  const regex = "parse @message /user=(?<user2>.*?), method:(?<method2>.*?), latency := (?<latency2>.*?)$/";
  assert.deepEqual(rows(`${glob} | stats avg(@latency) as ms by @method, @user | sort ms desc | limit 2`, access), [
    { "@method": "PUT", "@user": "ada", ms: "50" },
    { "@method": "GET", "@user": "bob", ms: "30" },
  ]);
  assert.deepEqual(
    rows(`${regex} | filter method2 = "GET" | stats sum(latency2) as sum, count_distinct(user2) as users`, access),
    [{ sum: "40", users: "2" }],
  );
  assert.deepEqual(rows(`parse "user=*," as u | filter u like /(?i)ADA/ | display u | limit 1`, access), [
    { u: "ada" },
  ]);
});

test("conditions, arithmetic and functions", () => {
  const cases: readonly (readonly [expression: string, value: string | undefined])[] = [
    ["1 + 2 * 3 ^ 2 - 4 % 3", "18"],
    ["(1 + 2) * -2", "-6"],
    ["1 / 0", undefined],
    ["abs(-3) + ceil(1.2) + floor(1.8) + sqrt(16)", "10"],
    ["greatest(1, 30, 4)", "30"],
    ["least(nothing, 7, 4)", "4"],
    ['"10" > 9', "1"],
    ['"b" > "a" and not ("a" like "b")', "1"],
    ['"x" in ["a", "x"]', "1"],
    ['"x" not in ["a", "x"]', "0"],
    ["nothing = 1 or nothing > 0", "0"],
    ["coalesce(nothing, `no-thing`, 5)", "5"],
    ['concat("a", 1, nothing)', "a1"],
    ['strlen(trim("  ab ")) + strlen(ltrim("xxa", "x"))', "3"],
    ['toupper(substr("abcdef", 2, 3))', "CDE"],
    ['replace("a-b-c", "-", "$&")', "a$&b$&c"],
    ['strcontains("abc", "b")', "1"],
    ['isempty("") and isblank("  ") and isempty(nothing)', "1"],
    ['isIpv4InSubnet("10.1.2.3", "10.0.0.0/8")', "1"],
    ['isValidIpv6("::1") and not isValidIp("x")', "1"],
    ['jsonStringify(jsonParse("[1, 2]"))', "[1,2]"],
    ["datefloor(@timestamp, 1h)", "2026-11-22 10:00:00.000"],
    ["dateceil(@timestamp, 1mo)", "2026-12-01 00:00:00.000"],
    ["toMillis(fromMillis(5))", "5"],
    ["now()", String(start / 1000)],
  ];
  for (const [expression, value] of cases) {
    const [row = {}] = rows(`fields ${expression} as x`, [event("-", 61)]);
    assert.equal(row.x, value, expression);
  }
  assert.deepEqual(rows("fields jsonParse(@message) as j | fields j.a.b as x | display x", [event('{"a":{"b":3}}')]), [
    { x: "3" },
  ]);
});

test("functions of many events", () => {
  const numbers = [5, 1, 4, 2, 3].map((n, index) => event(`{"n":${n},"w":"${"edcba"[index]}"}`, index));
  assert.deepEqual(
    rows(
      `stats count(n > 2) as big, median(n) as mid, pct(n, 90) as p90, stddev(n) as dev, earliest(n) as first, latest(n) as last,
         sortsFirst(w) as a, sum(n) / count(*) as mean, count(none) as none, min(none) as least`,
      numbers,
    ),
    [{ big: "3", mid: "3", p90: "5", dev: "1.4142135623730951", first: "5", last: "3", a: "a", mean: "3", none: "0" }],
  );
  assert.deepEqual(rows("stats count(*) as c by bin(2s) | stats max(c) as most, count(*) as bins", numbers), [
    { most: "2", bins: "3" },
  ]);
  assert.deepEqual(rows("filter n > 99 | stats count(*)", numbers), [{ "count(*)": "0" }]);
  assert.deepEqual(rows("filter n > 99 | stats count(*) by w", numbers), []);
  assert.deepEqual(rows("sort count desc, n asc | limit 2 | display n", numbers), [{ n: "1" }, { n: "2" }]);
});

test("dedup keeps the first in order of each, and all that lack the field", () => {
  const events = [
    event('{"server":"a"}', 1),
    event('{"server":"b"}', 2),
    event('{"server":"a"}', 3),
    event("-", 4),
    event("-", 5),
  ];
  const found = rows("sort @timestamp asc | dedup server | display server, @timestamp", events);
  assert.deepEqual(
    found.map(({ server }) => server),
    ["a", "b", undefined, undefined],
  );
});

test("the limit of a request cuts what the query leaves", () => {
  assert.equal(run("", lambda, 3).results.length, 3);
  assert.equal(run("limit 2", lambda, 3).results.length, 2);
});

test("what is wrong is said with its place", () => {
  const cases: readonly (readonly [query: string, from: number, why: RegExp])[] = [
    ["fields @timestamp | fliter x = 1", 20, /unexpected symbol found fliter/],
    ["filter x =", 10, /ends too early/],
    ["filter x = 1 y", 13, /\| was expected/],
    ['filter x = "abc', 11, /unclosed quote/],
    ["filter x like /abc", 14, /no end/],
    ["filter x like /(/", 14, /not a regular expression/],
    ["filter count(*) > 1", 7, /function of stats/],
    ["fields nothing(x)", 7, /no function nothing/],
    ["stats pct(x)", 6, /does not take 1/],
    ["limit 0", 6, /whole number/],
    ["parse @message 'a*b*' as x", 5, /2 asterisks and 1 names/],
    ["parse @message /(a)/", 5, /names its groups/],
    ["pattern @message", 0, /has no command pattern/],
    ["fields a; b", 8, /unexpected symbol found ;/],
  ];
  for (const [query, from, why] of cases) {
    assert.throws(
      () => parseQuery(query),
      (error) => {
        assert.ok(error instanceof QueryError, String(error));
        assert.match(error.message, why);
        assert.equal(error.from, from, query);
        assert.ok(error.to > error.from && error.to <= query.length + 1);
        return true;
      },
    );
  }
});

test("what is nested without end is refused, and not followed", () => {
  const nested = ["(", "not ", "abs("].map((one) => `filter ${one.repeat(1000)}1`);
  for (const query of [...nested, `fields ${"-".repeat(1000)}1`]) {
    assert.throws(() => parseQuery(query), { name: "QueryError", message: /nested too deeply/ });
  }
});

test("whatever is asked of whatever events gives rows of texts, or says where the query is wrong", () => {
  const words = fc.constantFrom(
    ...(
      "fields display filter parse stats sort limit dedup | | , ( ) [ ] as by like not in and or =~ = != < >= + - * / % ^ " +
      "@timestamp @message @duration @type a.b.0 `x y` count(*) avg(@duration) pct(@duration,90) bin(5m) greatest( concat( " +
      "jsonParse(@message) datefloor(@timestamp,1mo) fromMillis( substr(@message,1,2) 1 2.5 -3 1e309 5m 'a*b' \"x\" /a(?<g>.)/ asc desc # \n"
    ).split(/(?<=\S) (?=\S)/),
  );
  const queries = fc.oneof(
    fc.array(words, { maxLength: 14 }).map((some) => some.join(" ")),
    fc
      .array(words, { maxLength: 6 })
      .map((some) => `fields ${some.join(" ")} as x | stats count(*), max(x) by x | sort x`),
    fc.string({ unit: "binary", maxLength: 40 }),
  );
  const odd = [
    ...lambda,
    event("{"),
    event('{"a":{"b":[null,1e999]},"x y":true}'),
    event("\0\ud800"),
    event("", Number.NaN),
  ];
  fc.assert(
    fc.property(queries, (query) => {
      try {
        for (const row of run(query, odd).results) {
          for (const { field, value } of row) assert.equal(`${typeof field} ${typeof value}`, "string string");
        }
      } catch (error) {
        assert.ok(error instanceof QueryError, `${query}: ${(error as Error).stack}`);
      }
    }),
    { numRuns: process.env.THAW_TEST_SLOW === "1" ? 100_000 : 2000 },
  );
});
