import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../tests/properties.ts";
import type { Timing } from "../model/index.ts";
import { createHistogram } from "./histogram.ts";
import { createStatistics } from "./stats.ts";

const warm: Timing = {
  start: "warm",
  total: 2,
  admit: 0.1,
  place: 0.1,
  sandbox: 0,
  agent: 0,
  runtimeBoot: 0,
  codeInit: 0,
  restore: 0,
  hooks: 0,
  handler: 1.5,
  response: 0.2,
  unexplained: 0.1,
};
const target = { account: "0", name: "shop", version: "$LATEST" };

test("a percentile is at most 1 % off, whatever the durations", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.02, max: 900_000, noNaN: true }), { minLength: 1 }), (durations) => {
      const histogram = createHistogram();
      for (const ms of durations) histogram.record(ms);
      const sorted = durations.toSorted((a, b) => a - b);
      const summary = histogram.summary();
      for (const [share, found] of [
        [0.5, summary.p50],
        [0.9, summary.p90],
        [0.99, summary.p99],
      ] as const) {
        const exact = sorted[Math.ceil(share * sorted.length) - 1]!;
        assert.ok(Math.abs(found - exact) <= exact * 0.0101, `${found} for ${exact}`);
      }
      assert.equal(summary.max, sorted.at(-1));
      assert.equal(summary.min, sorted[0]);
      assert.equal(summary.count, durations.length);
    }),
  );
});

test("durations below and above the range are counted, not lost", () => {
  const histogram = createHistogram();
  for (const ms of [0, 0.001, 1e12]) histogram.record(ms);
  assert.deepEqual([histogram.summary().count, histogram.summary().max, histogram.summary().min], [3, 1e12, 0]);
});

test("an empty histogram has zeros", () => {
  assert.ok(Object.values(createHistogram().summary()).every((value) => value === 0));
});

test("starts of different kinds are kept apart, and phases that did not occur are left out", () => {
  const statistics = createStatistics({ clock: () => 1 });
  statistics.record(target, "a", warm, undefined);
  statistics.record(target, "b", { ...warm, start: "plain", total: 40, sandbox: 30 }, "Error");
  const [summary] = statistics.summary();
  assert.equal(summary?.invocations, 2);
  assert.equal(summary?.errors, 1);
  assert.equal(summary?.starts.warm?.sandbox, undefined);
  assert.equal(summary?.starts.warm?.total?.max, 2);
  assert.equal(summary?.starts.plain?.sandbox?.max, 30);
});

test("the last invocations are kept one by one, newest first, and can be asked for by function", () => {
  const statistics = createStatistics({ clock: () => 1, keep: 3 });
  for (const id of ["a", "b", "c", "d"]) statistics.record({ ...target, name: id }, id, warm, undefined);
  assert.deepEqual(
    statistics.recent(10).map((one) => one.requestId),
    ["d", "c", "b"],
  );
  assert.deepEqual(
    statistics.recent(1).map((one) => one.requestId),
    ["d"],
  );
  assert.deepEqual(
    statistics.recent(10, "c").map((one) => one.requestId),
    ["c"],
  );
});

test("the number of versions kept is bounded", () => {
  const statistics = createStatistics({ clock: () => 1, versions: 2 });
  for (const version of ["1", "2", "3"]) statistics.record({ ...target, version }, "id", warm, undefined);
  assert.deepEqual(
    statistics.summary().map((one) => one.version),
    ["2", "3"],
  );
});

test("starts are kept apart from warm invocations, which never push them out", () => {
  const statistics = createStatistics({ clock: () => 1, keep: 2 });
  statistics.record(target, "start", { ...warm, start: "restore" }, "Error");
  for (const id of ["a", "b", "c"]) statistics.record(target, id, warm, undefined);
  assert.deepEqual(
    statistics.recentStarts(10).map((one) => one.requestId),
    ["start"],
  );
  assert.deepEqual(statistics.totals(), { invocations: 4, errors: 1, starts: 1 });
});
