import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../../tests/cli/thaw.ts";
import { utilization } from "./history.ts";
import { breakEven, costOfCall, pricesFor } from "./prices.ts";
import { memorySizes, type Size } from "./sweep.ts";
import { keepAlive, power, provisioned } from "./tuning.ts";

const size = (memoryMb: number, ms: number): Size => ({ memoryMb, warmMs: ms, handlerMs: ms, p95Ms: ms, billedMs: ms });

test("prices are a region's and an architecture's, and a file may replace them", async () => {
  const x86 = await pricesFor("us-east-1", "x86_64");
  assert.deepEqual([x86.gbSecond, (await pricesFor("us-east-1", "arm64")).gbSecond], [1.66667e-5, 1.33334e-5]);
  const file = join(temporaryFolder(), "prices.json");
  const mine = { request: 1, gbSecond: 2, heldGbSecond: 3, heldRunGbSecond: 4 };
  writeFileSync(
    file,
    JSON.stringify({ date: "today", tables: { mine: { regions: { "eu-west-1": { x86_64: mine } } } } }),
  );
  assert.equal((await pricesFor("eu-west-1", "x86_64", file)).heldGbSecond, 3);
  await assert.rejects(pricesFor("us-east-1", "x86_64", file), /lack us-east-1/);
  await assert.rejects(pricesFor("us-east-1", "x86_64", "nosuch"), /no prices called "nosuch"/);
  // 1 GB for a second, and the request
  assert.ok(Math.abs(costOfCall(x86, 1024, 1000) - 1.68667e-5) < 1e-12);
});

test("provisioned concurrency breaks even at 25 % as the mission counts, and at 60 % with its own run time", async () => {
  assert.ok(Math.abs(breakEven(await pricesFor("us-east-1", "x86_64", "hold-only")) - 0.25) < 1e-4);
  const aws = await pricesFor("us-east-1", "x86_64");
  assert.ok(Math.abs(breakEven(aws) - 0.6) < 1e-3);
  assert.equal(breakEven({ ...aws, heldRunGbSecond: aws.gbSecond }), Number.POSITIVE_INFINITY);
  const found = provisioned(aws, 100, [0.9, 0.61, 0.2]);
  assert.equal(found.worth, 2);
  assert.ok(Math.abs(found.callsPerSecond! - 6) < 0.01);
});

test("where holding is dear, provisioned concurrency pays for itself later than in us-east-1, or never", async () => {
  const expected = { "us-west-2": 0.6, "eu-west-1": 0.8, "eu-central-1": 1.01, "ap-northeast-1": 1.31 };
  for (const [region, share] of Object.entries(expected)) {
    for (const architecture of ["x86_64", "arm64"]) {
      const found = breakEven(await pricesFor(region, architecture));
      assert.ok(Math.abs(found - share) < 0.01, `${region} ${architecture}: ${found}`);
    }
  }
});

test("power tuning knows the fastest, the cheapest and the balance between them", async () => {
  const prices = await pricesFor("us-east-1", "x86_64");
  // twice the memory halves the time until 512 MB; beyond, it only costs
  const sizes = [size(128, 800), size(256, 400), size(512, 190), size(1024, 180), size(2048, 179)];
  const found = power(sizes, prices, 0.5);
  assert.deepEqual([found.fastest, found.cheapest, found.balanced], [2048, 512, 512]);
  assert.equal(power(sizes, prices, 0).balanced, 2048);
  assert.deepEqual(memorySizes("--memory", "512, 128,512"), [128, 512]);
  assert.throws(() => memorySizes("--memory", "64"), /128 to 10240 MB/);
});

test("an environment is as busy as calls overlap", () => {
  const calls = [
    { atMs: 0, runMs: 50 },
    { atMs: 25, runMs: 50 },
    { atMs: 75, runMs: 10 },
  ];
  assert.deepEqual(utilization(calls, 0, 100), [0.85, 0.25]);
  assert.deepEqual(utilization([], 0, 100), []);
});

test("a function called every half hour wants to be kept or warmed anew, one called once an hour for nothing does not", () => {
  const every = (minutes: number) => Array.from({ length: 200 }, (_, i) => ({ atMs: i * minutes * 60e3, runMs: 100 }));
  const about = { memoryMb: 128, usedMb: 100, startMs: 300 };
  const half = keepAlive(every(30), { ...about, untilMs: 200 * 30 * 60e3 }, [
    "none",
    "fixed:10m",
    "fixed:1h",
    "thaw:10m",
  ]);
  const of = (policy: string) => half.policies.find((each) => each.policy === policy)!;
  assert.equal(of("none").coldStarts, 200);
  assert.equal(of("fixed:10m").coldStarts, 200);
  assert.equal(of("fixed:1h").coldStarts, 1);
  assert.ok(of("thaw:10m").coldStarts < 100 && of("thaw:10m").prewarms > 0);
  assert.ok(of("thaw:10m").idleGbSeconds < of("fixed:1h").idleGbSeconds);
});
