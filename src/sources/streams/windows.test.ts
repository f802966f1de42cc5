import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../tests/properties.ts";
import { countOfWindow, windowOf } from "./windows.ts";

test("windows lie beside each other without a gap", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 41), fc.integer({ min: 1, max: 900 }), (arrived, seconds) => {
      const { start, end } = windowOf(arrived, seconds);
      assert.ok(start <= arrived && arrived < end);
      assert.equal(end - start, seconds * 1000);
      assert.deepEqual(windowOf(end, seconds).start, end);
    }),
  );
});

test("records of later windows are kept for them", () => {
  const records = [10_500, 11_999, 12_000, 10_000].map((arrived) => ({ arrived }));
  assert.equal(countOfWindow(records, windowOf(10_500, 2)), 2);
  assert.equal(countOfWindow(records.slice(2), windowOf(12_000, 2)), 2);
});
