import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { InvokeWithResponseStreamCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import { build } from "../fixtures/build.ts";
import { answerOf, createFunction, type FunctionOptions, invoke, lambdaOf, wasCold } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Every runtime for real: inside the sandbox, through the API. */
let server: Server;
let client: LambdaClient;
/** what this machine offers, as the platform says */
const offered = new Map<string, string>();

before(async () => {
  server = await startServer();
  client = lambdaOf(server);
  const info = (await (await fetch(`${server.endpoint}/_thaw/info`)).json()) as {
    runtimes: { name: string; state: string }[];
  };
  for (const { name, state } of info.runtimes) offered.set(name, state);
});
after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

/** The same three questions to every runtime: a cold answer, a warm one, an error. */
async function hello(name: string, options: FunctionOptions, errorType: string | RegExp): Promise<void> {
  // A whole CPU: a shell's many processes would else be throttled between its answer and its next request.
  await createFunction(client, name, { MemorySize: 1769, ...options });
  const cold = await invoke(client, name, { name: "Ada" });
  assert.equal(cold.functionError, undefined, `${JSON.stringify(cold.payload)}\n${cold.log}`);
  assert.deepEqual(cold.payload, { message: "Hello, Ada!", requestId: cold.requestId });
  assert.match(cold.log, /hello Ada/);
  assert.equal(wasCold(cold.log), true);

  const warm = await invoke(client, name, {});
  assert.deepEqual(warm.payload, { message: "Hello, world!", requestId: warm.requestId });
  assert.equal(wasCold(warm.log), false);

  const failed = await invoke(client, name, { name: "nobody" });
  assert.equal(failed.status, 200);
  assert.equal(failed.functionError, "Unhandled");
  assert.match(failed.payload.errorType, typeof errorType === "string" ? new RegExp(`^${errorType}$`) : errorType);
  // The environment survives an error of the handler.
  assert.equal(wasCold((await invoke(client, name, {})).log), false);
}

const nodes = ["nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x", "nodejs26.x"];

for (const runtime of nodes) {
  test(`${runtime} answers, keeps its environment, and reports what was thrown`, async () => {
    const { dir } = await build("hello-node");
    await hello(`cjs-${runtime.replace(".", "")}`, { code: dir, Runtime: runtime as "nodejs24.x" }, "RangeError");
  });
}

for (const minor of [6, 7, 8, 9, 10, 11, 12, 13, 14, 15]) {
  const runtime = `python3.${minor}`;
  test(`${runtime} answers, keeps its environment, and reports what was raised`, async (t) => {
    if (offered.get(runtime) !== "ready") return t.skip(`this machine has no ${runtime}`);
    const { dir } = await build("hello-python");
    const options = { code: dir, Runtime: runtime as "python3.12", Handler: "app.handler" };
    await hello(`py3${minor}`, options, "LookupError");
  });
}

const clients: Record<string, string | RegExp> = {
  "hello-shell": "Shell.Failed",
  "hello-rust": /Error|String|str/,
  "hello-go": "errorString",
  "hello-awslambdaric": "LookupError",
  "hello-node-ric": "RangeError",
};

for (const [fixture, errorType] of Object.entries(clients)) {
  test(`${fixture} runs under provided.al2023`, async (t) => {
    if (fixture === "hello-node-ric" && !process.env.THAW_TEST_SLOW)
      return t.skip("THAW_TEST_SLOW is not set: it compiles");
    const built = await build(fixture).catch((error: Error) => error);
    if (built instanceof Error) return t.skip(built.message);
    const { dir, handler } = built;
    await hello(fixture, { code: dir, Runtime: "provided.al2023", Handler: handler }, errorType);
  });
}

test("provided.al2 runs a bootstrap as provided.al2023 does", async () => {
  const { dir } = await build("hello-shell");
  await hello("al2", { code: dir, Runtime: "provided.al2", Handler: "function.handler" }, "Shell.Failed");
});

for (const runtime of nodes) {
  test(`${runtime} runs handlers of every kind: module, callback, promise, stream`, async () => {
    const name = `kinds-${runtime.replace(".", "")}`;
    const code = {
      "index.mjs": `
        const greeting = await Promise.resolve("esm");
        export const handler = async (event) => ({ greeting, event });`,
      "kinds.cjs": `
        exports.callback = (event, context, callback) => {
          setTimeout(() => callback(event.fail ? new TypeError("called back") : null, { by: "callback" }), 5);
        };
        exports.sync = () => Promise.resolve("promised");
        exports.stream = awslambda.streamifyResponse(async (event, stream) => {
          stream.setContentType("text/plain");
          for (let i = 0; i < event.parts; i++) {
            stream.write("part" + i + ";");
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
          stream.end();
        });`,
    };
    const make = (kind: string, Handler: string) =>
      createFunction(client, `${name}-${kind}`, { code, Runtime: runtime as "nodejs24.x", Handler });
    await make("esm", "index.handler");
    assert.deepEqual(await answerOf(client, `${name}-esm`, { a: 1 }), { greeting: "esm", event: { a: 1 } });

    // Node.js 24 dropped handlers that call back (AWS Lambda Developer Guide, "Node.js 24 runtime").
    await make("callback", "kinds.callback");
    const called = await invoke(client, `${name}-callback`);
    if (Number(runtime.match(/\d+/)![0]) < 24) {
      assert.deepEqual(called.payload, { by: "callback" });
      const failed = await invoke(client, `${name}-callback`, { fail: true });
      assert.equal(failed.payload.errorType, "TypeError");
    } else {
      assert.equal(called.payload.errorType, "Runtime.CallbackHandlerDeprecated");
    }

    await make("promise", "kinds.sync");
    assert.equal(await answerOf(client, `${name}-promise`), "promised");

    await make("stream", "kinds.stream");
    const { EventStream } = await client.send(
      new InvokeWithResponseStreamCommand({ FunctionName: `${name}-stream`, Payload: JSON.stringify({ parts: 3 }) }),
    );
    const chunks: string[] = [];
    let complete: unknown;
    for await (const event of EventStream!) {
      if (event.PayloadChunk) chunks.push(Buffer.from(event.PayloadChunk.Payload!).toString());
      if (event.InvokeComplete) complete = event.InvokeComplete;
    }
    assert.equal(chunks.join(""), "part0;part1;part2;");
    assert.ok(chunks.length > 1, "the parts came in one piece");
    assert.deepEqual({ ...(complete as object) }, {});
  });
}

/** All of a streamed answer: its parts, and what ended it. */
async function streamed(name: string, event: unknown) {
  const command = new InvokeWithResponseStreamCommand({
    FunctionName: name,
    Payload: JSON.stringify(event),
    LogType: "Tail",
  });
  const { EventStream } = await client.send(command);
  let text = "";
  let complete: { ErrorCode?: string; ErrorDetails?: string; LogResult?: string } = {};
  for await (const each of EventStream!) {
    if (each.PayloadChunk) text += Buffer.from(each.PayloadChunk.Payload!).toString();
    if (each.InvokeComplete) complete = each.InvokeComplete as typeof complete;
  }
  return { text, complete };
}

test("a streaming handler answers a plain Invoke whole, a plain handler answers a stream, and breaking off is told", async () => {
  await createFunction(client, "streams", {
    code: {
      "index.js": `
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          if (event.word) return stream.end('"whole"');
          for (let i = 0; i < event.parts; i++) {
            if (!stream.write("0123456789".repeat(event.times ?? 1))) await new Promise((go) => stream.once("drain", go));
          }
          if (event.fail) throw new RangeError("midway");
          stream.end();
        });`,
    },
  });
  // What is written is JSON to whoever parses it.
  assert.equal(await answerOf(client, "streams", { parts: 1, word: true }), "whole");
  const { EventStream } = await client.send(
    new InvokeWithResponseStreamCommand({
      FunctionName: "streams",
      Payload: JSON.stringify({ parts: 20, times: 1e5 }),
    }),
  );
  let bytes = 0;
  for await (const each of EventStream!) bytes += each.PayloadChunk?.Payload?.length ?? 0;
  assert.equal(bytes, 2e7, "20 MB: more than a collected answer may have");

  const broken = await streamed("streams", { parts: 2, fail: true });
  assert.equal(broken.text.slice(0, 20), "01234567890123456789");
  assert.equal(broken.complete.ErrorCode, "Unhandled");
  assert.match(broken.complete.ErrorDetails!, /RangeError.*midway|midway.*RangeError/);
  assert.match(Buffer.from(broken.complete.LogResult!, "base64").toString(), /REPORT RequestId: /);

  await createFunction(client, "plain", {
    code: {
      "plain.js": `exports.handler = async (event) => { if (event.fail) throw new RangeError("early"); return { event }; };`,
    },
    Handler: "plain.handler",
  });
  const plain = await streamed("plain", { a: 1 });
  assert.deepEqual([JSON.parse(plain.text), plain.complete.ErrorCode], [{ event: { a: 1 } }, undefined]);
  const failed = await streamed("plain", { fail: true });
  assert.deepEqual([failed.text, failed.complete.ErrorCode], ["", "Unhandled"]);
  assert.equal(JSON.parse(failed.complete.ErrorDetails!).errorMessage, "early");
});
