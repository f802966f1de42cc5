import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createMetrics, type MetricsNeeds } from "./metrics.ts";
import type { Series } from "./series.ts";

const minute = 60_000;
const day = 86_400_000;
/** the beginning of an hour */
const start = 1_800_000_000_000;

const series: Series = {
  account: "000000000000",
  region: "us-east-1",
  namespace: "Shop",
  name: "Orders",
  dimensions: [{ name: "Kind", value: "book" }],
  unit: "Count",
};

function made(t: TestContext, options: Partial<MetricsNeeds> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "metrics-"));
  const time = { now: start + 2 * 3600_000 };
  const notes: string[] = [];
  const needs = {
    path: join(folder, "metrics.sqlite"),
    clock: () => time.now,
    note: (line: string) => void notes.push(line),
    report: (error: unknown) => assert.fail(String(error)),
    ...options,
  };
  const metrics = createMetrics(needs);
  t.after(() => {
    metrics.close();
    rmSync(folder, { recursive: true });
  });
  return { metrics, time, notes, needs };
}

test("sums of any period are the sums of their minutes", (t) => {
  const { metrics } = made(t);
  let state = 5;
  const random = () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state;
  };
  const values = Array.from({ length: 300 }, () => ({
    at: start + (random() % (2 * 3600_000)),
    value: random() % 100,
  }));
  for (const { at, value } of values) metrics.put(series, at, value);
  for (const [period, origin] of [
    [60, 0],
    [120, 0],
    [300, 0],
    [900, start + 60_000],
    [3600, 0],
    [7200, start],
  ] as const) {
    const expected = new Map<number, number>();
    for (const { at, value } of values) {
      const begin = Math.floor((at - origin) / (period * 1e3)) * period * 1e3 + origin;
      expected.set(begin, (expected.get(begin) ?? 0) + value);
    }
    const read = metrics.read({ series, from: start - 7200_000, to: start + 4 * 3600_000, period, origin });
    assert.deepEqual(
      read.map(({ at, sketch }) => [at, sketch.sum]),
      [...expected].sort(([one], [other]) => one - other),
    );
  }
});

test("values outlive the process, and late ones are added to their minute", (t) => {
  const { metrics, needs } = made(t);
  metrics.put(series, start, 1);
  metrics.close();
  const again = createMetrics(needs);
  t.after(() => again.close());
  again.put(series, start + 30_000, 2);
  const [only, ...rest] = again.read({ series, from: start, to: start + minute, period: 60 });
  assert.deepEqual([only?.sketch.count, only?.sketch.sum, rest], [2, 3, []]);
  assert.deepEqual(
    again.list(series.account, series.region).map((one) => one.series),
    [series],
  );
});

test("without a unit all units are read together, with one only that", (t) => {
  const { metrics } = made(t);
  metrics.put(series, start, 1);
  metrics.put({ ...series, unit: "Bytes" }, start, 5);
  const query = { from: start, to: start + minute, period: 60 };
  const sum = (unit?: string) => metrics.read({ series: { ...series, unit }, ...query })[0]?.sketch.sum;
  assert.deepEqual([sum(), sum("Bytes"), sum("Seconds")], [6, 5, undefined]);
});

test("of a time whose minutes are gone there are five minutes", (t) => {
  const { metrics, time } = made(t);
  metrics.put(series, start + minute, 4);
  time.now = start + 20 * day;
  const read = metrics.read({ series, from: start, to: start + 3600_000, period: 60 });
  assert.deepEqual(
    read.map(({ at, sketch }) => [at, sketch.sum]),
    [[start, 4]],
  );
});

test("there are as many series as there may be, and the operator is told once", (t) => {
  const { metrics, notes } = made(t, { most: 2 });
  for (const name of ["one", "two", "three", "four"]) metrics.put({ ...series, name }, start, 1);
  assert.equal(metrics.list(series.account, series.region).length, 2);
  metrics.put({ ...series, name: "five" }, start, 1);
  metrics.flush();
  assert.equal(notes.length, 1);
});

test("who counts for themselves is asked before anything is read, in the minute that it was in", (t) => {
  const { metrics, time } = made(t);
  let counted = 0;
  const began = time.now;
  metrics.collect((at) => {
    if (counted > 0) metrics.put(series, at, counted);
    counted = 0;
  });
  counted = 7;
  time.now += minute;
  const read = metrics.read({ series, from: began, to: began + 2 * minute, period: 60 });
  assert.deepEqual(
    read.map(({ at, sketch }) => [at, sketch.sum]),
    [[began, 7]],
  );
});
