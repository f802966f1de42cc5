import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import {
  DeleteFunctionCommand,
  type LambdaClient,
  PublishLayerVersionCommand,
  type Runtime,
} from "@aws-sdk/client-lambda";
import { createFunction, type FunctionOptions, lambdaOf, zipOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Functions that nobody has seen, on runtimes that were booted before them: a whole platform, every managed runtime. */
let server: Server;
let client: LambdaClient;
const dataDir = mkdtempSync(join(tmpdir(), "thaw-pool-"));

interface Info {
  readonly runtimes: readonly { readonly name: string; readonly state: string }[];
  readonly snapshots: { readonly usable: boolean; readonly reason: string; readonly storedBytes: number };
}
const info = async () => (await (await fetch(`${server.endpoint}/_thaw/info`)).json()) as Info;

async function begin(): Promise<void> {
  server = await startServer({ dataDir });
  client = lambdaOf(server);
}
async function end(): Promise<void> {
  client?.destroy();
  await server?.[Symbol.asyncDispose]();
}
before(begin);
after(async () => {
  await end();
  rmSync(dataDir, { recursive: true, force: true });
});

async function skipped(t: TestContext): Promise<boolean> {
  const { usable, reason } = (await info()).snapshots;
  if (!usable) t.skip(`no images here: ${reason}`);
  return !usable;
}

/** The first call of a function that is created for it and deleted after. */
async function firstCall(name: string, options: FunctionOptions): Promise<{ start: string; answer: unknown }> {
  await createFunction(client, name, options);
  const url = `${server.endpoint}/2015-03-31/functions/${name}/invocations`;
  const answered = await fetch(url, { method: "POST", body: "{}", headers: { "X-Thaw-Timing": "1" } });
  const answer: unknown = await answered.json();
  assert.equal(answered.headers.get("x-amz-function-error"), null, JSON.stringify(answer));
  await client.send(new DeleteFunctionCommand({ FunctionName: name }));
  return { start: JSON.parse(answered.headers.get("x-thaw-timing")!).start, answer };
}

/** Calls new functions until one is served by a booted runtime. */
async function pooled(name: string, options: FunctionOptions): Promise<unknown> {
  const deadline = Date.now() + 30_000;
  for (let n = 0; ; n++) {
    const { start, answer } = await firstCall(`${name}-${n}`, options);
    if (start === "pool") return answer;
    if (Date.now() > deadline) throw new Error(`${name} was never served by a booted runtime`);
  }
}

async function bootedAhead(): Promise<void> {
  const deadline = Date.now() + 30_000;
  while ((await info()).snapshots.storedBytes === 0) {
    if (Date.now() > deadline) throw new Error("no runtime was booted ahead");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const one = { code: { "index.js": "exports.handler = async () => 1;" } };

test("a function's runtime is booted when the function is created, and is still there after a restart", async (t) => {
  if (await skipped(t)) return;
  await createFunction(client, "stays", one);
  await bootedAhead();
  assert.equal((await firstCall("first", one)).start, "pool");
  await end();
  await begin();
  assert.notEqual((await info()).snapshots.storedBytes, 0);
  assert.equal((await firstCall("after", one)).start, "pool");
});

test("when no function of a runtime is left, it stays booted for the next one", async (t) => {
  if (await skipped(t)) return;
  await client.send(new DeleteFunctionCommand({ FunctionName: "stays" }));
  assert.equal((await firstCall("again", one)).start, "pool");
  await end();
  await begin();
  assert.equal((await firstCall("new", one)).start, "pool");
});

/** What a function can tell of the world that it finds, and a file of a layer that it imports. */
const worlds = {
  nodejs: {
    code: {
      "index.js": `const layered = require("layered");
        const seen = () => ({ env: process.env, argv: process.argv, cwd: process.cwd(), layered, pid: typeof process.pid,
          zone: new Date(0).getTimezoneOffset(), paths: require("module").globalPaths,
          tmp: require("fs").readdirSync("/tmp"), task: require("fs").readdirSync("/var/task") });
        const atInit = seen();
        exports.handler = async (event, context) => ({ atInit, now: seen(), name: context.functionName, memory: context.memoryLimitInMB });`,
    },
    layer: { "nodejs/node_modules/layered/index.js": "module.exports = __filename;" },
    handler: "index.handler",
  },
  python: {
    code: {
      "index.py": `import os, sys, time, layered
def seen():
    return {"env": dict(os.environ), "argv": sys.argv, "cwd": os.getcwd(), "layered": layered.__file__, "path": sys.path,
            "zone": time.timezone, "tmp": os.listdir("/tmp"), "task": sorted(os.listdir("/var/task"))}
at_init = seen()
def handler(event, context):
    return {"atInit": at_init, "now": seen(), "name": context.function_name, "memory": context.memory_limit_in_mb}`,
    },
    layer: { "python/layered.py": "" },
    handler: "index.handler",
  },
  ruby: {
    code: {
      "index.rb": `require "layered"
def seen
  { env: ENV.to_h, argv: ARGV, cwd: Dir.pwd, layered: LAYERED, zone: Time.at(0).utc_offset,
    tmp: Dir.children("/tmp"), task: Dir.children("/var/task") }
end
AT_INIT = seen
def handler(event:, context:)
  { atInit: AT_INIT, now: seen, name: context.function_name, memory: context.memory_limit_in_mb }
end`,
    },
    layer: { "ruby/lib/layered.rb": "LAYERED = __FILE__" },
    handler: "index.handler",
  },
} as const;

/** Without what differs between any two environments of any two functions. */
function comparable(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer, (name, value) =>
      /^(AWS_LAMBDA_LOG_STREAM_NAME|AWS_LAMBDA_FUNCTION_NAME|AWS_LAMBDA_LOG_GROUP_NAME|THAW_SNAPSHOT|name|_X_AMZN_TRACE_ID)$/.test(
        name,
      )
        ? undefined
        : value,
    ),
  );
}

test("a function on a booted runtime finds the world that it finds after a plain start", async (t) => {
  if (await skipped(t)) return;
  const ready = (await info()).runtimes.filter(({ state }) => state === "ready").map(({ name }) => name as Runtime);
  for (const [language, { code, layer, handler }] of Object.entries(worlds)) {
    const content = { ZipFile: await zipOf(layer) };
    const { LayerVersionArn } = await client.send(
      new PublishLayerVersionCommand({ LayerName: language, Content: content }),
    );
    for (const Runtime of ready.filter((name) => name.startsWith(language))) {
      await t.test(Runtime, async () => {
        const Variables = { TZ: "Asia/Tokyo", OWN: "wärme", PATH: "/opt/bin:/usr/bin:/bin" };
        const options = { code, Runtime, Handler: handler, Layers: [LayerVersionArn!], MemorySize: 512 };
        const name = `world-${Runtime.replace(".", "-")}`;
        // Nothing is booted for a runtime that no function has.
        await createFunction(client, `${name}-stays`, options);
        const off = { ...Variables, THAW_SNAPSHOT: "off" };
        const plain = await firstCall(`${name}-plain`, { ...options, Environment: { Variables: off } });
        assert.equal(plain.start, "plain");
        const answer = await pooled(name, { ...options, Environment: { Variables } });
        assert.deepEqual(comparable(answer), comparable(plain.answer));
      });
    }
  }
});
