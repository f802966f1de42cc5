import assert from "node:assert/strict";
import { test } from "node:test";
import { Agenda } from "./agenda.ts";
import { policyOf } from "./policies.ts";
import { createSimulation } from "./simulation.ts";
import type { Call, SimulatedFunction, World } from "./world.ts";

const gigabyte = 2 ** 30;
const minute = 60e3;

const each = (about: Partial<SimulatedFunction> = {}): SimulatedFunction => ({
  name: "f",
  memoryMb: 1024,
  idleBytes: gigabyte,
  startMs: 100,
  ...about,
});

function simulated(calls: readonly Call[], world: Partial<World> = {}, endMs = 0) {
  const functions = [each()];
  const whole = { functions, accountConcurrency: 1000, keepAlive: policyOf("fixed:10m").make(), ...world };
  return createSimulation({ world: whole, calls, endMs }).run();
}

const atOnce = (count: number, runMs: number, atMs = 0): Call[] =>
  Array.from({ length: count }, () => ({ atMs, of: 0, runMs }));

test("what is due first happens first, and in the order it was put down when it is due at once", () => {
  const agenda = new Agenda();
  const happened: string[] = [];
  const times = [5, 1, 3, 1, 4, 1, 5, 2];
  for (const [index, atMs] of times.entries())
    agenda.put(atMs, { happen: () => happened.push(`${atMs}${"abcdefgh"[index]}`) });
  while (agenda.nextMs < Number.POSITIVE_INFINITY) agenda.take().happen(0);
  assert.deepEqual(happened, ["1b", "1d", "1f", "2h", "3c", "4e", "5a", "5g"]);
});

test("ten fixed minutes: cold where the gap is longer, paid for while idle (by hand)", () => {
  // Calls of 1 s at 0, 5, 25 and 30 minutes; a start takes 0.1 s. The environment of before ends with the first look after ten minutes.
  const calls = [0, 5, 25, 30].map((at) => ({ atMs: at * minute, of: 0, runMs: 1000 }));
  const result = simulated(calls, {}, 60 * minute);
  assert.equal(result.calls, 4);
  assert.equal(result.coldStarts, 2);
  assert.deepEqual(result.wait, { p50: 100, p99: 100, most: 100 });
  // 1.1 s to 5 min; 5 min 1 s to the look at 15 min 5 s; 25 min 1.1 s to 30 min; 30 min 1 s to 40 min 5 s.
  const idleSeconds = 300 - 1.1 + 604 + (300 - 1.1) + 604;
  assert.ok(Math.abs(result.idleGbSeconds - idleSeconds) < 1e-6, `${result.idleGbSeconds} for ${idleSeconds}`);
  assert.equal(result.runGbSeconds, 4);
  assert.equal(result.peakEnvironments, 1);
});

test("without keep-alive every call that does not come within a look is cold", () => {
  const calls = [0, 1, 2].map((at) => ({ atMs: at * minute, of: 0, runMs: 1000 }));
  assert.equal(simulated(calls, { keepAlive: policyOf("none").make() }).coldStarts, 3);
});

test("of calls at once the account lets in as many as it has, and the rest come again until there is room", () => {
  const limited = { accountConcurrency: 10 };
  const once = simulated(atOnce(25, 1000), limited);
  assert.equal(once.answered, 10);
  assert.equal(once.rejected, 15);
  assert.deepEqual(once.throttles, { ConcurrentInvocationLimitExceeded: 15 });
  assert.equal(once.peakRunning, 10);
  const patient = simulated(atOnce(25, 1000), { ...limited, retryMs: 500 }, minute);
  assert.equal(patient.answered, 25);
  assert.equal(patient.rejected, 0);
  // Let in at 0 and answered at 1.1 s; the next ten come again at 1.5 s, and the last find those of before done at 2.5 s.
  assert.equal(patient.peakEnvironments, 10);
  assert.equal(patient.lastServedMs, 2500);
});

