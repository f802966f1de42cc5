import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../tests/properties.ts";
import { compareSequences } from "./sequence.ts";

test("sequence numbers are compared as whole numbers of any length, padded or not", () => {
  const number = fc.bigInt({ min: 0n, max: 10n ** 60n });
  const padded = fc.tuple(number, fc.nat(5)).map(([value, zeros]) => ({ value, text: "0".repeat(zeros) + value }));
  fc.assert(
    fc.property(padded, padded, (one, other) => {
      const expected = one.value < other.value ? -1 : one.value > other.value ? 1 : 0;
      assert.equal(Math.sign(compareSequences(one.text, other.text)), expected);
    }),
  );
});
