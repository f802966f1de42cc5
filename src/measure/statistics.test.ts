import assert from "node:assert/strict";
import { test } from "node:test";
import { percentile, ratioOfMedians, summarize } from "../../bench/harness/statistics.ts";

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
