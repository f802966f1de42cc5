import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseReclaimed } from "./fixed-keep-alive.ts";

const idle = [
  { id: "young", idleMs: 10, memoryBytes: 30 },
  { id: "old", idleMs: 900, memoryBytes: 10 },
  { id: "middle", idleMs: 500, memoryBytes: 20 },
];

test("environments idle for longer than the keep-alive time end", () => {
  assert.deepEqual(chooseReclaimed(idle, 60, { keepAliveMs: 600, budgetBytes: 100 }), ["old"]);
});

test("over the memory budget the longest idle end first, and no more than needed", () => {
  assert.deepEqual(chooseReclaimed(idle, 125, { keepAliveMs: 10_000, budgetBytes: 100 }), ["old", "middle"]);
  assert.deepEqual(chooseReclaimed(idle, 105, { keepAliveMs: 10_000, budgetBytes: 100 }), ["old"]);
});

test("nothing ends while all fit and are young", () => {
  assert.deepEqual(chooseReclaimed(idle, 60, { keepAliveMs: 10_000, budgetBytes: 100 }), []);
});
