import assert from "node:assert/strict";
import { test } from "node:test";
import type { Run } from "../environments/index.ts";
import type { Timing } from "../model/index.ts";
import { timingOf } from "./timing.ts";

const stations = { received: 100, admitted: 101, finished: 160 };
const run = (start: Run["start"]): Run => ({
  outcome: { kind: "returned", payload: Buffer.of() },
  invoked: 140,
  answered: 155,
  logTail: undefined,
  start,
});
const marks = { asked: 102, main: 105, spawned: 106, load: 120, loaded: 130, ready: 138 };

function sum({ start: _start, total: _total, ...phases }: Timing): number {
  return Object.values(phases).reduce((one, other) => one + other, 0);
}

test("a plain start boots the runtime and loads the code", () => {
  const timing = timingOf(stations, run(marks), "plain");
  assert.deepEqual([timing.place, timing.sandbox, timing.agent], [1, 3, 1]);
  assert.deepEqual([timing.runtimeBoot, timing.codeInit, timing.restore, timing.hooks], [14, 10, 0, 0]);
  assert.deepEqual([timing.handler, timing.response, timing.unexplained], [15, 5, 10]);
  assert.equal(sum(timing), timing.total);
});

test("a restore wakes a copy and runs its hooks, and lasts until the platform has heard of it", () => {
  const timing = timingOf(stations, run(marks), "restore");
  assert.deepEqual([timing.runtimeBoot, timing.codeInit, timing.restore, timing.hooks], [0, 0, 14 + 8, 10]);
  assert.equal(timing.unexplained, 2);
  assert.equal(sum(timing), timing.total);
});

test("a copy of a booted runtime wakes and then loads the code", () => {
  const timing = timingOf(stations, run(marks), "pool");
  assert.deepEqual([timing.runtimeBoot, timing.codeInit, timing.restore, timing.hooks], [0, 10, 14 + 8, 0]);
  assert.deepEqual([timing.handler, timing.unexplained], [15, 2]);
  assert.equal(sum(timing), timing.total);
});

test("a copy over HTTP does not say when its hooks run: all of it is the restore", () => {
  const timing = timingOf(stations, run({ ...marks, load: undefined, loaded: undefined }), "restore");
  assert.deepEqual([timing.restore, timing.hooks, timing.unexplained], [32, 0, 2]);
});

test("a warm call has no phases of a start, and a start that began for somebody else counts from when this caller waited", () => {
  const warm = timingOf(stations, run(undefined), "warm");
  assert.deepEqual([warm.place, warm.sandbox, warm.restore, warm.unexplained], [39, 0, 0, 0]);
  const early = timingOf(stations, run({ ...marks, asked: 50, main: 60, spawned: 70, load: 80 }), "restore");
  assert.deepEqual([early.place, early.sandbox, early.agent, early.hooks], [0, 0, 0, 29]);
  assert.equal(sum(early), early.total);
});
