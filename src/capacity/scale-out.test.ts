import assert from "node:assert/strict";
import { test } from "node:test";
import { patienceMs, smoothed } from "./scale-out.ts";

const quick = { occupied: 4, waiting: 0, runMs: 0.2, startMs: 40, cpus: 2 };

test("a request of a quick function waits for a busy environment, for at most a quarter of a start", () => {
  assert.equal(patienceMs(quick), 10);
});

test("a slow function scales out at once: waiting would take longer than starting", () => {
  assert.equal(patienceMs({ ...quick, runMs: 200 }), 0);
});

test("a long queue scales out even for a quick function", () => {
  assert.equal(patienceMs({ ...quick, waiting: 198 }), 10);
  assert.equal(patienceMs({ ...quick, waiting: 200 }), 0);
});

test("nobody waits while the machine has CPUs to use", () => {
  assert.equal(patienceMs({ ...quick, occupied: 3 }), 0);
});

test("nobody waits for a function about which nothing is known", () => {
  assert.equal(patienceMs({ ...quick, runMs: undefined }), 0);
  assert.equal(patienceMs({ ...quick, startMs: undefined }), 0);
});

test("the average follows what happens lately", () => {
  let average = smoothed(undefined, 100);
  assert.equal(average, 100);
  for (let sample = 0; sample < 5; sample++) average = smoothed(average, 0);
  assert.ok(average > 49 && average < 52, String(average));
});
