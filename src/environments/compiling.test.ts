import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { createArtifacts } from "../artifacts/index.ts";
import type { FunctionVersion } from "../model/index.ts";
import { Compiling, type CompilingNeeds } from "./compiling.ts";
import type { Plan } from "./plan.ts";
import { openRig, type Rig } from "./testing.ts";

const container = await (async () => {
  await using rig = await openRig();
  return rig.driver.name === "container";
})();

/** So slow to load that it is worth it; on `die` its environment ends, so that the next call starts another. */
const worthIt = `
  const fs = require("fs");
  for (const began = Date.now(); Date.now() - began < 15; );
  const write = () => { try { fs.writeFileSync("/var/compiled/x", ""); } catch (error) { return error.code; } };
  const isCompiled = () => fs.readdirSync("/tmp").some((name) => name.startsWith(".compiled-"));
  // An empty folder may be left of another sandbox with the same root.
  const there = () => fs.existsSync("/var/compiled") && fs.readdirSync("/var/compiled").length > 0;
  exports.handler = async ({ die }) => {
    if (die) process.exit(1);
    return { folder: require("module").getCompileCacheDir?.() ?? null, there: there(), write: write(),
      told: Object.keys(process.env).filter((name) => name.startsWith("_THAW")) };
  };`;

async function callAnew(rig: Rig, target: FunctionVersion): Promise<Record<string, unknown>> {
  await rig.call(target, { die: true });
  const { start, answer } = await rig.call(target);
  assert.equal(start, "plain");
  return answer as Record<string, unknown>;
}

async function until(happened: () => boolean): Promise<void> {
  for (const began = Date.now(); !happened(); await wait(10)) {
    if (Date.now() - began > 20_000) throw new Error("it has not happened in 20 seconds");
  }
}

