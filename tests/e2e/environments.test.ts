import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as passed } from "node:timers/promises";
import {
  DeleteFunctionCommand,
  GetFunctionConfigurationCommand,
  type LambdaClient,
  type Runtime,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { build } from "../fixtures/build.ts";
import { answerOf, createFunction, invoke, lambdaOf, updated, wasCold, zipOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** The life of execution environments as functions and their callers notice it. */
let server: Server;
let client: LambdaClient;
let python: Runtime | undefined;

before(async () => {
  // Plain starts, whose phases these tests know.
  server = await startServer({ env: { THAW_SNAPSHOTS: "off" } });
  client = lambdaOf(server);
  const info = (await page("/_thaw/info")) as { runtimes: { name: string; state: string }[] };
  python = info.runtimes.find(({ name, state }) => name.startsWith("python") && state === "ready")?.name as Runtime;
});
after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

async function page(path: string): Promise<unknown> {
  return (await fetch(server.endpoint + path)).json();
}

interface Row {
  readonly id: string;
  readonly function: string;
  readonly state: string;
  readonly invocations: number;
}

async function environmentsOf(name: string): Promise<Row[]> {
  const { environments } = (await page("/_thaw/environments")) as { environments: Row[] };
  return environments.filter((each) => each.function === name);
}

/** Asks again until it is so; says what was there instead when it never is. */
async function until<T>(look: () => Promise<T>, is: (seen: T) => boolean): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const seen = await look();
    if (is(seen)) return seen;
    if (Date.now() > deadline) throw new Error(`still so after 10 s: ${JSON.stringify(seen)}`);
    await passed(10);
  }
}

/** Says who it is and how often it was asked; waits as long as it is told. */
const clerk = (word = "one") => ({
  "index.js": `
    let asked = 0;
    exports.handler = async ({ ms = 0 }) => {
      asked++;
      if (ms) await new Promise((go) => setTimeout(go, ms));
      return { word: "${word}", asked, stream: process.env.AWS_LAMBDA_LOG_STREAM_NAME, set: process.env.SET };
    };`,
});

test("one caller after another meets the same environment", async () => {
  await createFunction(client, "reused", { code: clerk() });
  const answers = [];
  for (let n = 0; n < 20; n++) answers.push(await answerOf(client, "reused"));
  assert.deepEqual(
    answers.map(({ asked }) => asked),
    Array.from({ length: 20 }, (_, n) => n + 1),
  );
  const [only, ...more] = await environmentsOf("reused");
  assert.deepEqual([only?.invocations, more.length], [20, 0]);
  assert.ok(answers[0].stream.endsWith(`]${only?.id}`));
});

test("callers at the same time get an environment each, and find them again", async () => {
  await createFunction(client, "wide", { code: clerk() });
  const crowd = () => Promise.all(Array.from({ length: 6 }, () => invoke(client, "wide", { ms: 400 })));
  const first = await crowd();
  assert.equal(new Set(first.map(({ payload }) => payload.stream)).size, 6);
  assert.ok(first.every(({ log, payload }) => wasCold(log) && payload.asked === 1));
  const second = await crowd();
  assert.ok(second.every(({ log, payload }) => !wasCold(log) && payload.asked === 2));
  assert.equal((await environmentsOf("wide")).length, 6);
});

test("an update drains: what runs ends with the old code, what comes has the new, nothing old is left", async () => {
  await createFunction(client, "changing", { code: clerk("old") });
  const running = answerOf(client, "changing", { ms: 1500 });
  const [busy] = await until(
    () => environmentsOf("changing"),
    (rows) => rows.some(({ state }) => state === "busy"),
  );
  await client.send(new UpdateFunctionCodeCommand({ FunctionName: "changing", ZipFile: await zipOf(clerk("new")) }));
  await updated(client, "changing");
  const next = await answerOf(client, "changing");
  assert.deepEqual([next.word, next.asked], ["new", 1]);
  const both = await environmentsOf("changing");
  assert.deepEqual(both.find(({ id }) => id === busy!.id)?.state, "busy");
  assert.equal((await running).word, "old");
  const left = await until(
    () => environmentsOf("changing"),
    (rows) => !rows.some(({ id }) => id === busy!.id),
  );
  assert.equal(left.length, 1);

  // An idle environment ends with the update itself.
  const Environment = { Variables: { SET: "yes" } };
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: "changing", Environment }));
  await updated(client, "changing");
  const changed = await answerOf(client, "changing");
  assert.deepEqual([changed.set, changed.asked], ["yes", 1]);
  await until(
    () => environmentsOf("changing"),
    (rows) => rows.length === 1 && rows[0]!.id !== left[0]!.id,
  );
});

