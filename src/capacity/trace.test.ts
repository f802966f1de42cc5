import assert from "node:assert/strict";
import { test } from "node:test";
import { makeTrace, type TracedFunction } from "./trace.ts";

const days = 7;
const trace = makeTrace({ seed: 7, functions: 1500, days, callsADayAtMost: 1440 });

const share = (holds: (each: TracedFunction) => boolean, of = trace) => of.filter(holds).length / of.length;

/** Standard deviation of the gaps over their mean. */
function variation({ calls }: TracedFunction): number {
  const gaps = Array.from(calls.subarray(1), (at, index) => at - calls[index]!);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  return Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length) / mean;
}

test("rates are those published: 45 % at most once an hour, 81 % at most once a minute", () => {
  const hourly = share(({ calls }) => calls.length <= 24 * days);
  assert.ok(hourly > 0.4 && hourly < 0.55, String(hourly));
  const minutely = share(({ calls }) => calls.length <= 0.98 * 1440 * days);
  assert.ok(minutely > 0.76 && minutely < 0.95, String(minutely));
});

test("about a fifth is as regular as a clock, about two fifths vary more than random arrivals", () => {
  const seen = trace.filter(({ calls }) => calls.length >= 20);
  const regular = share((each) => variation(each) < 0.1, seen);
  assert.ok(regular > 0.12 && regular < 0.28, String(regular));
  const bursty = share((each) => variation(each) > 1.1, seen);
  assert.ok(bursty > 0.3 && bursty < 0.55, String(bursty));
});

test("memory follows the published fit: half of the functions take at most 140 MB, nine of ten at most 262 MB", () => {
  const half = share(({ memoryBytes }) => memoryBytes <= 140 * 2 ** 20);
  assert.ok(half > 0.4 && half < 0.6, String(half));
  const most = share(({ memoryBytes }) => memoryBytes <= 262 * 2 ** 20);
  assert.ok(most > 0.85 && most < 0.97, String(most));
});

test("calls are in order, inside the trace, and the same for the same seed only", () => {
  for (const { calls } of trace) {
    for (let index = 1; index < calls.length; index++) assert.ok(calls[index]! >= calls[index - 1]!);
  }
  const few = { functions: 30, days: 1 };
  assert.deepEqual(makeTrace({ seed: 5, ...few }), makeTrace({ seed: 5, ...few }));
  assert.notDeepEqual(makeTrace({ seed: 5, ...few }), makeTrace({ seed: 6, ...few }));
});
