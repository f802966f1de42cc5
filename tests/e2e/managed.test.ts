import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateCapacityProviderCommand,
  CreateFunctionCommand,
  DeleteFunctionCommand,
  GetFunctionConfigurationCommand,
  type LambdaClient,
  PublishVersionCommand,
  PutFunctionScalingConfigCommand,
  type Runtime,
  UpdateFunctionCodeCommand,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { answerOf, type FunctionOptions, invoke, lambdaOf, role, updated, zipOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Functions on a capacity provider, as callers meet them: several events at once in one environment. */
let server: Server;
let client: LambdaClient;
let python: Runtime | undefined;
const arn = "arn:aws:lambda:us-east-1:000000000000:capacity-provider:here";
const Qualifier = "$LATEST.PUBLISHED";

before(async () => {
  server = await startServer({});
  client = lambdaOf(server);
  const info = (await page("/_thaw/info")) as { runtimes: { name: string; state: string }[] };
  const fits = ({ name, state }: { name: string; state: string }) =>
    /^python3\.1[3-9]$/.test(name) && state === "ready";
  python = info.runtimes.find(fits)?.name as Runtime;
  await client.send(
    new CreateCapacityProviderCommand({
      CapacityProviderName: "here",
      VpcConfig: { SubnetIds: ["subnet-1"], SecurityGroupIds: [] },
      PermissionsConfig: { CapacityProviderOperatorRoleArn: role },
    }),
  );
});
after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

async function page(path: string): Promise<unknown> {
  return (await fetch(server.endpoint + path)).json();
}

/** A function with `concurrency` places in each of its `environments` environments. */
async function create(name: string, concurrency: number, environments: number, options: FunctionOptions) {
  const config = { CapacityProviderArn: arn, PerExecutionEnvironmentMaxConcurrency: concurrency };
  const { code, ...settings } = options;
  await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: role,
      Runtime: "nodejs24.x",
      Handler: "index.handler",
      MemorySize: 2048,
      Timeout: 30,
      Code: { ZipFile: await zipOf(code) },
      CapacityProviderConfig: { LambdaManagedInstancesCapacityProviderConfig: config },
      ...settings,
    }),
  );
  // Never "Active": $LATEST is not to be invoked.
  await updated(client, name);
  await publish(name);
  await scale(name, environments, environments);
  await whenReady(name, environments);
}
async function publish(name: string): Promise<void> {
  await client.send(new PublishVersionCommand({ FunctionName: name, PublishTo: "LATEST_PUBLISHED" }));
}
async function scale(name: string, min: number, max: number): Promise<void> {
  const FunctionScalingConfig = { MinExecutionEnvironments: min, MaxExecutionEnvironments: max };
  await client.send(new PutFunctionScalingConfigCommand({ FunctionName: name, Qualifier, FunctionScalingConfig }));
}

interface Row {
  readonly id: string;
  readonly function: string;
  readonly state: string;
  readonly invocations: number;
}
const environmentsOf = async (name: string): Promise<Row[]> =>
  ((await page("/_thaw/environments")) as { environments: Row[] }).environments.filter((row) => row.function === name);
/** Resolves when there are so many environments and they run nothing: a publication begins with three. */
async function whenReady(name: string, count: number): Promise<void> {
  for (;;) {
    const rows = await environmentsOf(name);
    if (rows.length === count && rows.every(({ state }) => state === "idle")) return;
    await new Promise((go) => setTimeout(go, 20));
  }
}

/** Answers when as many events are there as each was told to wait for. */
const meeting = `let here = 0, most = 0, meet = Promise.withResolvers();
exports.handler = async (event, context) => {
  most = Math.max(most, ++here);
  console.log("in", event.n);
  if (here >= event.meet) meet.resolve();
  if (event.meet) await meet.promise;
  here--;
  return { n: event.n, most, id: context.awsRequestId, of: process.env.AWS_LAMBDA_MAX_CONCURRENCY,
    type: process.env.AWS_LAMBDA_INITIALIZATION_TYPE, trace: process.env._X_AMZN_TRACE_ID };
};`;

test("one environment runs several events at once, each with its own context, log and answer", async () => {
  await create("meeting", 8, 1, { code: { "index.js": meeting } });
  const calls = Array.from({ length: 8 }, (_, n) => invoke(client, "meeting", { n, meet: 8 }));
  for (const [n, answer] of (await Promise.all(calls)).entries()) {
    const { payload, version, requestId, log } = answer;
    assert.deepEqual([payload.n, payload.most, payload.id], [n, 8, requestId]);
    assert.deepEqual([payload.of, payload.type, version], ["8", "lambda-managed-instances", Qualifier]);
    const lines = log
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const line of lines) assert.equal(line.requestId ?? line.record.requestId, requestId, log);
    assert.ok(lines.some(({ type }) => type === "platform.start"));
    assert.ok(lines.some(({ type }) => type === "platform.report"));
    assert.deepEqual(lines.find(({ message }) => message?.startsWith("in")).message, `in ${n}`);
  }
  assert.equal((await environmentsOf("meeting")).length, 1);
});

