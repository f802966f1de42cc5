import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../tests/properties.ts";
import { chooseEvicted, greedyDualPriority } from "./eviction.ts";

const environments = fc
  .array(
    fc.record({ memoryBytes: fc.integer({ min: 1, max: 1000 }), priority: fc.double({ min: 0, max: 9, noNaN: true }) }),
    {
      maxLength: 20,
    },
  )
  .map((rows) => rows.map((row, index) => ({ ...row, id: `e${index}` })));

const bytesOf = (rows: readonly { memoryBytes: number }[]) => rows.reduce((sum, each) => sum + each.memoryBytes, 0);

test("what is often called, slow to start and small is worth the most", () => {
  const worth = greedyDualPriority(0, 10, 100, 64 * 2 ** 20, 0);
  assert.ok(greedyDualPriority(0, 20, 100, 64 * 2 ** 20, 0) > worth);
  assert.ok(greedyDualPriority(0, 10, 200, 64 * 2 ** 20, 0) > worth);
  assert.ok(greedyDualPriority(0, 10, 100, 128 * 2 ** 20, 0) < worth);
  assert.ok(greedyDualPriority(0, 10, 100, 64 * 2 ** 20, 1) < worth, "a second one is needed less often");
  assert.ok(greedyDualPriority(5, 10, 100, 64 * 2 ** 20, 0) > worth, "used after more evictions");
});

test("the least worth ends first, and the clock moves to what it was worth", () => {
  const rows = [
    { id: "a", memoryBytes: 10, priority: 3 },
    { id: "b", memoryBytes: 10, priority: 1 },
    { id: "c", memoryBytes: 10, priority: 2 },
  ];
  assert.deepEqual(chooseEvicted(rows, 15), { chosen: [rows[1], rows[2]], clock: 2 });
  assert.deepEqual(chooseEvicted(rows, 0), { chosen: [], clock: undefined });
});

test("a small one is spared when the large one after it frees enough alone", () => {
  const rows = [
    { id: "small", memoryBytes: 5, priority: 1 },
    { id: "large", memoryBytes: 50, priority: 2 },
  ];
  assert.deepEqual(chooseEvicted(rows, 40), { chosen: [rows[1]], clock: 2 });
});

test("law: afterwards enough is free or nothing idle is left, and no one ended in vain", () => {
  fc.assert(
    fc.property(environments, fc.nat(12_000), (rows, excess) => {
      const { chosen } = chooseEvicted(rows, excess);
      const freed = bytesOf(chosen);
      if (freed < excess) assert.equal(chosen.length, rows.length);
      else for (const { memoryBytes } of chosen) assert.ok(freed - memoryBytes < excess);
    }),
  );
});

test("law: more to free never spares what is least precious for something more precious", () => {
  fc.assert(
    fc.property(environments, fc.nat(10_000), fc.nat(2000), (rows, excess, more) => {
      const few = chooseEvicted(rows, excess);
      const many = chooseEvicted(rows, excess + more);
      assert.ok((few.clock ?? 0) <= (many.clock ?? 0));
    }),
  );
});
