import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync, truncateSync } from "node:fs";
import { after, test } from "node:test";
import type { FunctionVersion } from "../model/index.ts";
import { openRig, settled } from "./testing.ts";

/** Copies of initialised processes, on real sandboxes. */
const rig = await openRig();
after(() => rig[Symbol.asyncDispose]());
const { usable, reason } = rig.driver.snapshots;
const here = { skip: !usable && `no images here: ${reason}` };

const teller = `
  const loaded = Date.now();
  let asked = 0;
  exports.handler = async ({ ms = 0, read }) => {
    if (ms) await new Promise((go) => setTimeout(go, ms));
    return { asked: ++asked, loaded, random: Math.random(), stream: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
      template: process.env._THAW_TEMPLATE, hooks: globalThis.hooks };
  };`;
interface Told {
  readonly asked: number;
  readonly loaded: number;
  readonly random: number;
  readonly stream: string;
  readonly template?: string;
  readonly hooks?: string[];
}

const versionOf = (target: FunctionVersion) =>
  rig.environments.versions().find((each) => each.function === target.name)!;

/** Calls it once, so that it starts plainly, and waits for what comes of its image. */
async function begun(target: FunctionVersion) {
  await rig.call(target);
  return imageOf(target);
}

async function imageOf(target: FunctionVersion) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const { image } = versionOf(target);
    if (image.state === "ready" || image.state === "refused") return image;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(image)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** So many at once that all but those which are idle are started for it. */
async function crowd(target: FunctionVersion, size: number) {
  const calls = await Promise.all(Array.from({ length: size }, () => rig.call(target, { ms: 400 })));
  return calls.map(({ start, answer }) => ({ start, ...(answer as Told) }));
}

test(
  "after the first plain start others are copies of the initialised process, each with its own name and numbers",
  here,
  async () => {
    const target = rig.version(teller, { name: "copied" });
    const { state, why } = await begun(target);
    assert.deepEqual([state, why], ["ready", ""]);
    const told = await crowd(target, 6);
    const copies = told.filter(({ start }) => start === "restore");
    assert.equal(copies.length, 5, JSON.stringify(told.map(({ start }) => start)));
    // None has served before, all were initialised at the same moment.
    assert.deepEqual(new Set(copies.map(({ asked }) => asked)), new Set([1]));
    assert.equal(new Set(copies.map(({ loaded }) => loaded)).size, 1);
    assert.equal(new Set(told.map(({ random }) => random)).size, told.length);
    assert.equal(new Set(told.map(({ stream }) => stream)).size, told.length);
    assert.ok(told.every(({ template }) => template === undefined));
    assert.equal(versionOf(target).rungs.restore?.failures ?? 0, 0);
    assert.ok(rig.lines.some((line) => line.startsWith("RESTORE_REPORT Restore Duration: ")));
  },
);

test("hooks run before the image is made and in every copy, and SnapStart makes it at publication", here, async () => {
  const hooked = `globalThis.hooks = [];
    awslambda.snapshot.beforeSnapshot(() => hooks.push("before"));
    awslambda.snapshot.afterRestore(async () => hooks.push("after"));${teller}`;
  const target = rig.version(hooked, { name: "hooked", snapStart: true });
  assert.deepEqual(await rig.environments.snapshot(target), { ok: true });
  const { start, answer } = await rig.call(target);
  assert.equal(start, "restore");
  assert.deepEqual((answer as Told).hooks, ["before", "after"]);
});

test("a hook that throws fails the publication, or the call, with the function's own error", here, async () => {
  const before = rig.version(`awslambda.snapshot.beforeSnapshot(() => { throw new RangeError("no"); });${teller}`, {
    name: "before",
    snapStart: true,
  });
  const result = await rig.environments.snapshot(before);
  assert.deepEqual(result, { ok: false, errorType: "Runtime.BeforeSnapshotError", message: "no" });
  const afterwards = rig.version(`awslambda.snapshot.afterRestore(() => { throw new TypeError("no"); });${teller}`, {
    name: "afterwards",
    snapStart: true,
  });
  assert.deepEqual(await rig.environments.snapshot(afterwards), { ok: true });
  await assert.rejects(rig.call(afterwards), { name: "SnapStartException" });
});

