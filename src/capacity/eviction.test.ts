import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { chooseEvicted, greedyDualPriority } from "./eviction.ts";

const environments = fc
  .array(
    fc.record({ memoryBytes: fc.integer({ min: 1, max: 1000 }), priority: fc.double({ min: 0, max: 9, noNaN: true }) }),
    {
      maxLength: 20,
    },
  )
  .map((rows) => rows.map((row, index) => ({ ...row, id: `e${index}` })));

const bytesOf = (rows: readonly { id: string; memoryBytes: number }[], ids: readonly string[]) =>
  rows.filter(({ id }) => ids.includes(id)).reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);

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
  assert.deepEqual(chooseEvicted(rows, 35, 20), { ids: ["b", "c"], clock: 2 });
  assert.deepEqual(chooseEvicted(rows, 30, 30), { ids: [], clock: undefined });
});

test("a small one is spared when the large one after it frees enough alone", () => {
  const rows = [
    { id: "small", memoryBytes: 5, priority: 1 },
    { id: "large", memoryBytes: 50, priority: 2 },
  ];
  assert.deepEqual(chooseEvicted(rows, 100, 60), { ids: ["large"], clock: 2 });
});

test("law: afterwards the rest fits or nothing idle is left, and no one ended in vain", () => {
  fc.assert(
    fc.property(environments, fc.nat(5000), fc.nat(5000), (rows, busy, budget) => {
      const used =
        busy +
        bytesOf(
          rows,
          rows.map(({ id }) => id),
        );
      const { ids } = chooseEvicted(rows, used, budget);
      const left = used - bytesOf(rows, ids);
      if (left > budget) assert.equal(ids.length, rows.length);
      else for (const { id, memoryBytes } of rows) if (ids.includes(id)) assert.ok(left + memoryBytes > budget);
    }),
  );
});

test("law: more budget never ends something more precious than before", () => {
  fc.assert(
    fc.property(environments, fc.nat(5000), fc.nat(2000), (rows, budget, more) => {
      const used = bytesOf(
        rows,
        rows.map(({ id }) => id),
      );
      const tight = chooseEvicted(rows, used, budget);
      const wide = chooseEvicted(rows, used, budget + more);
      assert.ok((wide.clock ?? 0) <= (tight.clock ?? 0));
    }),
  );
});