test("an event more than all environments have places for is throttled, and a place that is free again is used", async () => {
  const code = `exports.handler = async (event) => {
  if (event.release) return "released";
  await new Promise((go) => setTimeout(go, 6000));
  return "done";
};`;
  await create("narrow", 3, 1, { code: { "index.js": code } });
  const held = Promise.all(Array.from({ length: 3 }, () => answerOf(client, "narrow")));
  const busy = async () => (await environmentsOf("narrow")).some((row) => row.invocations === 3);
  while (!(await busy()));
  await assert.rejects(invoke(client, "narrow"), {
    name: "TooManyRequestsException",
    Reason: "ConcurrentInvocationLimitExceeded",
  });
  // With one environment more there is a place, and from there nobody can be released.
  await scale("narrow", 1, 2);
  assert.equal(await answerOf(client, "narrow", { release: true }), "released");
  await scale("narrow", 0, 0);
  const state = await client.send(new GetFunctionConfigurationCommand({ FunctionName: "narrow", Qualifier }));
  assert.equal(state.State, "Deactivated");
  await assert.rejects(invoke(client, "narrow"), { name: "ResourceConflictException" });
  assert.deepEqual(await held, ["done", "done", "done"]);
  while ((await environmentsOf("narrow")).length > 0);
});

test("an event that takes too long fails alone, and its place is free when the function has answered", async () => {
  const code = `let open = Promise.withResolvers();
exports.handler = async (event, context) => {
  if (event.hang) { await open.promise; return "late"; }
  if (event.open) open.resolve();
  while (event.until && context.getRemainingTimeInMillis() > event.until) await new Promise((go) => setTimeout(go, 10));
  return process.env.AWS_LAMBDA_LOG_STREAM_NAME;
};`;
  await create("slow", 2, 1, { code: { "index.js": code }, Timeout: 1 });
  const beside = invoke(client, "slow", { until: 400 });
  const late = await invoke(client, "slow", { hang: true });
  assert.equal(late.functionError, "Unhandled");
  assert.match(late.payload.errorMessage, /Task timed out after 1.00 seconds/);
  const stream = (await beside).payload;
  assert.equal(typeof stream, "string");
  // The environment lives on, with one place less as long as the code runs.
  assert.equal((await invoke(client, "slow", { open: true })).payload, stream);
  const both = await Promise.all([invoke(client, "slow", { until: 500 }), invoke(client, "slow", { until: 500 })]);
  assert.deepEqual(
    both.map(({ payload }) => payload),
    [stream, stream],
  );
});

test("a crash ends all events of its environment, and others are made", async () => {
  const code = `exports.handler = async (event) => {
  if (event.crash) process.exit(3);
  await new Promise(() => setTimeout(() => {}, 60_000));
};`;
  await create("crash", 4, 1, { code: { "index.js": code } });
  const held = Promise.all([invoke(client, "crash"), invoke(client, "crash")]);
  const crash = await invoke(client, "crash", { crash: true });
  for (const { payload } of [crash, ...(await held)]) assert.equal(payload.errorType, "Runtime.ExitError");
  await whenReady("crash", 1);
});

