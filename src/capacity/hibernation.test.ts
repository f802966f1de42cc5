import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../tests/properties.ts";
import { chooseHibernated } from "./hibernation.ts";

const mebibyte = 2 ** 20;
const plenty = { usedBytes: 100 * mebibyte, budgetBytes: 1000 * mebibyte };
const short = { usedBytes: 900 * mebibyte, budgetBytes: 1000 * mebibyte };
const one = {
  id: "a",
  idleMs: 200e3,
  freeableBytes: 50 * mebibyte,
  wakeMs: 2,
  startMs: 100,
  expectedInMs: undefined,
};

test("who has been idle for long and is not expected gives its memory back", () => {
  assert.deepEqual(chooseHibernated([one], plenty), ["a"]);
  assert.deepEqual(chooseHibernated([{ ...one, expectedInMs: 20e3 }], plenty), []);
  assert.deepEqual(chooseHibernated([{ ...one, idleMs: 60e3 }], plenty), []);
});

test("short of memory, who was used a moment ago is still left alone, others are not", () => {
  assert.deepEqual(chooseHibernated([{ ...one, idleMs: 60e3, expectedInMs: 20e3 }], short), ["a"]);
  assert.deepEqual(chooseHibernated([{ ...one, idleMs: 29e3 }], short), []);
});

test("neither small ones nor those that wake hardly faster than a new one starts", () => {
  assert.deepEqual(chooseHibernated([{ ...one, freeableBytes: mebibyte }], short), []);
  assert.deepEqual(chooseHibernated([{ ...one, wakeMs: 3, startMs: 5 }], short), []);
});

test("short of memory, the most memory for the least waking goes first, and no more than needed", () => {
  const idle = [
    { ...one, id: "dear", idleMs: 60e3, wakeMs: 40 },
    { ...one, id: "cheap", idleMs: 60e3, freeableBytes: 120 * mebibyte, wakeMs: 1 },
  ];
  assert.deepEqual(chooseHibernated(idle, short), ["cheap"]);
});

test("law: the more memory there is, the fewer hibernate; and nobody does against the rules", () => {
  const rows = fc.array(
    fc.record({
      idleMs: fc.nat(300e3),
      freeableBytes: fc.nat(200 * mebibyte),
      wakeMs: fc.nat(100),
      startMs: fc.nat(300),
      expectedInMs: fc.option(fc.nat(600e3), { nil: undefined }),
    }),
    { maxLength: 15 },
  );
  fc.assert(
    fc.property(rows, fc.nat(2000), fc.nat(2000), (found, budget, more) => {
      const idle = found.map((row, index) => ({ ...row, id: `e${index}` }));
      const usedBytes = 1000 * mebibyte;
      const few = chooseHibernated(idle, { usedBytes, budgetBytes: (budget + more) * mebibyte });
      const many = chooseHibernated(idle, { usedBytes, budgetBytes: budget * mebibyte });
      for (const id of few) assert.ok(many.includes(id));
      for (const { id, idleMs, wakeMs, startMs } of idle) {
        if (many.includes(id)) assert.ok(idleMs >= 30e3 && wakeMs < startMs);
      }
    }),
  );
});