test("a reservation bounds its function and is taken off what the others share", () => {
  const functions = [each({ name: "a", reserved: 3 }), each({ name: "b" })];
  const calls = [...atOnce(5, 1000), ...Array.from({ length: 9 }, () => ({ atMs: 0, of: 1, runMs: 1000 }))];
  const result = simulated(calls, { functions, accountConcurrency: 10 });
  assert.deepEqual(result.throttles, {
    ReservedFunctionConcurrentInvocationLimitExceeded: 2,
    ConcurrentInvocationLimitExceeded: 2,
  });
});

test("provisioned environments answer at once, what goes beyond them starts, and both are paid for by themselves", () => {
  const functions = [each({ provisioned: 4 })];
  const result = simulated(atOnce(6, 2000), { functions }, 10_000);
  assert.equal(result.coldStarts, 2);
  assert.equal(result.provisionedRunGbSeconds, 8);
  assert.equal(result.runGbSeconds, 4);
  assert.equal(result.provisionedGbSeconds, 40);
});

test("AWS's scaling rate: a thousand environments at once, the next thousand in ten seconds", () => {
  const rate = { accountConcurrency: 5000, perTenSeconds: 1000, retryMs: 100 };
  const result = simulated(atOnce(2000, 60_000), rate, minute);
  assert.equal(result.answered, 2000);
  assert.equal(result.course.at(0)!.running, 1000 + 80, "ten more in each 100 ms; a start takes as long");
  // The share refills a hundred in each second.
  assert.ok(Math.abs(result.lastServedMs - 10_100) <= 200, String(result.lastServedMs));
});

test("with two CPUs starts go two by two, and short events leave their environments to those that wait", () => {
  const held = simulated(atOnce(20, 10_000), { cpus: 2 });
  assert.equal(held.wait.most, (20 / 2) * 100);
  assert.equal(held.starts, 20);
  const short = simulated(atOnce(20, 10), { cpus: 2 });
  assert.ok(short.starts < 10, String(short.starts));
  assert.equal(short.answered, 20);
});

test("memory is not exceeded by idle environments", () => {
  const functions = Array.from({ length: 8 }, (_, index) => each({ name: `f${index}` }));
  const calls = functions.map((_, of) => ({ atMs: of * 20_000, of, runMs: 1 }));
  const result = simulated(calls, { functions, memoryBudgetBytes: 3 * gigabyte });
  assert.ok(result.peakEnvironments <= 4, String(result.peakEnvironments));
  assert.equal(simulated(calls, { functions }).peakEnvironments, 8);
});

test("the platform's policy starts a timer's environment before it fires, for less memory than ten fixed minutes", () => {
  const calls = Array.from({ length: 100 }, (_, index) => ({ atMs: index * 30 * minute, of: 0, runMs: 100 }));
  const endMs = 100 * 30 * minute;
  const fixed = simulated(calls, {}, endMs);
  const ours = simulated(calls, { keepAlive: policyOf("thaw").make() }, endMs);
  assert.equal(fixed.coldStarts, 100);
  assert.ok(ours.coldStarts < 10, String(ours.coldStarts));
  assert.ok(ours.prewarms > 85, String(ours.prewarms));
  assert.ok(ours.idleGbSeconds < 0.5 * fixed.idleGbSeconds, `${ours.idleGbSeconds} of ${fixed.idleGbSeconds}`);
});

test("the same world gives the same result", () => {
  const calls = Array.from({ length: 500 }, (_, index) => ({
    atMs: index * 37,
    of: 0,
    runMs: 100 + ((index * 7919) % 300),
  }));
  const twice = [0, 1].map(() => simulated(calls, { cpus: 2, keepAlive: policyOf("thaw").make() }, minute));
  assert.deepEqual(twice[0], twice[1]);
});

test("what is no policy is said", () => {
  for (const text of ["", "fixd:10m", "fixed:10", "thaw:-3m"]) assert.throws(() => policyOf(text), RangeError, text);
});