test("a publication is Pending until its environments are there, and has failed when its init fails", async () => {
  const make = async (FunctionName: string, init: string) => {
    await client.send(
      new CreateFunctionCommand({
        FunctionName,
        Role: role,
        Runtime: "nodejs24.x",
        Handler: "index.handler",
        MemorySize: 2048,
        Code: { ZipFile: await zipOf({ "index.js": `${init}\nexports.handler = async () => 1;` }) },
        CapacityProviderConfig: { LambdaManagedInstancesCapacityProviderConfig: { CapacityProviderArn: arn } },
      }),
    );
    await updated(client, FunctionName);
    const { State } = await client.send(new PublishVersionCommand({ FunctionName, PublishTo: "LATEST_PUBLISHED" }));
    assert.equal(State, "Pending");
  };
  const patience = { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
  await make("pending", "const until = Date.now() + 300; while (Date.now() < until);");
  await waitUntilFunctionActiveV2(patience, { FunctionName: "pending", Qualifier });
  const rows = await environmentsOf("pending");
  assert.deepEqual(
    rows.map(({ state }) => state),
    ["idle", "idle", "idle"],
  );
  await make("broken", 'throw new Error("not today");');
  await assert.rejects(waitUntilFunctionActiveV2(patience, { FunctionName: "broken", Qualifier }));
  const broken = await client.send(new GetFunctionConfigurationCommand({ FunctionName: "broken", Qualifier }));
  assert.deepEqual([broken.State, broken.StateReasonCode], ["Failed", "FunctionError"]);
  await assert.rejects(invoke(client, "broken"), { name: "ResourceConflictException" });
  await client.send(new DeleteFunctionCommand({ FunctionName: "broken" }));
});

test("the minimum is kept ready, and a new publication takes the place of the old one", async () => {
  await create("kept", 2, 2, { code: { "index.js": "exports.handler = async () => 1;" } });
  assert.equal((await environmentsOf("kept")).length, 2);
  assert.equal(await answerOf(client, "kept"), 1);
  await client.send(
    new UpdateFunctionCodeCommand({
      FunctionName: "kept",
      ZipFile: await zipOf({ "index.js": "exports.handler = async () => 2;" }),
    }),
  );
  await updated(client, "kept");
  assert.equal(await answerOf(client, "kept"), 1);
  await publish("kept");
  assert.equal(await answerOf(client, "kept"), 2);
});

test("Python runs each event in a process of its own, and one that dies takes no other along", async (t) => {
  if (!python) return t.skip("no Python 3.13 or later is ready on this machine");
  const source = `import os, time
def handler(event, context):
    if event.get("die"):
        os._exit(7)
    path = "/tmp/here-%d" % event["n"]
    open(path, "w").close()
    while len([name for name in os.listdir("/tmp") if name.startswith("here-")]) < event["meet"]:
        time.sleep(0.01)
    return {"n": event["n"], "pid": os.getpid(), "id": context.aws_request_id}
`;
  const options = { Runtime: python, Handler: "index.handler", code: { "index.py": source } };
  await create("processes", 3, 1, options);
  const answers = await Promise.all([0, 1, 2].map((n) => invoke(client, "processes", { n, meet: 3 })));
  for (const [n, { payload, requestId }] of answers.entries())
    assert.deepEqual([payload.n, payload.id], [n, requestId]);
  assert.equal(new Set(answers.map(({ payload }) => payload.pid)).size, 3);
  const beside = invoke(client, "processes", { n: 3, meet: 5 });
  assert.equal((await invoke(client, "processes", { die: true })).payload.errorType, "Runtime.ExitError");
  assert.equal((await answerOf(client, "processes", { n: 4, meet: 5 })).n, 4);
  assert.equal((await beside).payload.n, 3);
  assert.equal((await environmentsOf("processes")).length, 1);
});

test("a runtime of the Runtime API has several events when it asks for several", async () => {
  // As many pollers as it may have, and none answers before all have an event.
  const bootstrap = `#!/usr/bin/env node
const http = require("node:http");
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const ask = (method, path, body, headers) => new Promise((done, fail) => {
  const request = http.request({ host, port, agent, method, path: "/2018-06-01/runtime/" + path, headers }, (answer) => {
    let text = "";
    answer.on("data", (part) => { text += part; }).on("end", () => done({ text, headers: answer.headers, status: answer.statusCode }));
  });
  request.on("error", fail);
  request.end(body);
});
let met = Promise.withResolvers(), here = 0;
async function poll() {
  for (;;) {
    const { text, headers } = await ask("GET", "invocation/next");
    const id = headers["lambda-runtime-aws-request-id"];
    const event = JSON.parse(text);
    if (++here === event.meet) met.resolve();
    if (event.meet) await met.promise;
    if (event.fail) await ask("POST", "invocation/" + id + "/error", JSON.stringify({ errorType: "Own", errorMessage: "no" }));
    else await ask("POST", "invocation/" + id + "/response", JSON.stringify({ n: event.n, id }));
    const { status } = await ask("POST", "invocation/" + id + "/response", "1");
    if (status === 202) process.exit(1);
  }
}
for (let n = 0; n < Number(process.env.AWS_LAMBDA_MAX_CONCURRENCY); n++) poll();
`;
  const options = { Runtime: "nodejs24.x" as const, code: { "index.js": bootstrap, wrap: wrapperOf() } };
  await create("pollers", 4, 1, {
    ...options,
    Environment: { Variables: { AWS_LAMBDA_EXEC_WRAPPER: "/var/task/wrap" } },
  });
  const answers = await Promise.all([0, 1, 2, 3].map((n) => invoke(client, "pollers", { n, meet: 4, fail: n === 3 })));
  for (const [n, { payload, requestId, functionError }] of answers.entries()) {
    if (n === 3) assert.deepEqual([functionError, payload.errorType], ["Unhandled", "Own"]);
    else assert.deepEqual(payload, { n, id: requestId });
  }
  for (let n = 0; n < 5; n++) assert.equal((await answerOf(client, "pollers", { n })).n, n);
  assert.equal((await environmentsOf("pollers")).length, 1);
});

/** Runs the function's own runtime interface in place of ours, on the same interpreter. */
function wrapperOf(): string {
  return '#!/bin/sh\nexec "$1" /var/task/index.js\n';
}
