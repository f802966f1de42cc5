import assert from "node:assert/strict";
import { test } from "node:test";
import { Ladder, type Rung } from "./ladder.ts";

const image: ReadonlySet<Rung> = new Set<Rung>(["restore"]);
const nothing: ReadonlySet<Rung> = new Set();

test("without an image a start is plain", () => {
  assert.deepEqual(new Ladder().choose(nothing).rungs, ["plain"]);
});

test("an image that was never tried is tried, with a plain start behind it", () => {
  const it = new Ladder();
  it.succeeded("plain", 5);
  assert.deepEqual(it.choose(image).rungs, ["restore", "plain"]);
});

const times = (it: Ladder, rung: Rung, ...each: number[]) => {
  for (const ms of each) it.succeeded(rung, ms);
};

test("the faster of both is used, and the words say how fast they are", () => {
  const it = new Ladder();
  times(it, "plain", 30);
  times(it, "restore", 4.2, 4.2, 4.2);
  assert.deepEqual(it.choose(image), { rungs: ["restore", "plain"], why: "restore 4.2 ms, plain 30 ms" });
  const native = new Ladder();
  times(native, "plain", 4, 4, 4);
  times(native, "restore", 6, 6, 6);
  assert.deepEqual(native.choose(image).rungs, ["plain"]);
});

test("one slow measurement decides nothing, nor does what was measured while many started at once", () => {
  const it = new Ladder();
  times(it, "plain", 30);
  times(it, "restore", 300);
  assert.deepEqual(it.choose(image).rungs, ["restore", "plain"]);
  const crowd = new Ladder();
  times(crowd, "plain", 30, 30, 30);
  times(crowd, "restore", 5, 5, 5);
  for (let n = 0; n < 100; n++) crowd.succeeded("restore", undefined);
  assert.deepEqual(crowd.choose(image).why, "restore 5.0 ms, plain 30 ms");
  assert.equal(crowd.view().restore?.starts, 103);
});

test("a rung that was slow once, while the machine was busy with something else, is not slow for good", () => {
  const it = new Ladder();
  times(it, "plain", 130, 130, 130);
  times(it, "restore", 484, 6, 7);
  assert.deepEqual(it.choose(image).rungs, ["restore", "plain"]);
});

test("of many that start at once only one tries the slower rung again", () => {
  const it = new Ladder();
  times(it, "plain", 9, 9, 9);
  for (let n = 0; n < 64; n++) it.succeeded("restore", 6);
  assert.deepEqual(it.choose(image).rungs, ["plain"]);
  assert.deepEqual(it.choose(image).rungs, ["restore", "plain"]);
});

test("now and then the slower one is tried again, unless it is so slow that a caller would notice", () => {
  const near = new Ladder();
  times(near, "restore", 6, 6, 6);
  for (let n = 0; n < 64; n++) near.succeeded("plain", 4);
  assert.deepEqual(near.choose(image).rungs, ["restore", "plain"]);
  near.succeeded("restore", 6);
  assert.deepEqual(near.choose(image).rungs, ["plain"]);
  const far = new Ladder();
  times(far, "plain", 5000, 5000, 5000);
  for (let n = 0; n < 1000; n++) far.succeeded("restore", 6);
  assert.deepEqual(far.choose(image).rungs, ["restore", "plain"]);
});

test("a plain start that was measured once, with everything still on disk, soon gets another chance", () => {
  const it = new Ladder();
  times(it, "plain", 14);
  for (let n = 0; n < 8; n++) it.succeeded("restore", 6);
  assert.deepEqual(it.choose(image).rungs, ["plain"]);
  const slow = new Ladder();
  times(slow, "plain", 400);
  for (let n = 0; n < 8; n++) slow.succeeded("restore", 6);
  assert.deepEqual(slow.choose(image).rungs, ["restore", "plain"]);
});

test("failures are counted, and three in a row are too many", () => {
  const it = new Ladder();
  assert.equal(it.failed("restore", "one"), false);
  assert.equal(it.failed("restore", "two"), false);
  it.succeeded("restore", 4);
  assert.equal(it.failed("restore", "three"), false);
  assert.equal(it.failed("restore", "four"), false);
  assert.equal(it.failed("restore", "five"), true);
  assert.deepEqual(it.view().restore, { ms: 4, starts: 1, failures: 5, lastFailure: "five" });
});

