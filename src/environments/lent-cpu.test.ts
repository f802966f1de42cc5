import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { after, test } from "node:test";
import type { FunctionVersion } from "../model/index.ts";
import { openRig } from "./testing.ts";

/** How much CPU an environment gets before and after its first answer, read from the control groups of real sandboxes. */
const rig = await openRig({ snapshots: "all" });
after(() => rig[Symbol.asyncDispose]());
const { usable, reason } = rig.driver.snapshots;
const here = { skip: !usable && `no images here: ${reason}` };

const source = `const { readlinkSync } = require("node:fs");
  exports.handler = async ({ ms = 0 }) => {
    await new Promise((done) => setTimeout(done, ms));
    return readlinkSync("/proc/self/ns/net");
  };`;
const small = { memoryMb: 128 };

/** CPUs that the processes of a network namespace may use together; undefined: as many as there are, or none are left. */
function cpusOf(namespace: string): number | undefined {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${pid}/ns/net`) === namespace) return quotaOf(pid);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`no process in ${namespace}`);
}

function quotaOf(pid: string): number | undefined {
  const groups = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
  const v1 = groups.find((line) => line.split(":")[1]!.split(",").includes("cpu"));
  if (v1) {
    const directory = `/sys/fs/cgroup/cpu${v1.split(":")[2]}`;
    const quota = Number(readFileSync(`${directory}/cpu.cfs_quota_us`, "utf8"));
    return quota < 0 ? undefined : quota / Number(readFileSync(`${directory}/cpu.cfs_period_us`, "utf8"));
  }
  const path = groups.find((line) => line.startsWith("0::"))!.slice(3);
  const [quota, period] = readFileSync(`/sys/fs/cgroup${path}/cpu.max`, "utf8").trim().split(" ");
  return quota === "max" ? undefined : Number(quota) / Number(period);
}

/**
 * Calls it in a new environment, and looks before anything else can happen on this thread, then after everything that
 * waited for the answer.
 */
async function firstCall(target: FunctionVersion, event = {}) {
  const { start, answer } = await rig.call(target, event);
  const before = cpusOf(String(answer));
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  return { start, before, later: cpusOf(String(answer)) };
}

const isLittle = (cpus: number | undefined) => cpus !== undefined && cpus < 0.1;

test("a plain start is limited to its share as soon as it is ready", here, async () => {
  const target = rig.version(source, { name: "plain", ...small, environment: { THAW_SNAPSHOT: "off" } });
  const { start, before, later } = await firstCall(target, { ms: 20 });
  assert.equal(start, "plain");
  assert.ok(isLittle(before) && isLittle(later), `${before} ${later}`);
});

test("a copy keeps the CPUs of an init until its first answer, for 100 ms at most", here, async () => {
  await rig.call(rig.version(source, { name: "first", ...small }));
  const deadline = Date.now() + 20_000;
  while (rig.environments.versions().some(({ pool }) => pool.state === "waiting" || pool.state === "making")) {
    if (Date.now() > deadline) throw new Error("no runtime was booted ahead");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  // Where the machine is so busy that a call takes 100 ms the loan is over before it: then the next copy tells.
  let lent: Awaited<ReturnType<typeof firstCall>>;
  let tries = 0;
  do lent = await firstCall(rig.version(source, { name: `quick${tries}`, ...small }));
  while (isLittle(lent.before) && ++tries < 10);
  assert.equal(lent.start, "pool");
  assert.ok(!isLittle(lent.before), `${lent.before}`);
  assert.ok(isLittle(lent.later), `${lent.later}`);
  const slow = await firstCall(rig.version(source, { name: "slow", ...small }), { ms: 150 });
  assert.equal(slow.start, "pool");
  assert.ok(isLittle(slow.before), `${slow.before}`);
});
