import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Bench, once, openBench, succeeded, updates } from "./testing.ts";

const functions = {
  fails: () => ({ Status: "FAILED", Error: { ErrorMessage: "as told" } }),
  works: () => succeeded("1"),
};

test("the event of an execution that nobody waits for and that fails, times out or is stopped is a letter, once", async () => {
  const letters: string[] = [];
  const waits = once(updates.wait("w", 3600))(() => bench);
  const deadLetter = async (letter: string) => void letters.push(letter);
  const bench: Bench = openBench({ ...functions, waits }, { deadLetter });
  bench.durable.takeUp();
  bench.start("fails", { payload: '{"n":1}' });
  bench.start("works", { payload: '{"n":2}' });
  bench.start("fails", { payload: '{"n":3}', synchronous: true });
  await bench.settle();
  assert.deepEqual(letters.splice(0), ['fails FAILED {"n":1}']);
  const stopped = bench.start("waits", { payload: '{"n":4}' });
  bench.start("waits", { payload: '{"n":5}' });
  await bench.settle();
  bench.durable.stop(stopped, undefined);
  await bench.advance(700_000);
  assert.deepEqual(letters, ['waits STOPPED {"n":4}', 'waits TIMED_OUT {"n":5}']);
  assert.deepEqual(bench.reported, []);
});

test("a letter that was not durable when the platform was killed goes after the next start, and no more", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "thaw-letters-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "durable.sqlite");
  const killed = openBench(functions, { path, deadLetter: () => new Promise(() => {}) });
  killed.start("fails", { payload: '"owed"' });
  await killed.settle();
  killed.kill();
  const letters: string[] = [];
  for (let start = 0; start < 2; start += 1) {
    const bench = openBench(functions, { path, deadLetter: async (letter) => void letters.push(letter) });
    bench.durable.takeUp();
    await bench.settle();
    bench.durable.close();
  }
  assert.deepEqual(letters, ['fails FAILED "owed"']);
});
