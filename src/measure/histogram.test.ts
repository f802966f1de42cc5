import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../tests/properties.ts";
import { Histogram } from "./histogram.ts";

function nearestRank(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil((p / 100) * sorted.length)) - 1]!;
}

test("every percentile is within 1/128 (and 1 µs) of the exact one", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 600000, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0, max: 100, noNaN: true }),
      (samples, p) => {
        const histogram = new Histogram();
        for (const sample of samples) histogram.record(sample);
        const exact = nearestRank(samples, p);
        assert.ok(Math.abs(histogram.percentile(p) - exact) <= exact / 128 + 0.001, `p${p}: ${exact}`);
      },
    ),
  );
});

test("count, mean, minimum and maximum are exact", () => {
  const histogram = new Histogram();
  for (const ms of [0.25, 3, 1000.5]) histogram.record(ms);
  assert.equal(histogram.count, 3);
  assert.equal(histogram.mean, (0.25 + 3 + 1000.5) / 3);
  assert.deepEqual([histogram.min, histogram.max], [0.25, 1000.5]);
});

test("two histograms added are one histogram of both", () => {
  const [a, b, both] = [new Histogram(), new Histogram(), new Histogram()];
  for (let i = 1; i <= 100; i++) {
    (i % 3 ? a : b).record(i / 7);
    both.record(i / 7);
  }
  a.add(b);
  for (const p of [0, 50, 90, 99, 100]) assert.equal(a.percentile(p), both.percentile(p));
  assert.equal(a.count, 100);
});

test("a value beyond the last bucket is still counted", () => {
  const histogram = new Histogram();
  histogram.record(1e12);
  histogram.record(-1);
  assert.equal(histogram.count, 2);
  assert.equal(histogram.percentile(0), 0);
  assert.throws(() => new Histogram().percentile(50), RangeError);
});
