import assert from "node:assert/strict";
import { test } from "node:test";
import { differenceOfMedians, percentile, ratioOfMedians, summarize } from "./statistics.ts";

test("a percentile interpolates between the nearest ranks, as the mission's tester does", () => {
  assert.equal(percentile([4, 1, 3, 2], 50), 2.5);
  assert.equal(percentile([1, 2, 3, 4, 5], 99), 4.96);
  assert.equal(percentile([7], 99), 7);
  assert.throws(() => percentile([], 50), RangeError);
  assert.throws(() => percentile([1], 101), RangeError);
});

test("percentile leaves its input in the order it came", () => {
  const samples = [3, 1, 2];
  percentile(samples, 50);
  assert.deepEqual(samples, [3, 1, 2]);
});

test("the confidence interval of a median holds the median and narrows with more samples", () => {
  const wave = (n: number) => Array.from({ length: n }, (_, i) => 10 + ((i * 7919) % 101) / 10);
  const few = summarize(wave(11));
  const many = summarize(wave(1111));
  for (const summary of [few, many]) {
    assert.ok(summary.low <= summary.p50 && summary.p50 <= summary.high);
  }
  assert.ok(many.high - many.low < few.high - few.low);
});

test("a ratio of medians carries an interval that excludes 1 when the sides are far apart", () => {
  const fast = Array.from({ length: 40 }, (_, i) => 5 + (i % 5) / 10);
  const slow = fast.map((value) => value * 2);
  const ratio = ratioOfMedians(fast, slow);
  assert.ok(Math.abs(ratio.value - 0.5) < 1e-9);
  assert.ok(ratio.low > 0.4 && ratio.high < 0.6 && ratio.low <= ratio.value && ratio.value <= ratio.high);
});

test("the same samples always give the same report", () => {
  const samples = [5, 3, 8, 1, 9, 2, 7];
  assert.deepEqual(summarize(samples), summarize(samples));
});

test("a summary has the deviation and the percentiles of the mission's tester", () => {
  const { mean, deviation, p50, p95, p99 } = summarize([2, 4, 4, 4, 5, 5, 7, 9]);
  assert.deepEqual([mean, p50], [5, 4.5]);
  // statistics.stdev and the tester's own percentile of the same list
  assert.ok(Math.abs(deviation - 2.138089935299395) < 1e-12);
  assert.ok(Math.abs(p95 - 8.3) < 1e-12 && Math.abs(p99 - 8.86) < 1e-12);
  assert.equal(summarize([3]).deviation, 0);
});

test("a difference of medians is bounded, and says when two lists cannot be told apart", () => {
  const a = Array.from({ length: 30 }, (_, i) => 100 + ((i * 7) % 11));
  const slower = a.map((value) => value + 80);
  const { value, low, high } = differenceOfMedians(slower, a);
  assert.equal(value, 80);
  assert.ok(low > 70 && high < 90, `${low} ${high}`);
  const same = differenceOfMedians(a, [...a].reverse());
  assert.ok(same.low <= 0 && same.high >= 0);
});
