import assert from "node:assert/strict";
import { test } from "node:test";
import { monotonicMs } from "./clock.ts";

test("the clock is CLOCK_MONOTONIC to a fraction of a millisecond", () => {
  // Losing the CPU between two readings only ever widens the gap between them: the closest of many tries counts.
  const errors = Array.from({ length: 200 }, () => {
    const before = Number(process.hrtime.bigint()) / 1e6;
    const read = monotonicMs();
    const after = Number(process.hrtime.bigint()) / 1e6;
    return Math.max(before - read, read - after, 0);
  });
  assert.ok(Math.min(...errors) < 0.05, `off by ${Math.min(...errors)} ms`);
});