test("a new image begins with no measurements", () => {
  const it = new Ladder();
  it.succeeded("plain", 5);
  times(it, "restore", 50, 50, 50);
  assert.deepEqual(it.choose(image).rungs, ["plain"]);
  it.renew("restore");
  assert.deepEqual(it.choose(image).rungs, ["restore", "plain"]);
});

const both: ReadonlySet<Rung> = new Set<Rung>(["pool", "restore"]);

test("below the image of the process stands the runtime that has booted, and below that the plain start", () => {
  assert.deepEqual(new Ladder().choose(both).rungs, ["restore", "pool", "plain"]);
  assert.deepEqual(new Ladder().choose(new Set(["pool"])).rungs, ["pool", "plain"]);
  const it = new Ladder();
  times(it, "pool", 12, 12, 12);
  assert.deepEqual(it.choose(both).rungs, ["restore", "pool", "plain"], "the image is new");
  times(it, "restore", 5, 5, 5);
  const why = "restore 5.0 ms, pool 12 ms, plain not measured";
  assert.deepEqual(it.choose(both), { rungs: ["restore", "pool", "plain"], why });
});

test("a booted runtime that was hardly measured is not tried where the image is fast enough, else it is", () => {
  const fast = new Ladder();
  times(fast, "plain", 40);
  times(fast, "pool", 12);
  times(fast, "restore", 5, 5, 5);
  assert.deepEqual(fast.choose(both).rungs, ["restore", "pool", "plain"]);
  const slow = new Ladder();
  times(slow, "plain", 40, 40, 40);
  times(slow, "restore", 60, 60, 60);
  assert.deepEqual(slow.choose(both).rungs, ["pool", "plain"]);
  times(slow, "pool", 50, 50, 50);
  assert.deepEqual(slow.choose(both).rungs, ["plain"]);
});

test("the pool goes first where it is faster than the image, and the image is not behind it", () => {
  const it = new Ladder();
  times(it, "plain", 40, 40, 40);
  times(it, "restore", 20, 20, 20);
  times(it, "pool", 10, 10, 10);
  assert.deepEqual(it.choose(both).rungs, ["pool", "plain"]);
});

test("an image that was slow for three starts shows soon that it is faster than the pool, or later if it was very slow", () => {
  const busy = new Ladder();
  times(busy, "restore", 21, 22, 23);
  times(busy, "pool", 14, 14, 14, 14, 14, 14, 14);
  assert.deepEqual(busy.choose(both).rungs, ["pool", "plain"]);
  busy.succeeded("pool", 14);
  assert.deepEqual(busy.choose(both).rungs, ["restore", "pool", "plain"]);
  const stuck = new Ladder();
  times(stuck, "restore", 210, 220, 230);
  for (let n = 0; n < 63; n++) stuck.succeeded("pool", 14);
  assert.deepEqual(stuck.choose(both).rungs, ["pool", "plain"]);
  stuck.succeeded("pool", 14);
  assert.deepEqual(stuck.choose(both).rungs, ["restore", "pool", "plain"]);
});

test("where the image wins the booted runtime is not tried again", () => {
  const it = new Ladder();
  times(it, "plain", 400, 400, 400);
  times(it, "pool", 7, 7, 7);
  for (let n = 0; n < 100; n++) it.succeeded("restore", 5);
  assert.deepEqual(it.choose(both).rungs, ["restore", "pool", "plain"]);
});

test("copies that crash at their first event are counted by themselves: that they woke says nothing about it", () => {
  const it = new Ladder();
  const starts = () => it.succeeded("restore", 4);
  for (const [why, tooOften] of [
    ["one", false],
    ["two", false],
    [undefined, false],
    ["three", false],
    ["four", false],
    ["five", true],
  ] as const) {
    starts();
    assert.equal(it.proved("restore", why), tooOften, why);
  }
  assert.deepEqual(it.view().restore, { ms: 4, starts: 6, failures: 5, lastFailure: "five" });
  it.renew("restore");
  assert.equal(it.proved("restore", "six"), false);
});

test("a rung that is said to have become faster is measured anew, and soon", () => {
  const pool: ReadonlySet<Rung> = new Set<Rung>(["pool"]);
  const it = new Ladder();
  times(it, "pool", 90, 90, 90);
  times(it, "plain", 80, 80, 80);
  assert.equal(it.choose(pool).rungs[0], "plain");
  it.doubt("pool");
  assert.equal(it.choose(pool).rungs[0], "pool");
  times(it, "pool", 20, 20, 20);
  assert.deepEqual(it.choose(pool), { rungs: ["pool", "plain"], why: "pool 20 ms, plain 80 ms" });
});
