import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  DeleteFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  GetFunctionCommand,
  InvokeCommand,
  type LambdaClient,
  ListFunctionsCommand,
  ListVersionsByFunctionCommand,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { answerOf, createFunction, invoke, lambdaOf, updated, wasCold, zipOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** The life of a function, told by the official client to a real platform. */
let server: Server;
let client: LambdaClient;

before(async () => {
  server = await startServer();
  client = lambdaOf(server);
});
after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

interface Failure extends Error {
  readonly Reason?: string;
  readonly $metadata: { readonly httpStatusCode: number };
}

/** What a command was refused with. */
async function refusal(work: Promise<unknown>): Promise<Failure> {
  return work.then(
    () => assert.fail("it was not refused"),
    (error: Failure) => error,
  );
}

const says = (word: string) => ({ "index.js": `exports.handler = async () => ({ word: ${JSON.stringify(word)} });` });

test("a function is created, invoked, changed, published, listed and deleted", async () => {
  const made = await createFunction(client, "life", { code: says("one"), Description: "first" });
  assert.equal(made.FunctionArn, "arn:aws:lambda:us-east-1:000000000000:function:life");
  assert.equal(made.State, "Pending");
  assert.deepEqual(await answerOf(client, "life"), { word: "one" });

  const one = await client.send(new PublishVersionCommand({ FunctionName: "life" }));
  assert.equal(one.Version, "1");

  await client.send(new UpdateFunctionCodeCommand({ FunctionName: "life", ZipFile: await zipOf(says("two")) }));
  await updated(client, "life");
  const second = await invoke(client, "life");
  assert.deepEqual([second.payload, second.version], [{ word: "two" }, "$LATEST"]);
  const first = await invoke(client, "life", {}, { Qualifier: "1" });
  assert.deepEqual([first.payload, first.version], [{ word: "one" }, "1"]);
  assert.deepEqual(await answerOf(client, `${made.FunctionArn}:1`), { word: "one" });

  await client.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName: "life",
      MemorySize: 512,
      Timeout: 7,
      Environment: { Variables: { WORD: "three" } },
    }),
  );
  await updated(client, "life");
  const { Configuration, Code } = await client.send(new GetFunctionCommand({ FunctionName: "life" }));
  assert.deepEqual(
    [Configuration?.MemorySize, Configuration?.Timeout, Configuration?.Environment?.Variables?.WORD],
    [512, 7, "three"],
  );
  // The link to the code leads to the very zip.
  const downloaded = Buffer.from(await (await fetch(Code!.Location!)).arrayBuffer());
  assert.deepEqual(downloaded, await zipOf(says("two")));

  const { Functions } = await client.send(new ListFunctionsCommand({}));
  assert.ok(Functions?.some(({ FunctionName }) => FunctionName === "life"));
  const { Versions } = await client.send(new ListVersionsByFunctionCommand({ FunctionName: "life" }));
  assert.deepEqual(
    Versions?.map(({ Version }) => Version),
    ["$LATEST", "1"],
  );

  await client.send(new DeleteFunctionCommand({ FunctionName: "life" }));
  const gone = await refusal(invoke(client, "life"));
  assert.deepEqual([gone.name, gone.$metadata.httpStatusCode], ["ResourceNotFoundException", 404]);
});

test("an invocation carries its log's tail, the client context, the qualifier and the function's error", async () => {
  await createFunction(client, "carries", {
    code: {
      "index.js": `exports.handler = async (event, context) => {
        console.log("seen", event.a);
        if (event.fail) throw Object.assign(new Error("as asked"), { name: "Asked" });
        return { context: context.clientContext, arn: context.invokedFunctionArn };
      };`,
    },
    Publish: true,
  });
  const context = { client: { app_title: "test" }, custom: { k: "ä" }, env: {} };
  const ClientContext = Buffer.from(JSON.stringify(context)).toString("base64");
  const answer = await invoke(client, "carries", { a: 1 }, { ClientContext, Qualifier: "1" });
  assert.deepEqual(answer.payload.context, context);
  assert.equal(answer.payload.arn, "arn:aws:lambda:us-east-1:000000000000:function:carries:1");
  const id = answer.requestId;
  const lines = answer.log.trimEnd().split("\n");
  assert.ok(lines.includes(`START RequestId: ${id} Version: 1`), answer.log);
  assert.ok(lines.some((line) => line.endsWith(`\t${id}\tINFO\tseen 1`)));
  assert.ok(lines.includes(`END RequestId: ${id}`));
  assert.match(
    lines.at(-1)!,
    /^REPORT RequestId: [-0-9a-f]{36}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms/,
  );

  const failed = await invoke(client, "carries", { fail: true });
  assert.deepEqual([failed.status, failed.functionError], [200, "Unhandled"]);
  assert.deepEqual([failed.payload.errorType, failed.payload.errorMessage], ["Asked", "as asked"]);
  assert.ok(Array.isArray(failed.payload.trace));

  const quiet = await client.send(new InvokeCommand({ FunctionName: "carries" }));
  assert.equal(quiet.LogResult, undefined);

  const before = await count("carries");
  const dry = await client.send(new InvokeCommand({ FunctionName: "carries", InvocationType: "DryRun" }));
  assert.equal(dry.StatusCode, 204);
  assert.equal(await count("carries"), before);
});

