import assert from "node:assert/strict";
import { test } from "node:test";
import { addSet, addValue, between, decodeBuckets, encodeBuckets, merge, newSketch, quantile } from "./sketch.ts";

/** The same numbers each time. */
function randoms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

test("percentiles are within 2 % of those of the sorted values, whatever these are", () => {
  const random = randoms(7);
  for (let round = 0; round < 40; round++) {
    const values = Array.from({ length: 1 + Math.floor(random() * 500) }, () => {
      const size = 10 ** (random() * 8 - 3);
      return random() < 0.1 ? 0 : random() < 0.2 ? -size : size;
    });
    const sketch = newSketch();
    for (const value of values) addValue(sketch, value);
    const sorted = values.toSorted((one, other) => one - other);
    for (const share of [0.01, 0.25, 0.5, 0.9, 0.99, 1]) {
      const exact = sorted[Math.max(0, Math.ceil(share * values.length - 1e-9) - 1)]!;
      const found = quantile(sketch, share)!;
      assert.ok(Math.abs(found - exact) <= Math.abs(exact) * 0.02 + 1e-6, `p${share}: ${found}, not ${exact}`);
    }
  }
});

test("parts that are merged are the same as the whole, also by way of bytes", () => {
  const random = randoms(11);
  const whole = newSketch();
  const merged = newSketch();
  for (let part = 0; part < 10; part++) {
    const one = newSketch();
    for (let index = 0; index < 50; index++) {
      const value = Math.round(random() * 1000);
      addValue(one, value);
      addValue(whole, value);
    }
    merge(merged, { ...one, buckets: decodeBuckets(encodeBuckets(one)) });
  }
  assert.deepEqual({ ...merged, buckets: encodeBuckets(merged) }, { ...whole, buckets: encodeBuckets(whole) });
});

test("of a set of statistics no percentile is known, but of one that had one value only", () => {
  const set = newSketch();
  addSet(set, { count: 3, sum: 12, min: 2, max: 6 });
  assert.equal(quantile(set, 0.5), undefined);
  const one = newSketch();
  addSet(one, { count: 3, sum: 12, min: 4, max: 4 });
  assert.equal(quantile(one, 0.5), 4);
  assert.equal(quantile(newSketch(), 0.5), undefined);
});

test("what lies between two bounds is counted", () => {
  const sketch = newSketch();
  for (const value of [1, 10, 100, 1000]) addValue(sketch, value);
  assert.equal(between(sketch, 5, 500).count, 2);
});
