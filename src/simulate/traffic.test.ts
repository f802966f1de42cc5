import assert from "node:assert/strict";
import { test } from "node:test";
import { burst } from "./burst.ts";
import { costOf } from "./cost.ts";
import { generatedTraffic, readTraffic, UnreadableRecord } from "./traffic.ts";

const assumed = { memoryMb: 128, startMs: 100, runMs: 300 };

test("a CSV record begins with its first call, in the order of time, and says what it says", () => {
  const text =
    "time,function,duration,memory,init\n2026-01-01T00:00:02Z,b,50,256,\n2026-01-01T00:00:00.5Z,a,,,700\n2026-01-01T00:00:03Z,a,10,,900\n";
  const { functions, calls, endMs } = readTraffic(text, assumed);
  assert.deepEqual(calls, [
    { atMs: 0, of: 1, runMs: 300 },
    { atMs: 1500, of: 0, runMs: 50 },
    { atMs: 2500, of: 1, runMs: 10 },
  ]);
  assert.deepEqual(
    functions.map(({ name, memoryMb, startMs }) => ({ name, memoryMb, startMs })),
    [
      { name: "b", memoryMb: 256, startMs: 100 },
      { name: "a", memoryMb: 128, startMs: 800 },
    ],
  );
  assert.equal(endMs, 2510);
});

test("Lambda's reports tell when their event began; other lines of a log say nothing", () => {
  const line = (time: string, metrics: object) =>
    JSON.stringify({ time, type: "platform.report", record: { metrics } });
  const text = [
    JSON.stringify({ time: "2026-01-01T00:00:00Z", type: "platform.start", record: {} }),
    line("2026-01-01T00:00:01.000Z", { durationMs: 400, memorySizeMB: 512, initDurationMs: 600 }),
    line("2026-01-01T00:00:03.000Z", { durationMs: 20, memorySizeMB: 512 }),
  ].join("\n");
  const { functions, calls } = readTraffic(text, assumed, "mine");
  assert.deepEqual(functions, [{ name: "mine", memoryMb: 512, idleBytes: 512 * 2 ** 20, startMs: 600 }]);
  assert.deepEqual(calls, [
    { atMs: 0, of: 0, runMs: 400 },
    { atMs: 2980, of: 0, runMs: 20 },
  ]);
});

test("Azure's calls a minute are spread over their minute", () => {
  const text = "HashOwner,HashApp,HashFunction,Trigger,1,2,3\no,a,f,http,2,0,1\no,a,g,timer,0,1,0\n";
  const { functions, calls } = readTraffic(text, assumed);
  assert.deepEqual(
    calls.map(({ atMs, of }) => [functions[of]!.name, atMs + 15_000]),
    [
      ["f", 15_000],
      ["f", 45_000],
      ["g", 90_000],
      ["f", 150_000],
    ],
  );
});

test("a record that cannot be read says which line is wrong", () => {
  for (const [text, wrong] of [
    ["", /no call|columns/],
    ["when,who\n1,f", /columns time and function/],
    ["time,function\nyesterday,f", /line 2: "yesterday" is no time/],
    ["time,function,duration\n5,f,long", /line 2: duration is "long"/],
    ['{"type":"platform.report"', /line 1 is no JSON/],
    ["{}", /no call/],
  ] as const) {
    assert.throws(
      () => readTraffic(text, assumed),
      (error: Error) => error instanceof UnreadableRecord && wrong.test(error.message),
      text,
    );
  }
});

test("made-up traffic is the same for the same seed, in order, and half of its events are shorter than the median asked for", () => {
  const options = { seed: 3, functions: 40, days: 1, callsADayAtMost: 100 };
  const { calls, endMs } = generatedTraffic(options, assumed);
  assert.deepEqual(generatedTraffic(options, assumed).calls, calls);
  assert.ok(calls.every(({ atMs }, index) => index === 0 || atMs >= calls[index - 1]!.atMs));
  assert.equal(endMs, 86_400_000);
  const short = calls.filter(({ runMs }) => runMs < 300).length / calls.length;
  assert.ok(short > 0.4 && short < 0.6, String(short));
});

test("a bill by hand: requests, run time, provisioned concurrency", () => {
  const about = { name: "f", memoryMb: 2048, idleBytes: 2 ** 30, startMs: 1000, provisioned: 1 };
  const result = burst(2, { about, runMs: 10_000, accountConcurrency: 10, patienceMs: 0 });
  // One of the two runs on the provisioned environment; all is over after 11 s.
  const cost = costOf(result, {
    perRequest: 1,
    perGbSecond: 10,
    perProvisionedGbSecond: 100,
    perProvisionedRunGbSecond: 1000,
  });
  assert.deepEqual(
    { ...cost, heldReady: 0 },
    { requests: 2, running: 20 * 10 + 20 * 1000, provisioned: 2 * 11 * 100, bill: 2 + 20_200 + 2200, heldReady: 0 },
  );
});

test("a burst on two CPUs takes as long as half of its starts; at the rate of AWS three thousand take twenty seconds", () => {
  const about = { name: "f", memoryMb: 128, idleBytes: 2 ** 21, startMs: 9 };
  const common = { about, runMs: 60_000, accountConcurrency: 100_000, patienceMs: 600e3 };
  assert.equal(burst(1000, { ...common, cpus: 2 }).lastServedMs, 4500);
  const { lastServedMs, peakRunning } = burst(3000, { ...common, perTenSeconds: 1000, retryMs: 500 });
  assert.ok(Math.abs(lastServedMs - 20_000) < 1000, String(lastServedMs));
  assert.equal(peakRunning, 3000);
});
