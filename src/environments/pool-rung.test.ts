import assert from "node:assert/strict";
import { readdirSync, statSync, truncateSync } from "node:fs";
import { after, test } from "node:test";
import type { FunctionVersion } from "../model/index.ts";
import { openRig, settled } from "./testing.ts";

/** Copies of a runtime that has booted without a function take code that nobody has seen, on real sandboxes. */
const rig = await openRig();
after(() => rig[Symbol.asyncDispose]());
const { usable, reason } = rig.driver.snapshots;
const here = { skip: !usable && `no images here: ${reason}` };

const versionOf = (target: FunctionVersion) =>
  rig.environments.versions().find((each) => each.function === target.name)!;

/** Waits until the runtime has been booted without a function. */
async function booted(target: FunctionVersion) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const { pool } = versionOf(target);
    if (pool.state === "ready" || pool.state === "refused") return pool;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(pool)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const hello = rig.version("exports.handler = async () => 1;", { name: "hello" });
if (usable) await rig.call(hello);

test("the first call of code that nobody has seen is served by a runtime that had booted before", here, async () => {
  const { state, why } = await booted(hello);
  assert.deepEqual([state, why], ["ready", ""]);
  const source = `exports.handler = async () => ({ name: process.env.AWS_LAMBDA_FUNCTION_NAME, own: process.env.OWN,
    cwd: process.cwd(), bare: process.env._THAW_BARE ?? process.env._THAW_TEMPLATE, file: __filename });`;
  const target = rig.version(source, { name: "unseen", environment: { OWN: "x" } });
  const { start, answer } = await rig.call(target);
  assert.equal(start, "pool");
  assert.deepEqual(answer, { name: "unseen", own: "x", cwd: "/var/task", file: "/var/task/index.js" });
  assert.equal(versionOf(target).rung, "pool");
  await settled();
  assert.ok(rig.lines.findLast((line) => line.startsWith("REPORT"))!.includes("Init Duration: "));
});

test("copies are not alike in what must be each one's own", here, async () => {
  await booted(hello);
  const source = `const { randomUUID, randomBytes } = require("node:crypto");
    const drawn = () => [Math.random(), randomUUID(), randomBytes(8).toString("hex")];
    const atInit = drawn();
    exports.handler = async () => [...atInit, ...drawn(), process.env.AWS_LAMBDA_LOG_STREAM_NAME];`;
  const drawn: unknown[] = [];
  for (let n = 0; n < 6; n++) {
    const { start, answer } = await rig.call(rig.version(source, { name: `drawn${n}` }));
    assert.equal(start, "pool");
    drawn.push(...(answer as unknown[]));
  }
  assert.equal(new Set(drawn).size, 6 * 7);
});

test("a version that started from the pool gets an image of its own, which goes before the pool", here, async () => {
  await booted(hello);
  const target = rig.version("exports.handler = async ({ ms = 0 }) => new Promise((done) => setTimeout(done, ms));", {
    name: "onward",
  });
  assert.equal((await rig.call(target)).start, "pool");
  const deadline = Date.now() + 20_000;
  while (versionOf(target).image.state !== "ready") {
    if (Date.now() > deadline) throw new Error(JSON.stringify(versionOf(target).image));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const together = await Promise.all([rig.call(target, { ms: 400 }), rig.call(target, { ms: 400 })]);
  assert.deepEqual(together.map(({ start }) => start).sort(), ["restore", "warm"]);
});

test("what keeps a version from the pool is shown, and it starts plainly", here, async () => {
  await booted(hello);
  const source = "exports.handler = async () => process.execArgv.length + process.memoryUsage().rss > 0;";
  for (const [name, value, why] of [
    ["NODE_OPTIONS", "--max-old-space-size=64", "the function's variable NODE_OPTIONS acts when its runtime boots"],
    ["THAW_SNAPSHOT", "off", "the function's variable THAW_SNAPSHOT is off"],
  ] as const) {
    const target = rig.version(source, { name: `sets ${name}`, environment: { [name]: value } });
    assert.equal((await rig.call(target)).start, "plain");
    assert.deepEqual(versionOf(target).pool, { state: "none", why });
    assert.equal(versionOf(target).why, `nothing else to choose; no pool: ${why}`);
  }
});

test("each account has a booted runtime of its own", here, async () => {
  const target = rig.version("exports.handler = async () => 1;", { name: "other", account: "111111111111" });
  assert.equal((await rig.call(target)).start, "plain");
  assert.equal((await booted(target)).state, "ready");
});

test(
  "an init that fails is the function's failure, as in a plain start, and is tried once more by the first event",
  here,
  async () => {
    await booted(hello);
    for (const [name, source, errorType] of [
      ["throws", `throw new RangeError("no");`, "RangeError"],
      ["exits", "process.exit(3);", "Runtime.ExitError"],
      ["code of the loader's", "process.exit(105);", "Runtime.ExitError"],
      ["lacks it", "exports.other = 1;", "Runtime.HandlerNotFound"],
    ] as const) {
      const target = rig.version(`console.log("init of ${name}");${source}`, { name });
      const { answer } = await rig.call(target);
      assert.equal((answer as { errorType: string }).errorType, errorType, name);
      assert.equal(versionOf(target).rungs.pool?.failures ?? 0, 0, name);
      const tries = rig.lines.filter((line) => line.includes(`init of ${name}`)).length;
      // One whose end looks like a bad copy's has a plain start in between.
      assert.equal(tries, name === "code of the loader's" ? 3 : 2, name);
    }
    assert.equal(versionOf(hello).pool.state, "ready");
  },
);

test(
  "a booted runtime that does not wake falls to a plain start within the same call, is counted, and given up",
  here,
  async () => {
    await using own = await openRig();
    const first = own.version("exports.handler = async () => 1;", { name: "first" });
    await own.call(first);
    const poolOf = (target: FunctionVersion) =>
      own.environments.versions().find((each) => each.function === target.name)!;
    const deadline = Date.now() + 20_000;
    while (poolOf(first).pool.state !== "ready" || poolOf(first).image.state !== "ready") {
      if (Date.now() > deadline) throw new Error(JSON.stringify(poolOf(first)));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const name of readdirSync(own.imagesDirectory).filter((each) => each.endsWith(".image"))) {
      const path = `${own.imagesDirectory}/${name}`;
      truncateSync(path, Math.floor(statSync(path).size / 2 / 4096) * 4096);
    }
    const slow = "exports.handler = async () => new Promise((done) => setTimeout(done, 300, 1));";
    const target = own.version(slow, { name: "second" });
    const calls = await Promise.all(Array.from({ length: 4 }, () => own.call(target)));
    assert.ok(calls.every(({ answer }) => answer === 1));
    // The last one may find the runtime booted anew: then it is no bad copy that it got.
    assert.ok(calls.filter(({ start }) => start === "pool").length <= 1, JSON.stringify(calls));
    const { rungs, pool } = poolOf(target);
    assert.ok(rungs.pool!.failures >= 3, JSON.stringify(rungs));
    assert.match(pool.why, /^it failed 3 times in a row: /);
    assert.match(poolOf(first).pool.why, /^the image was dropped: /);
  },
);