test("a deletion drains: what runs gets its answer, nobody else does, nothing is left", async () => {
  await createFunction(client, "ending", { code: clerk() });
  const running = answerOf(client, "ending", { ms: 700 });
  await until(
    () => environmentsOf("ending"),
    (rows) => rows.some(({ state }) => state === "busy"),
  );
  await client.send(new DeleteFunctionCommand({ FunctionName: "ending" }));
  await assert.rejects(invoke(client, "ending"), { name: "ResourceNotFoundException" });
  assert.equal((await running).word, "one");
  await until(
    () => environmentsOf("ending"),
    (rows) => rows.length === 0,
  );
});

test("an update that comes while an environment starts: whoever waited is served, the next caller has the new code", async () => {
  const slow = (word: string) => ({
    "index.mjs": `
      await new Promise((go) => setTimeout(go, 800));
      export const handler = async () => "${word}";`,
  });
  await createFunction(client, "starting", { code: slow("old") });
  const first = answerOf(client, "starting");
  await until(
    () => environmentsOf("starting"),
    (rows) => rows.some(({ state }) => state === "initializing"),
  );
  await client.send(new UpdateFunctionCodeCommand({ FunctionName: "starting", ZipFile: await zipOf(slow("new")) }));
  await updated(client, "starting");
  const second = answerOf(client, "starting");
  assert.deepEqual([await first, await second], ["old", "new"]);
  await until(
    () => environmentsOf("starting"),
    (rows) => rows.length === 1,
  );
});

test("under steady load every update is clean: no call fails, none is answered by older code than was there when it began", async () => {
  const code = { "index.js": "exports.handler = async () => Number(process.env.COUNT);" };
  const set = (n: number) => ({ Environment: { Variables: { COUNT: String(n) } } });
  await createFunction(client, "loaded", { code, ...set(0) });
  let acknowledged = 0;
  let done = false;
  let calls = 0;
  const caller = async () => {
    while (!done) {
      const oldest = acknowledged;
      const answer = await answerOf(client, "loaded");
      assert.ok(answer >= oldest, `answered ${answer} though ${oldest} was acknowledged`);
      calls++;
    }
  };
  const callers = Promise.all([caller(), caller(), caller()]);
  for (let n = 1; n <= 8; n++) {
    await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: "loaded", ...set(n) }));
    await until(
      () => client.send(new GetFunctionConfigurationCommand({ FunctionName: "loaded" })),
      ({ LastUpdateStatus }) => LastUpdateStatus === "Successful",
    );
    acknowledged = n;
    // Let it take calls before the next one.
    const soFar = calls;
    await until(
      async () => calls,
      (now) => now > soFar + 10,
    );
  }
  done = true;
  await callers;
  assert.equal(await answerOf(client, "loaded"), 8);
  const rows = await until(
    () => environmentsOf("loaded"),
    (each) => each.length <= 4,
  );
  assert.ok(rows.length >= 1);
});

/** Leaves a process and a thread that count as fast as they can, and tells how far they came. */
const restless = {
  "index.js": `
    const { spawn } = require("node:child_process");
    const { readFileSync } = require("node:fs");
    const { Worker } = require("node:worker_threads");
    const counter = new Int32Array(new SharedArrayBuffer(4));
    new Worker("const c = require('node:worker_threads').workerData; setInterval(() => Atomics.add(c, 0, 1), 1)",
      { eval: true, workerData: counter });
    const child = spawn("/bin/sh", ["-c", "while :; do :; done"]);
    const seen = () => {
      const fields = readFileSync("/proc/" + child.pid + "/stat", "utf8").split(") ")[1].split(" ");
      return { ticks: Atomics.load(counter, 0), cpuMs: 10 * (Number(fields[11]) + Number(fields[12])), at: Date.now() };
    };
    exports.handler = async ({ ms }) => {
      const came = seen();
      await new Promise((go) => setTimeout(go, ms));
      return { came, went: seen() };
    };`,
};

test("between calls nothing of a function runs: no thread counts, no process burns CPU", async () => {
  await createFunction(client, "restless", { code: restless, MemorySize: 1769 });
  const first = await answerOf(client, "restless", { ms: 500 });
  // While it is called they do run.
  assert.ok(first.went.ticks - first.came.ticks > 20, JSON.stringify(first));
  assert.ok(first.went.cpuMs - first.came.cpuMs > 20, JSON.stringify(first));
  await until(
    () => environmentsOf("restless"),
    ([only]) => only?.state === "frozen",
  );
  await passed(1000);
  const second = await answerOf(client, "restless", { ms: 0 });
  const away = second.came.at - first.went.at;
  assert.ok(away >= 1000, String(away));
  // The moments before the freezing and after the thawing are all they had: a quarter of the time is generous.
  assert.ok(second.came.cpuMs - first.went.cpuMs < away / 4, `${JSON.stringify([first, second])}`);
  assert.ok(second.came.ticks - first.went.ticks < away / 4, `${JSON.stringify([first, second])}`);
});