describe("code that is compiled ahead", { skip: !container, timeout: 60_000 }, () => {
  test("is what the next plain start of its version runs, which cannot write it, and of no other version", async () => {
    await using rig = await openRig({ prepares: true, snapshots: "off" });
    const target = rig.version(worthIt, { environment: { NODE_DEBUG_NATIVE: "COMPILE_CACHE" } });
    const nothing = { folder: null, there: false, told: [] };
    const { write: _, ...first } = (await rig.call(target)).answer as Record<string, unknown>;
    assert.deepEqual(first, nothing);
    await until(() => rig.compiled.storedBytes() > 0);
    const { folder, ...rest } = await callAnew(rig, target);
    assert.match(String(folder), /^\/var\/compiled\//);
    assert.deepEqual(rest, { there: true, write: "EROFS", told: [] });
    const accepted = /cache for .*\/var\/task\/index\.js was accepted/;
    assert.ok(
      rig.lines.some((line) => accepted.test(line)),
      rig.lines.join("\n"),
    );
    const same = rig.version(worthIt, { name: "other", code: target.code });
    const { write: __, ...seen } = (await rig.call(same)).answer as Record<string, unknown>;
    assert.deepEqual(seen, nothing);
  });

  test("is deleted with its version", async () => {
    let current = true;
    await using rig = await openRig({ prepares: true, snapshots: "off", isCurrent: () => current });
    const target = rig.version(worthIt);
    await rig.call(target);
    await until(() => rig.compiled.storedBytes() > 0);
    assert.equal(readdirSync(rig.compiledDirectory).filter((name) => !name.startsWith(".")).length, 1);
    current = false;
    rig.environments.retire(target.account, target.region, target.name);
    await until(() => readdirSync(rig.compiledDirectory).every((name) => name.startsWith(".")));
    assert.equal(rig.compiled.storedBytes(), 0);
  });

  test("is done without where it has vanished", async () => {
    await using rig = await openRig({ prepares: true, snapshots: "off" });
    const target = rig.version(worthIt);
    await rig.call(target);
    await until(() => rig.compiled.storedBytes() > 0);
    rmSync(rig.compiledDirectory, { recursive: true });
    assert.equal((await callAnew(rig, target)).there, false);
    assert.match(rig.notes.join("\n"), /nothing compiled ahead is used any more/);
  });

  /** It finds out that it is only being compiled, and says something of its own on its link. */
  const hostile = (name: string, megabytes: number, times: number) => `${worthIt}
    if (isCompiled()) {
      const bytes = Buffer.concat([Buffer.from([${name.length}, 0]), Buffer.from("${name}"), Buffer.alloc(${megabytes} * 1e6)]);
      const header = Buffer.alloc(12);
      header.writeUInt32LE(bytes.length);
      header[4] = 0x90;
      for (let n = 0; n < ${times}; n++) {
        bytes[2] = 65 + n;
        const frame = Buffer.concat([header, bytes]);
        for (let at = 0; at < frame.length; at += fs.writeSync(3, frame, at));
      }
    }`;

  for (const [what, source, why] of [
    ["with a name that leads elsewhere", hostile("x/../../y", 0, 1), /"A\/\.\.\/\.\.\/y" is no name for compiled code/],
    ["too large", hostile("x", 8, 9), /more than 67108864 bytes/],
    ["of a function whose init fails", `${worthIt} if (isCompiled()) throw Error("no");`, /no/],
    ["of one that ends", `${worthIt} if (isCompiled()) process.exit(0);`, /ended during init/],
  ] as const) {
    test(`is not taken ${what}`, async () => {
      await using rig = await openRig({ prepares: true, snapshots: "off" });
      const target = rig.version(source);
      await rig.call(target);
      await until(() => rig.notes.length > 0);
      assert.match(rig.notes.join("\n"), why);
      assert.equal((await callAnew(rig, target)).there, false);
      assert.equal(rig.compiled.storedBytes(), 0);
    });
  }

  test("is not asked for where it is switched off", async () => {
    await using rig = await openRig({ prepares: false, snapshots: "off" });
    const target = rig.version(worthIt);
    await rig.call(target);
    assert.equal((await callAnew(rig, target)).there, false);
  });
});

describe("what was compiled of Python code", { skip: !container, timeout: 60_000 }, () => {
  const source = `
import os, time
began = time.time()
while time.time() - began < 0.015: pass
def handler(event, context):
    if event.get("die"): os._exit(1)
    return {"there": os.path.isdir("/var/compiled") and os.listdir("/var/compiled"), "by": type(__loader__).__module__}
`;
  test("is what the next plain start of its version runs", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "thaw-names-"));
    const runtimes = await createArtifacts({ dataDir, log: () => {} }).runtimes();
    rmSync(dataDir, { recursive: true });
    const found = runtimes.find(({ name, state }) => name.startsWith("python") && state === "ready");
    await using rig = await openRig({ prepares: true, snapshots: "off" });
    const target = rig.version(source, { runtime: found!.name, handler: "main.handler" }, "main.py");
    assert.equal(((await rig.call(target)).answer as { there: unknown }).there, false);
    await until(() => rig.compiled.storedBytes() > 0);
    assert.deepEqual(await callAnew(rig, target), { there: ["modules-0"], by: "_thaw.compiled" });
  });
});

describe("whether to compile ahead", () => {
  const target = { key: "k", arn: "arn" } as FunctionVersion;
  const plan = { target, compiles: true } as Plan;
  async function compiled(loadMs: number | undefined, of = plan, changes: Partial<CompilingNeeds> = {}) {
    let times = 0;
    const compiling = new Compiling({
      used: true,
      store: { find: () => undefined, keep: async () => undefined, drop: async () => undefined },
      compile: async () => new Map([[`n${++times}`, Buffer.alloc(1)]]),
      formOf: () => "form",
      image: () => ({ state: "refused", why: "" }),
      isCurrent: () => true,
      busy: () => false,
      ready: () => undefined,
      note: () => undefined,
      ...changes,
    });
    for (let n = 0; n < 2; n++) compiling.consider(of, loadMs);
    await wait(150);
    compiling.close();
    return times;
  }

  test("is asked once of a version whose code takes its time to load", async () => assert.equal(await compiled(20), 1));
  test("is denied for code that loads at once", async () => assert.equal(await compiled(2), 0));
  test("is denied where the runtime does not say", async () => assert.equal(await compiled(undefined), 0));
  test("is denied where the runtime cannot", async () =>
    assert.equal(await compiled(20, { ...plan, compiles: false }), 0));
  for (const state of ["waiting", "making", "ready"] as const) {
    test(`is denied while an image is ${state}, whose copies compile nothing`, async () =>
      assert.equal(await compiled(20, plan, { image: () => ({ state, why: "" }) }), 0));
  }
});
