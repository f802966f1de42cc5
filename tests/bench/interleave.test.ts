import assert from "node:assert/strict";
import { test } from "node:test";
import { interleave, type Subject } from "../../bench/harness/interleave.ts";

function recorder(names: readonly string[]): { subjects: Subject[]; calls: string[] } {
  const calls: string[] = [];
  const subjects = names.map((name) => ({
    name,
    setup: async () => void calls.push(`+${name}`),
    once: async (round: number) => {
      calls.push(`${name}${round}`);
      return [round];
    },
    teardown: async () => void calls.push(`-${name}`),
  }));
  return { subjects, calls };
}

const calm = async () => undefined;

test("subjects take turns, in reverse order every second round", async () => {
  const { subjects, calls } = recorder(["a", "b"]);
  await interleave(subjects, { rounds: 3, warmups: 0, tooLoaded: calm });
  assert.deepEqual(calls, ["+a", "+b", "a0", "b0", "b1", "a1", "a2", "b2", "-b", "-a"]);
});

test("warm-up rounds run but leave no sample", async () => {
  const { subjects, calls } = recorder(["a"]);
  const result = await interleave(subjects, { rounds: 2, warmups: 1, tooLoaded: calm });
  assert.ok(calls.includes("a-1"));
  assert.deepEqual(result.samples.get("a"), [0, 1]);
});

test("a round that starts on a loaded machine is discarded for every subject and run again", async () => {
  const { subjects } = recorder(["a", "b"]);
  let round = 0;
  const busyOnce = async () => (round++ === 1 ? "load average 9" : undefined);
  const result = await interleave(subjects, { rounds: 3, warmups: 0, tooLoaded: busyOnce });
  assert.deepEqual(result.samples.get("a"), [0, 2, 3]);
  assert.deepEqual(result.samples.get("b"), [0, 2, 3]);
  assert.deepEqual(result.discarded, ["load average 9"]);
  assert.equal(result.loaded, false);
});

test("a machine that never calms down gives numbers that say so, after twice the rounds", async () => {
  const { subjects } = recorder(["a"]);
  const result = await interleave(subjects, { rounds: 2, warmups: 0, tooLoaded: async () => "busy" });
  assert.equal(result.loaded, true);
  assert.equal(result.discarded.length, 4);
  assert.deepEqual(result.samples.get("a"), [0, 1, 2, 3]);
});

test("everything set up is torn down when a subject fails", async () => {
  const { subjects, calls } = recorder(["a", "b"]);
  const broken: Subject = { name: "c", once: () => Promise.reject(new Error("no")) };
  await assert.rejects(interleave([...subjects, broken], { rounds: 1, tooLoaded: calm }), /no/);
  assert.deepEqual(calls.slice(-2), ["-b", "-a"]);
});
