import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { after, before, test } from "node:test";
import { type LambdaClient, PublishLayerVersionCommand, type Runtime } from "@aws-sdk/client-lambda";
import { awsSdk3, boto3 } from "./clients.ts";
import { answerOf, createFunction, invoke, lambdaOf, zipOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** What a function sees: its environment, its context, the way to the platform, and no other way. */
let server: Server;
let client: LambdaClient;
let python: Runtime | undefined;

before(async () => {
  server = await startServer();
  client = lambdaOf(server);
  const info = (await (await fetch(`${server.endpoint}/_thaw/info`)).json()) as {
    runtimes: { name: string; state: string }[];
  };
  const found = info.runtimes.find(({ name, state }) => name.startsWith("python") && state === "ready");
  python = found?.name as Runtime | undefined;
});
after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

/**
 * Variables of every managed runtime (Lambda Developer Guide, "Defined runtime environment variables"), and what each is.
 * Those that differ from one runtime to the next are only looked for.
 */
function assertVariables(seen: Record<string, string>, name: string, runtime: string, handler: string): void {
  const stream = /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/;
  const expected: Record<string, string | RegExp> = {
    _HANDLER: handler,
    AWS_REGION: "us-east-1",
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_EXECUTION_ENV: `AWS_Lambda_${runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "320",
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: stream,
    AWS_LAMBDA_RUNTIME_API: /^127\.0\.0\.1:\d+$/,
    AWS_ACCESS_KEY_ID: /./,
    AWS_SECRET_ACCESS_KEY: /./,
    AWS_SESSION_TOKEN: /./,
    AWS_ENDPOINT_URL: /^http:\/\/127\.0\.0\.1:\d+$/,
    // A process without a sandbox finds its files where they really lie.
    LAMBDA_TASK_ROOT: server.driver === "container" ? "/var/task" : /./,
    LAMBDA_RUNTIME_DIR: server.driver === "container" ? "/var/runtime" : /./,
    TZ: ":UTC",
    LANG: "en_US.UTF-8",
    PATH: /(^|:)\/usr\/bin(:|$)/,
    LD_LIBRARY_PATH: server.driver === "container" ? /\/opt\/lib/ : /./,
    _X_AMZN_TRACE_ID: /^Root=1-[0-9a-f]{8}-[0-9a-f]{24}/,
    MINE: "mine, with = and \n newline",
  };
  for (const [variable, value] of Object.entries(expected)) {
    if (typeof value === "string") assert.equal(seen[variable], value, variable);
    else assert.match(seen[variable] ?? "(absent)", value, variable);
  }
  // Nothing of the platform's own environment comes in, and nothing of how the runtime is linked to the agent.
  const strangers = Object.keys(seen).filter((variable) => /^(_?THAW|HOME$|USER$|NODE_OPTIONS|XDG_)/.test(variable));
  assert.deepEqual(strangers, []);
}

const settings = { MemorySize: 320, Timeout: 20, Environment: { Variables: { MINE: "mine, with = and \n newline" } } };
const context = { client: { app_title: "app", installation_id: "i" }, custom: { k: "v" }, env: { locale: "de" } };
const ClientContext = Buffer.from(JSON.stringify(context)).toString("base64");

test("a Node.js function sees Lambda's variables and the full context", async () => {
  const code = {
    "index.js": `exports.handler = async (event, context) => ({
      env: process.env,
      context: JSON.parse(JSON.stringify(context)),
      left: context.getRemainingTimeInMillis(),
      cwd: process.cwd(),
      here: __dirname,
    });`,
  };
  await createFunction(client, "sees-node", { code, Runtime: "nodejs22.x", ...settings });
  const { payload, requestId } = await invoke(client, "sees-node", {}, { ClientContext });
  assertVariables(payload.env, "sees-node", "nodejs22.x", "index.handler");
  assert.deepEqual(payload.context, {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: "$LATEST",
    functionName: "sees-node",
    memoryLimitInMB: "320",
    logGroupName: "/aws/lambda/sees-node",
    logStreamName: payload.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: context,
    invokedFunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:sees-node",
    awsRequestId: requestId,
  });
  assert.ok(payload.left > 10_000 && payload.left <= 20_000, String(payload.left));
  const { LAMBDA_TASK_ROOT } = payload.env;
  assert.deepEqual([payload.cwd, payload.here], [LAMBDA_TASK_ROOT, LAMBDA_TASK_ROOT]);
});

test("a Python function sees Lambda's variables and the full context", async (t) => {
  if (!python) return t.skip("this machine has no Python");
  const code = {
    "app.py": `
import os
def handler(event, context):
    client = context.client_context
    return {
        "env": dict(os.environ),
        "context": {name: getattr(context, name) for name in (
            "function_name", "function_version", "invoked_function_arn", "memory_limit_in_mb",
            "aws_request_id", "log_group_name", "log_stream_name")},
        "client": [client.client.app_title, client.client.installation_id, client.custom, client.env],
        "identity": context.identity.cognito_identity_id,
        "left": context.get_remaining_time_in_millis(),
        "cwd": os.getcwd(),
    }
`,
  };
  await createFunction(client, "sees-python", { code, Runtime: python, Handler: "app.handler", ...settings });
  const { payload, requestId, log } = await invoke(client, "sees-python", {}, { ClientContext });
  assert.ok(payload.env, `${JSON.stringify(payload)}\n${log}`);
  assertVariables(payload.env, "sees-python", python, "app.handler");
  assert.deepEqual(payload.context, {
    function_name: "sees-python",
    function_version: "$LATEST",
    invoked_function_arn: "arn:aws:lambda:us-east-1:000000000000:function:sees-python",
    memory_limit_in_mb: "320",
    aws_request_id: requestId,
    log_group_name: "/aws/lambda/sees-python",
    log_stream_name: payload.env.AWS_LAMBDA_LOG_STREAM_NAME,
  });
  assert.deepEqual(payload.client, ["app", "i", { k: "v" }, { locale: "de" }]);
  assert.equal(payload.identity, null);
  assert.ok(payload.left > 10_000 && payload.left <= 20_000, String(payload.left));
  assert.equal(payload.cwd, payload.env.LAMBDA_TASK_ROOT);
});

test("a function calls another one through AWS_ENDPOINT_URL with plain HTTP, small events and large ones", async () => {
  await createFunction(client, "called", {
    code: { "index.js": `exports.handler = async (event) => ({ doubled: event.number * 2 });` },
  });
  await createFunction(client, "caller-http", {
    code: {
      "index.js": `exports.handler = async (event) => {
        const path = "/2015-03-31/functions/called/invocations";
        const answer = await fetch(process.env.AWS_ENDPOINT_URL + path, { method: "POST", body: JSON.stringify(event) });
        return { status: answer.status, answer: await answer.json() };
      };`,
    },
  });
  const byHttp = await answerOf(client, "caller-http", { number: 21 });
  assert.deepEqual(byHttp, { status: 200, answer: { doubled: 42 } });

  // 4 MB there and back: the way through the agent is a stream, not a letter box.
  await createFunction(client, "echo", { code: { "index.js": "exports.handler = async (event) => event;" } });
  await createFunction(client, "caller-large", {
    code: {
      "index.js": `exports.handler = async () => {
        const sent = JSON.stringify("x".repeat(4 * 1024 * 1024));
        const url = process.env.AWS_ENDPOINT_URL + "/2015-03-31/functions/echo/invocations";
        const answers = await Promise.all([1, 2].map(async () => (await fetch(url, { method: "POST", body: sent })).text()));
        return answers.map((answer) => answer === sent);
      };`,
    },
    MemorySize: 512,
  });
  assert.deepEqual(await answerOf(client, "caller-large"), [true, true]);
});

async function layerOf(LayerName: string, folder: string): Promise<string> {
  const Content = { ZipFile: await zipOf(folder) };
  return (await client.send(new PublishLayerVersionCommand({ LayerName, Content }))).LayerVersionArn!;
}

test("a function calls another one with the SDK for JavaScript, again after it was frozen", async () => {
  await createFunction(client, "called-by-sdk", {
    code: { "index.js": `exports.handler = async (event) => ({ doubled: event.number * 2 });` },
  });
  const code = {
    "index.js": `
      const { InvokeCommand, LambdaClient } = require("@aws-sdk/client-lambda");
      const client = new LambdaClient({ maxAttempts: 1 });
      exports.handler = async (event) => {
        const answer = await client.send(new InvokeCommand({ FunctionName: "called-by-sdk", Payload: JSON.stringify(event) }));
        return JSON.parse(Buffer.from(answer.Payload).toString());
      };`,
  };
  await createFunction(client, "caller-sdk", {
    code,
    Layers: [await layerOf("aws-sdk-3", await awsSdk3())],
    MemorySize: 1769,
  });
  assert.deepEqual(await answerOf(client, "caller-sdk", { number: 21 }), { doubled: 42 });
  const deadline = Date.now() + 10_000;
  for (let frozen = false; !frozen; ) {
    const page = await (await fetch(`${server.endpoint}/_thaw/environments`)).json();
    const { environments } = page as { environments: { function: string; state: string }[] };
    frozen = environments.some((each) => each.function === "caller-sdk" && each.state === "frozen");
    assert.ok(Date.now() < deadline, "it is never frozen");
  }
  // The connection that the client keeps has outlived the freezing.
  assert.deepEqual(await answerOf(client, "caller-sdk", { number: 4 }), { doubled: 8 });
});

test("a function calls another one with boto3", async (t) => {
  if (!python || Number(python.split(".")[1]) < 10) return t.skip("boto3 wants Python 3.10 or newer");
  await createFunction(client, "called-by-boto3", {
    code: { "index.js": `exports.handler = async (event) => ({ doubled: event.number * 2 });` },
  });
  const layer = await layerOf("boto3", await boto3());
  const code = {
    "app.py": `
import boto3, json
client = boto3.client("lambda")
def handler(event, context):
    answer = client.invoke(FunctionName="called-by-boto3", Payload=json.dumps(event))
    return [boto3.client("sts").get_caller_identity()["Account"], json.load(answer["Payload"])]
`,
  };
  const options = { code, Runtime: python, Handler: "app.handler", Layers: [layer], MemorySize: 1769 };
  await createFunction(client, "caller-boto3", options);
  assert.deepEqual(await answerOf(client, "caller-boto3", { number: 4 }), ["000000000000", { doubled: 8 }]);
});

test("there is no way out of the sandbox but to the platform", async (t) => {
  if (server.driver !== "container") return t.skip("only containers isolate");
  // Somebody else on this machine, at every address it has.
  const stranger = createServer((socket) => socket.end("reached")).listen(0, "0.0.0.0");
  await once(stranger, "listening");
  const { port } = stranger.address() as { port: number };
  const addresses = Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address));
  const code = {
    "index.js": `
      const { connect } = require("node:net");
      const { lookup } = require("node:dns/promises");
      const reach = (host, port) => new Promise((resolve) => {
        const socket = connect({ host, port, timeout: 2000 });
        socket.once("connect", () => { socket.destroy(); resolve("reached"); });
        socket.once("timeout", () => { socket.destroy(); resolve("timeout"); });
        socket.once("error", (error) => resolve(error.code));
      });
      exports.handler = async ({ targets }) => ({
        interfaces: Object.keys(require("node:os").networkInterfaces()),
        name: await lookup("example.com").then(() => "found", () => "not found"),
        results: await Promise.all(targets.map(([host, port]) => reach(host, port))),
        platform: await reach("127.0.0.1", new URL(process.env.AWS_ENDPOINT_URL).port),
      });`,
  };
  await createFunction(client, "enclosed", { code });
  const outside = [["192.0.2.1", 80] as const, ["1.1.1.1", 53] as const];
  const targets = [
    ...addresses.filter((address) => !address.startsWith("fe80")).map((host) => [host, port]),
    ...outside,
  ];
  const seen = await answerOf(client, "enclosed", { targets });
  stranger.close();
  assert.deepEqual([seen.interfaces, seen.name, seen.platform], [["lo"], "not found", "reached"]);
  for (const [at, result] of seen.results.entries()) {
    assert.match(result, /^(ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL)$/, String(targets[at]));
  }
});
