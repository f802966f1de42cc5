import assert from "node:assert/strict";
import { test } from "node:test";
import { clairvoyantColdStarts, fixedPolicy, predictivePolicy, type ReplayResult, replay } from "./replay.ts";
import { makeTrace, type TracedFunction } from "./trace.ts";

const minute = 60e3;
const day = 24 * 60 * minute;
const days = 4;

const traced = (key: string, minutes: readonly number[], memoryBytes = 2 ** 30): TracedFunction => ({
  key,
  kind: "timer",
  memoryBytes,
  calls: Float64Array.from(minutes, (at) => at * minute),
});

test("a fixed time costs what it was warm, and a cold start for each longer gap and for the first call", () => {
  const trace = [traced("f", [0, 5, 25, 30])];
  const result = replay(trace, 60 * minute, fixedPolicy(10 * minute));
  assert.equal(result.coldStarts, 2);
  assert.equal(result.calls, 4);
  assert.equal(result.idleGbSeconds, (5 + 10 + 5 + 10) * 60);
});

test("who knows the future holds through the gaps that cost the least memory", () => {
  const trace = [traced("small", [0, 5, 25], 2 ** 29), traced("large", [0, 5, 25])];
  // The first calls are cold for anyone; the gaps cost 150, 600, 300 and 1,200 GB-seconds.
  assert.equal(clairvoyantColdStarts(trace, 0), 6);
  assert.equal(clairvoyantColdStarts(trace, 149), 6);
  assert.equal(clairvoyantColdStarts(trace, 150), 5);
  assert.equal(clairvoyantColdStarts(trace, 1049), 4);
  assert.equal(clairvoyantColdStarts(trace, 1050), 3);
  assert.equal(clairvoyantColdStarts(trace, 1e9), 2);
});

for (const seed of [1, 20]) {
  test(`for the memory of ten minutes it has at most half the cold starts, and at most 1.35 of the clairvoyant's (seed ${seed})`, () => {
    const trace = makeTrace({ seed, functions: 150, days, callsADayAtMost: 300 });
    const fixed = replay(trace, days * day, fixedPolicy(10 * minute));
    const ours = replay(trace, days * day, predictivePolicy(10 * minute));
    const best = clairvoyantColdStarts(trace, fixed.idleGbSeconds);
    const told = described({ fixed, ours }, best);
    assert.ok(ours.idleGbSeconds <= fixed.idleGbSeconds, told);
    assert.ok(ours.coldStarts <= 0.5 * fixed.coldStarts, told);
    assert.ok(ours.coldStarts <= 1.35 * best, told);
    assert.ok(ours.coldStarts + ours.prewarms <= fixed.coldStarts, `no more starts than before: ${told}`);
  });
}

test("without a timer among them it still has no more cold starts for the same memory", () => {
  const trace = makeTrace({ seed: 1, functions: 150, days, callsADayAtMost: 300 });
  for (const kind of ["random", "bursty"]) {
    const some = trace.filter((each) => each.kind === kind);
    const fixed = replay(some, days * day, fixedPolicy(10 * minute));
    const ours = replay(some, days * day, predictivePolicy(10 * minute));
    assert.ok(ours.coldStarts < fixed.coldStarts, `${kind}: ${described({ fixed, ours }, 0)}`);
    assert.ok(ours.idleGbSeconds < 1.05 * fixed.idleGbSeconds, `${kind}: ${described({ fixed, ours }, 0)}`);
  }
});

function described(results: Record<string, ReplayResult>, best: number): string {
  return JSON.stringify({ ...results, best });
}