test("what cannot be copied, or must not be, starts plainly, and the reason is shown", here, async () => {
  const refused = {
    random: [`require("node:crypto").randomBytes(8);`, /random/],
    child: [`require("node:child_process").spawn("/bin/sleep", ["60"]);`, /process/],
    listening: [`require("node:net").createServer().listen(7777);`, /./],
  } as const;
  for (const [name, [source, why]] of Object.entries(refused)) {
    const target = rig.version(source + teller, { name });
    const image = await begun(target);
    assert.equal(image.state, "refused", `${name}: ${JSON.stringify(image)}`);
    assert.match(image.why, why);
    const [one, other] = await crowd(target, 2);
    assert.ok(one!.start !== "restore" && other!.start !== "restore");
  }
});

test(
  "a broken image falls to a plain start within the same call, is counted, and is dropped after three failures",
  here,
  async () => {
    const target = rig.version(teller, { name: "broken" });
    await begun(target);
    const directory = rig.imagesDirectory;
    for (const name of readdirSync(directory).filter((each) => each.endsWith(".image"))) {
      const path = `${directory}/${name}`;
      truncateSync(path, Math.floor(statSync(path).size / 2 / 4096) * 4096);
    }
    const told = await crowd(target, 4);
    assert.equal(told.filter(({ start }) => start === "plain").length, 3, JSON.stringify(told));
    const { rungs, image } = versionOf(target);
    assert.equal(rungs.restore?.failures, 3);
    assert.ok(rungs.restore?.lastFailure);
    assert.match(image.why, /dropped/);
    assert.equal((await crowd(target, 2)).length, 2);
  },
);

test(
  "a copy that crashes at its first event fails that event, once, and three in a row drop the image",
  here,
  async () => {
    const source = `let runs = 0;
    exports.handler = async ({ crash }) => {
      console.log("run of the crashing", ++runs);
      if (crash) process.kill(process.pid, "SIGSEGV");
      await new Promise((done) => setTimeout(done, crash ? 1000 : 0));
    };`;
    const target = rig.version(source, { name: "crashing" });
    await begun(target);
    const crash = () => rig.call(target, { crash: true });
    // The environment that has served an event says nothing about the image.
    assert.equal((await crash()).start, "warm");
    assert.equal(versionOf(target).rungs.restore?.failures ?? 0, 0);
    for (const failures of [1, 2, 3]) {
      assert.equal(versionOf(target).image.state, "ready");
      const { start, answer } = await crash();
      assert.equal(start, "restore");
      assert.equal((answer as { errorType: string }).errorType, "Runtime.ExitError");
      assert.match((answer as { errorMessage: string }).errorMessage, /segmentation fault/);
      assert.equal(versionOf(target).rungs.restore?.failures, failures);
    }
    assert.equal(rig.lines.filter((line) => line.includes("run of the crashing")).length, 5);
    const { image, rungs } = versionOf(target);
    assert.match(image.why, /^the image was dropped: its first event ended in SIGSEGV/);
    assert.match(rungs.restore!.lastFailure!, /SIGSEGV/);
    assert.notEqual((await rig.call(target)).start, "restore");
  },
);

test("the event of a copy has all its time, however long its hooks take, and is logged behind them", here, async () => {
  const source = `awslambda.snapshot.afterRestore(() => new Promise((done) => setTimeout(done, 700)));
    exports.handler = async (_event, context) => context.getRemainingTimeInMillis();`;
  const target = rig.version(source, { name: "slow-hooks", snapStart: true, timeoutSeconds: 1 });
  assert.deepEqual(await rig.environments.snapshot(target), { ok: true });
  const { start, answer } = await rig.call(target);
  assert.equal(start, "restore");
  assert.ok((answer as number) > 600 && (answer as number) <= 1000, `${answer} ms left of 1,000`);
  await settled();
  const lines = rig.lines.slice(rig.lines.findLastIndex((line) => line.startsWith("RESTORE_START")));
  assert.deepEqual(
    lines.map((line) => line.split(" ")[0]),
    ["RESTORE_START", "RESTORE_REPORT", "START", "END", "REPORT"],
  );
  const [, duration, restore] = /Duration: ([\d.]+) ms.*\tRestore Duration: ([\d.]+) ms/
    .exec(lines.at(-1)!)!
    .map(Number);
  assert.ok(duration! < 400 && restore! >= 700, lines.at(-1));
});