interface Timing {
  readonly start: string;
  readonly total: number;
  readonly unexplained: number;
  readonly [phase: string]: number | string;
}

/** One invocation with its timing, and what the caller's own watch said (milliseconds). */
async function timed(name: string): Promise<{ timing: Timing; watch: number }> {
  const began = performance.now();
  const address = `${server.endpoint}/2015-03-31/functions/${name}/invocations`;
  const answer = await fetch(address, { method: "POST", headers: { "x-thaw-timing": "1" }, body: "{}" });
  await answer.arrayBuffer();
  const watch = performance.now() - began;
  assert.equal(answer.status, 200);
  return { timing: JSON.parse(answer.headers.get("x-thaw-timing")!), watch };
}

function assertAddsUp({ timing, watch }: { timing: Timing; watch: number }, start: string): void {
  const shown = JSON.stringify(timing);
  assert.equal(timing.start, start, shown);
  const { start: _start, total, ...phases } = timing;
  const sum = Object.values(phases as Record<string, number>).reduce((one, other) => one + other, 0);
  assert.ok(Math.abs(sum - total) < 0.01, shown);
  for (const [phase, value] of Object.entries(phases)) {
    assert.ok(Number(value) >= (phase === "unexplained" ? -0.01 : 0), `${phase}: ${shown}`);
  }
  assert.ok(total <= watch, `${shown} in ${watch} ms`);
}

/** The next call is a cold one. */
async function renew(name: string, round: number): Promise<void> {
  const Environment = { Variables: { ROUND: String(round) } };
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: name, Environment }));
  await updated(client, name);
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

const kinds = { node: "hello-node", python: "hello-python", shell: "hello-shell", rust: "hello-rust" } as const;

for (const [kind, fixture] of Object.entries(kinds)) {
  test(`the phases of cold and warm calls add up (${kind})`, async (t) => {
    const built = await build(fixture).catch((error: Error) => error);
    if (built instanceof Error) return t.skip(built.message);
    const Runtime = (built.runtime === "python3" ? python : built.runtime) as Runtime | undefined;
    if (!Runtime) return t.skip("this machine has no Python");
    const options = { code: built.dir, Runtime, Handler: built.handler, MemorySize: 1769 };
    await createFunction(client, `timed-${kind}`, options);
    const shares: { plain: number[]; warm: number[] } = { plain: [], warm: [] };
    for (let round = 0; round < 5; round++) {
      const cold = await timed(`timed-${kind}`);
      assertAddsUp(cold, "plain");
      for (const phase of ["admit", "sandbox", "agent", "runtimeBoot", "handler", "response"]) {
        assert.ok(Number(cold.timing[phase]) > 0, `${phase}: ${JSON.stringify(cold.timing)}`);
      }
      // Only our own bootstraps say when they begin to load the function's code.
      if (built.runtime !== "provided.al2023") assert.ok(Number(cold.timing.codeInit) > 0);
      const warm = await timed(`timed-${kind}`);
      assertAddsUp(warm, "warm");
      for (const phase of ["sandbox", "agent", "runtimeBoot", "codeInit"]) assert.equal(warm.timing[phase], 0, phase);
      shares.plain.push(cold.timing.unexplained / cold.timing.total);
      shares.warm.push(warm.timing.unexplained / warm.timing.total);
      await renew(`timed-${kind}`, round);
    }
    // One call may meet a busy machine; what is usual may not.
    for (const [start, each] of Object.entries(shares)) assert.ok(median(each) <= 0.05, `${start}: ${each}`);
  });
}

test("the REPORT line has Lambda's fields: a cold one its init, a warm one not, billed by the whole millisecond", async () => {
  await createFunction(client, "reported", { code: clerk(), MemorySize: 192 });
  const fields = (log: string) => {
    const line = log.split("\n").find((each) => each.startsWith("REPORT "))!;
    return Object.fromEntries(
      line
        .trim()
        .split("\t")
        .map((field) => field.split(": ") as [string, string]),
    );
  };
  const cold = fields((await invoke(client, "reported", { ms: 20 })).log);
  const warm = fields((await invoke(client, "reported", { ms: 20 })).log);
  const names = ["REPORT RequestId", "Duration", "Billed Duration", "Memory Size", "Max Memory Used"];
  assert.deepEqual(Object.keys(cold), [...names, "Init Duration"]);
  assert.deepEqual(Object.keys(warm), names);
  for (const line of [cold, warm]) {
    assert.equal(line["Memory Size"], "192 MB");
    assert.match(line.Duration!, /^\d+\.\d\d ms$/);
    assert.ok(Number.parseFloat(line.Duration!) >= 19, line.Duration);
    assert.match(line["Max Memory Used"]!, /^[1-9]\d* MB$/);
  }
  assert.equal(warm["Billed Duration"], `${Math.ceil(Number.parseFloat(warm.Duration!))} ms`);
});
