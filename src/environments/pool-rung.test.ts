import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { FunctionVersion } from "../model/index.ts";
import { openRig } from "./testing.ts";

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
  assert.ok(rig.lines.findLast((line) => line.startsWith("REPORT"))!.includes("Init Duration: "));
});
