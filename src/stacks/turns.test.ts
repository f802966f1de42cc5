import assert from "node:assert/strict";
import { test } from "node:test";
import { inTurns } from "./turns.ts";

const needs: Readonly<Record<string, readonly string[]>> = { a: [], b: ["a"], c: ["a"], d: ["b", "c"] };

test("each comes after all that it needs", async () => {
  const done: string[] = [];
  const failures = await inTurns(
    ["d", "c", "b", "a"],
    (id) => needs[id]!,
    async (id) => {
      for (const needed of needs[id]!) assert.ok(done.includes(needed), `${id} before ${needed}`);
      done.push(id);
    },
  );
  assert.deepEqual(failures, []);
  assert.deepEqual([done[0], done.at(-1), done.length], ["a", "d", 4]);
});

test("after a failure what runs is finished and nothing new begins", async () => {
  const done: string[] = [];
  const slow = Promise.withResolvers<void>();
  const failures = await inTurns(
    ["a", "b", "c", "d"],
    (id) => needs[id]!,
    async (id) => {
      if (id === "b") {
        slow.resolve();
        throw new Error("no");
      }
      if (id === "c") await slow.promise;
      done.push(id);
    },
  );
  assert.deepEqual(
    failures.map(({ id }) => id),
    ["b"],
  );
  assert.deepEqual(done, ["a", "c"]);
});
