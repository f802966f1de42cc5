import assert from "node:assert/strict";
import { test } from "node:test";
import { Ladder, type Rung } from "./ladder.ts";

const ladder = () =>
  new Ladder((average, sample) => (average === undefined ? sample : average + (sample - average) / 8));
const image: ReadonlySet<Rung> = new Set<Rung>(["restore"]);
const nothing: ReadonlySet<Rung> = new Set();

test("without an image a start is plain", () => {
  assert.deepEqual(ladder().choose(nothing).rungs, ["plain"]);
});

test("an image that was never tried is tried, with a plain start behind it", () => {
  const it = ladder();
  it.succeeded("plain", 5);
  assert.deepEqual(it.choose(image).rungs, ["restore", "plain"]);
});

test("the faster of both is used, and the words say how fast they are", () => {
  const it = ladder();
  it.succeeded("plain", 30);
  it.succeeded("restore", 4.2);
  assert.deepEqual(it.choose(image), { rungs: ["restore", "plain"], why: "restore 4.2 ms, plain 30 ms" });
  const native = ladder();
  native.succeeded("plain", 4);
  native.succeeded("restore", 6);
  assert.deepEqual(native.choose(image).rungs, ["plain"]);
});

test("now and then the slower one is tried again, unless it is so slow that a caller would notice", () => {
  const near = ladder();
  near.succeeded("restore", 6);
  for (let n = 0; n < 64; n++) near.succeeded("plain", 4);
  assert.deepEqual(near.choose(image).rungs, ["restore", "plain"]);
  near.succeeded("restore", 6);
  assert.deepEqual(near.choose(image).rungs, ["plain"]);
  const far = ladder();
  far.succeeded("plain", 5000);
  for (let n = 0; n < 1000; n++) far.succeeded("restore", 6);
  assert.deepEqual(far.choose(image).rungs, ["restore", "plain"]);
});

test("failures are counted, and three in a row are too many", () => {
  const it = ladder();
  assert.equal(it.failed("restore", "one"), false);
  assert.equal(it.failed("restore", "two"), false);
  it.succeeded("restore", 4);
  assert.equal(it.failed("restore", "three"), false);
  assert.equal(it.failed("restore", "four"), false);
  assert.equal(it.failed("restore", "five"), true);
  assert.deepEqual(it.view().restore, { ms: 4, starts: 1, failures: 5, lastFailure: "five" });
});

test("a new image begins with no measurements", () => {
  const it = ladder();
  it.succeeded("plain", 5);
  it.succeeded("restore", 50);
  assert.deepEqual(it.choose(image).rungs, ["plain"]);
  it.renew("restore");
  assert.deepEqual(it.choose(image).rungs, ["restore", "plain"]);
});