/** Invocations that ran. */
async function count(name: string): Promise<number> {
  const address = `${server.endpoint}/_thaw/invocations?function=${name}&limit=1000`;
  return ((await (await fetch(address)).json()) as { invocations: unknown[] }).invocations.length;
}

test("reserved concurrency of one lets one run, of none lets nothing run, and without it all run", async () => {
  await createFunction(client, "narrow", {
    code: {
      "index.js": `exports.handler = async ({ ms = 0 }) => { await new Promise((go) => setTimeout(go, ms)); return "ran"; };`,
    },
  });
  const reserve = (amount: number) =>
    client.send(new PutFunctionConcurrencyCommand({ FunctionName: "narrow", ReservedConcurrentExecutions: amount }));
  await reserve(1);
  const together = await Promise.allSettled([1, 2, 3, 4].map(() => invoke(client, "narrow", { ms: 300 })));
  const refused = together.filter((each) => each.status === "rejected").map(({ reason }) => reason as Failure);
  assert.equal(refused.length, 3);
  for (const { name, message, Reason, $metadata } of refused) {
    assert.deepEqual([name, $metadata.httpStatusCode], ["TooManyRequestsException", 429]);
    assert.deepEqual([message, Reason], ["Rate Exceeded.", "ReservedFunctionConcurrentInvocationLimitExceeded"]);
  }
  // The place is free again with the answer.
  assert.equal(await answerOf(client, "narrow"), "ran");

  await reserve(0);
  const shut = await refusal(invoke(client, "narrow"));
  assert.deepEqual(
    [shut.name, shut.Reason],
    ["TooManyRequestsException", "ReservedFunctionConcurrentInvocationLimitExceeded"],
  );

  await client.send(new DeleteFunctionConcurrencyCommand({ FunctionName: "narrow" }));
  const all = await Promise.all([1, 2, 3, 4].map(() => answerOf(client, "narrow", { ms: 100 })));
  assert.deepEqual(all, Array(4).fill("ran"));
});

const mebibyte = 1024 * 1024;

test("an event of 6 MB arrives and returns whole; one of 7 MB is refused, as is an answer of 7 MB", async () => {
  await createFunction(client, "large", {
    code: {
      "index.js": `exports.handler = async (event) => event.make ? "x".repeat(event.make) : { length: event.text.length, text: event.text };`,
    },
    MemorySize: 1024,
  });
  // Quotes and the name take the rest of the 6 MB; the answer may be a hundred bytes longer than the event.
  const text = "ü".repeat(3 * mebibyte - 20);
  const whole = await answerOf(client, "large", { text });
  assert.equal(whole.length, text.length);
  assert.equal(whole.text === text, true);

  const tooLarge = await refusal(invoke(client, "large", { text: "x".repeat(7 * mebibyte) }));
  assert.deepEqual([tooLarge.name, tooLarge.$metadata.httpStatusCode], ["RequestTooLargeException", 413]);

  const tooMuch = await invoke(client, "large", { make: 7 * mebibyte });
  assert.deepEqual([tooMuch.status, tooMuch.functionError], [200, "Unhandled"]);
  assert.equal(tooMuch.payload.errorType, "Function.ResponseSizeTooLarge");
  assert.match(tooMuch.payload.errorMessage, /exceeded maximum allowed payload size \(6291556 bytes\)/);
  // Neither hurt the function.
  const after = await invoke(client, "large", { text: "" });
  assert.deepEqual([after.payload.length, wasCold(after.log)], [0, false]);
});

test("what is not JSON is refused before anything runs", async () => {
  await createFunction(client, "picky", { code: says("never") });
  const refused = await refusal(client.send(new InvokeCommand({ FunctionName: "picky", Payload: Buffer.from("{no") })));
  assert.deepEqual([refused.name, refused.$metadata.httpStatusCode], ["InvalidRequestContentException", 400]);
  assert.equal(await count("picky"), 0);
});

test("functions of other accounts and regions are others", async () => {
  const other = lambdaOf(server, { credentials: { accessKeyId: "111122223333", secretAccessKey: "x" } });
  const west = lambdaOf(server, { region: "eu-west-1" });
  await createFunction(client, "same", { code: says("mine") });
  await createFunction(other, "same", { code: says("theirs") });
  await createFunction(west, "same", {
    code: {
      "index.js": "exports.handler = async (e, c) => ({ arn: c.invokedFunctionArn, region: process.env.AWS_REGION });",
    },
  });
  assert.deepEqual(await answerOf(client, "same"), { word: "mine" });
  assert.deepEqual(await answerOf(other, "same"), { word: "theirs" });
  assert.deepEqual(await answerOf(west, "same"), {
    arn: "arn:aws:lambda:eu-west-1:000000000000:function:same",
    region: "eu-west-1",
  });
  other.destroy();
  west.destroy();
});
