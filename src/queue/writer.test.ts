import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Change, NewEvent } from "./events.ts";
import { createWriter } from "./writer.ts";

const event: NewEvent = { queue: "run a b f ", accepted: 0, due: 0, head: "{}", payload: Buffer.from("1") };

/** A disk that takes as long as it is told to, and can be full. */
function disk() {
  const batches: number[] = [];
  const flushes: (() => void)[] = [];
  const state = { full: false };
  const store = {
    write(changes: readonly Change[]) {
      if (state.full) throw new Error("database or disk is full");
      batches.push(changes.length);
      return changes.map(() => [batches.length]);
    },
    synced: () => new Promise<void>((resolve) => flushes.push(resolve)),
  };
  return { store, batches, flushes, state };
}

const turns = async () => {
  for (let turn = 0; turn < 5; turn += 1) await setImmediate();
};

test("what comes together is one transaction and one flush, and is not durable before it", async () => {
  const { store, batches, flushes } = disk();
  const writer = createWriter({ store, later: () => {}, report: () => {} });
  let durable = 0;
  let written = 0;
  const accept = () =>
    writer
      .durable({ add: [event] }, () => void written++)
      .then(() => {
        durable += 1;
      });
  for (let count = 0; count < 100; count += 1) accept();
  await turns();
  assert.deepEqual([batches, flushes.length, written, durable], [[100], 1, 100, 0]);
  // While the disk works, more comes: all of that is the next one.
  for (let count = 0; count < 30; count += 1) accept();
  await turns();
  assert.deepEqual([batches, durable], [[100], 0]);
  flushes.shift()!();
  await turns();
  assert.deepEqual([batches, flushes.length, durable], [[100, 30], 1, 100]);
  flushes.shift()!();
  await turns();
  assert.equal(durable, 130);
});

test("nobody waits for the disk where nobody asked for it", async () => {
  const { store, flushes } = disk();
  const writer = createWriter({ store, later: () => {}, report: () => {} });
  let written = 0;
  writer.write({ remove: 1 }, () => void written++);
  await writer.idle();
  assert.deepEqual([written, flushes.length], [1, 0]);
});

test("on a full disk an event is refused, and what has happened to another is written when there is room", async () => {
  const { store, state, flushes } = disk();
  const again: (() => void)[] = [];
  const reported: unknown[] = [];
  const writer = createWriter({ store, later: (_ms, run) => again.push(run), report: (error) => reported.push(error) });
  state.full = true;
  let written = 0;
  const refused = assert.rejects(
    writer.durable({ add: [event] }, () => {}),
    /disk is full/,
  );
  writer.write({ remove: 1 }, () => void written++);
  await refused;
  await writer.idle();
  assert.deepEqual([written, again.length, reported.length], [0, 1, 1]);
  state.full = false;
  again[0]!();
  await writer.idle();
  assert.equal(written, 1);
  assert.equal(flushes.length, 0);
});
