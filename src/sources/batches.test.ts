import assert from "node:assert/strict";
import { test } from "node:test";
import { nextBatch } from "./batches.ts";

const records = (...bytes: number[]) => bytes.map((one) => ({ bytes: one }));

test("a batch ends at its size, or before the record that would make it too long", () => {
  assert.deepEqual(nextBatch(records(1, 1, 1), { size: 2, bytes: 100 }), { count: 2, full: true });
  assert.deepEqual(nextBatch(records(1, 1, 1), { size: 5, bytes: 100 }), { count: 3, full: false });
  assert.deepEqual(nextBatch(records(40, 50, 20), { size: 5, bytes: 100 }), { count: 2, full: true });
  assert.deepEqual(nextBatch(records(200, 1), { size: 5, bytes: 100 }), { count: 1, full: true });
  assert.deepEqual(nextBatch([], { size: 5, bytes: 100 }), { count: 0, full: false });
});