test("the event of a copy that ends before it is ready is run by another environment, once", here, async () => {
  const source = `awslambda.snapshot.afterRestore(() => process.kill(process.pid, "SIGSEGV"));
    exports.handler = async () => { console.log("run of the stillborn"); return 1; };`;
  const target = rig.version(source, { name: "stillborn", snapStart: true });
  assert.deepEqual(await rig.environments.snapshot(target), { ok: true });
  const { start, answer } = await rig.call(target);
  assert.notEqual(start, "restore");
  assert.equal(answer, 1);
  assert.equal(versionOf(target).rungs.restore?.failures, 1);
  assert.equal(rig.lines.filter((line) => line.includes("run of the stillborn")).length, 1);
});

test("the event of a copy that spoke out of turn may have been run: it fails, and no other runs it", here, async () => {
  // an answer to the first event, by a process that has not said that it is ready
  const frame = "Buffer.from([2, 0, 0, 0, 0x84, 1, 0, 0, 1, 0, 0, 0, 0x7b, 0x7d])";
  const source = `awslambda.snapshot.afterRestore(async () => {
      require("node:fs").writeSync(3, ${frame});
      await new Promise((done) => setTimeout(done, 5000));
    });
    exports.handler = async () => 1;`;
  const target = rig.version(source, { name: "forward", snapStart: true });
  assert.deepEqual(await rig.environments.snapshot(target), { ok: true });
  const { answer } = await rig.call(target);
  assert.equal((answer as { errorType: string }).errorType, "Runtime.ExitError");
  assert.equal(versionOf(target).rungs.plain?.starts ?? 0, 0);
});

test("provisioned concurrency is filled with copies too, which know what they are kept for", here, async () => {
  const source = "exports.handler = async () => process.env.AWS_LAMBDA_INITIALIZATION_TYPE;";
  const target = rig.version(source, { name: "provisioned" });
  await begun(target);
  rig.environments.provision(target, 2);
  const deadline = Date.now() + 10_000;
  while (rig.environments.provisioned(target).available < 2 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const kept = rig.environments
    .list()
    .filter(({ function: name, provisioned }) => name === "provisioned" && provisioned);
  assert.deepEqual(
    kept.map(({ start }) => start),
    ["restore", "restore"],
  );
  assert.equal((await rig.call(target)).answer, "provisioned-concurrency");
  rig.environments.provision(target, 0);
});

test("a template is no environment of anybody's, and nothing is left of it", here, async () => {
  const target = rig.version(teller, { name: "template" });
  assert.deepEqual(await rig.environments.snapshot({ ...target }), { ok: true });
  assert.deepEqual(
    rig.environments.list().filter(({ function: name }) => name === "template"),
    [],
  );
  assert.equal(
    readdirSync(rig.imagesDirectory).some((name) => name.endsWith(".draft")),
    false,
  );
});

const python = "/usr/bin/python3";
test("the restore of a runtime over HTTP is billed from the making of its process to its next event", {
  skip: here.skip || (!existsSync(python) && `no ${python}`),
}, async () => {
  const bootstrap = `#!${python}
import http.client, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    event = api.getresponse()
    name = event.getheader("Lambda-Runtime-Aws-Request-Id")
    event.read()
    api.request("POST", f"/2018-06-01/runtime/invocation/{name}/response", b"1")
    api.getresponse().read()
`;
  const own = { name: "http", runtime: "provided.al2023", environment: { THAW_SNAPSHOT: "on" }, snapStart: true };
  const target = rig.version(bootstrap, own, "bootstrap");
  assert.deepEqual(await rig.environments.snapshot(target), { ok: true });
  const { start, answer } = await rig.call(target);
  assert.deepEqual([start, answer], ["restore", 1]);
  await settled();
  const report = rig.lines.findLast((line) => line.startsWith("REPORT"))!;
  const restore = Number(/\tRestore Duration: ([\d.]+) ms/.exec(report)?.[1]);
  const billed = Number(/\tBilled Restore Duration: ([\d.]+) ms/.exec(report)?.[1]);
  assert.ok(billed >= 1 && billed <= Math.ceil(restore), report);
});
