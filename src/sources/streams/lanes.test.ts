import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../tests/properties.ts";
import { createTracker, laneOf, type ShardProgress } from "./lanes.ts";

test("keys are spread over all lanes, and each has one", () => {
  const keys = Array.from({ length: 1000 }, (_, index) => `key-${index}`);
  const counts = new Array<number>(10).fill(0);
  for (const key of keys) {
    assert.equal(laneOf(key, 10), laneOf(key, 10));
    counts[laneOf(key, 10)]! += 1;
  }
  for (const count of counts) assert.ok(count > 50, `${counts}`);
});

test("nothing is known of a shard that nobody has read", () => {
  assert.deepEqual(createTracker(2).progress(), {});
  const before = { at: "5", ahead: { 1: "7" }, lanes: 2 };
  assert.deepEqual(createTracker(2, before).progress(), before);
});

test("a slow lane holds the shard's place, and what others have done beyond it is remembered", () => {
  const tracker = createTracker(2);
  tracker.read("1", 0);
  tracker.read("2", 1);
  tracker.read("3", undefined);
  tracker.read("4", 1);
  tracker.done(1, "4");
  assert.deepEqual(tracker.progress(), { at: "1", ahead: { 1: "4" }, lanes: 2 });
  tracker.done(0, "1");
  assert.deepEqual(tracker.progress(), { after: "4" });
});

/** Reads a shard of records 1 to n, is killed at random, goes on where its progress says. */
test("killed anywhere, a shard loses nothing and repeats only what was not yet done, in the order of each key", () => {
  const run = fc.record({
    keys: fc.array(fc.nat(5), { minLength: 1, maxLength: 40 }),
    lanes: fc.integer({ min: 1, max: 4 }),
    steps: fc.array(fc.nat(9), { maxLength: 120 }),
  });
  fc.assert(
    fc.property(run, ({ keys, lanes, steps }) => {
      const times = keys.map(() => 0);
      let saved: ShardProgress = {};
      let shard = open();

      function open() {
        const first = saved.at !== undefined ? Number(saved.at) - 1 : Number(saved.after ?? 0);
        return {
          tracker: createTracker(lanes, saved),
          next: first,
          queues: Array.from({ length: lanes }, () => [] as number[]),
        };
      }
      function readOne() {
        if (shard.next === keys.length) return;
        const index = shard.next++;
        const lane = laneOf(String(keys[index]), lanes);
        const sequence = String(index + 1);
        if (shard.tracker.isDone(lane, sequence)) return shard.tracker.read(sequence, undefined);
        shard.tracker.read(sequence, lane);
        shard.queues[lane]!.push(index);
      }
      function work(lane: number) {
        const index = shard.queues[lane]?.shift();
        if (index === undefined) return;
        // Everything of this key before it is done.
        for (let before = 0; before < index; before++) {
          if (keys[before] === keys[index]) assert.ok(times[before]! > 0);
        }
        times[index]! += 1;
        shard.tracker.done(lane, String(index + 1));
        saved = shard.tracker.progress();
      }
      for (const step of steps) {
        if (step === 9) shard = open();
        else if (step < 5) readOne();
        else work(step - 5);
      }
      for (let left = 0; left <= keys.length; left++) readOne();
      for (let lane = 0; lane < lanes; lane++) for (let left = 0; left <= keys.length; left++) work(lane);
      assert.equal(shard.tracker.pending(), 0);
      // Progress was saved after each record: so nothing is done twice.
      assert.deepEqual(
        times,
        keys.map(() => 1),
      );
    }),
  );
});
