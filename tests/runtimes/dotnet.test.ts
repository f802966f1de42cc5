import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { InvokeCommand, type LambdaClient, type Runtime } from "@aws-sdk/client-lambda";
import { findMcs } from "../../src/artifacts/dotnet-build.ts";
import { isFetchable } from "../../src/artifacts/dotnet-fetch.ts";
import { dotnetsAt } from "../../src/artifacts/dotnet-search.ts";
import { createRuntimes } from "../../src/artifacts/runtimes.ts";
import { configOf } from "../../src/config.ts";
import { answerOf, createFunction, invoke, lambdaOf, wasCold } from "../e2e/lambda.ts";
import { type Server, startServer } from "../e2e/server.ts";
import { startOverHttp } from "./http-harness.ts";

/** .NET functions inside the sandbox, through the API, on .NET Core 3.1, which pip brings; compiled by Mono's compiler. */
const runtime: Runtime = "dotnetcore3.1";
const sources = join(import.meta.dirname, "..", "fixtures", "managed-dotnet");
const work = mkdtempSync(join(tmpdir(), "thaw-dotnet-test-"));
const mcs = findMcs(process.env.PATH);
const skip = mcs === undefined ? "no mcs (apt install mono-mcs)" : isFetchable(process.env.PATH) ? false : "no python3";

test("runtimes of an installation are found by their version, previews are not", () => {
  for (const version of ["8.0.11", "10.0.0", "11.0.0-preview.1", "Backup"]) {
    mkdirSync(join(work, "found", "shared", "Microsoft.NETCore.App", version), { recursive: true });
  }
  const found = dotnetsAt(join(work, "found")).map(({ version }) => version);
  assert.deepEqual(found.sort(), ["10.0.0", "8.0.11"]);
  assert.deepEqual(dotnetsAt(join(work, "absent")), []);
});

after(() => rmSync(work, { recursive: true, force: true }));

describe(runtime, { skip }, () => {
  let server: Server;
  let client: LambdaClient;
  const code: Record<string, Buffer> = {};

  before(async () => {
    const library = join(work, "Amazon.Lambda.Core.dll");
    const assembly = join(work, "Demo.dll");
    execFileSync(mcs!, ["-target:library", `-out:${library}`, join(sources, "Core.cs")]);
    execFileSync(mcs!, [
      "-target:library",
      `-out:${assembly}`,
      `-r:${library}`,
      join(sources, "Function.cs"),
      join(sources, "Seeded.cs"),
    ]);
    for (const path of [library, assembly]) code[path.slice(work.length + 1)] = readFileSync(path);
    server = await startServer();
    client = lambdaOf(server);
  });
  after(async () => {
    client.destroy();
    await server[Symbol.asyncDispose]();
  });

  const create = (name: string, handler: string, variables: Record<string, string> = {}) =>
    createFunction(client, name, {
      code,
      Handler: handler,
      Runtime: runtime,
      MemorySize: 512,
      Environment: { Variables: variables },
    });

  test("a method with objects answers, keeps its environment, logs, and reports what was thrown", async () => {
    await create("hello", "Demo::Demo.Function::Hello");
    const cold = await invoke(client, "hello", { name: "Ada" });
    assert.equal(cold.functionError, undefined, `${JSON.stringify(cold.payload)}\n${cold.log}`);
    assert.deepEqual(cold.payload, { message: "Hello, Ada!", requestId: cold.requestId });
    assert.match(cold.log, /hello Ada\n/);
    assert.equal(wasCold(cold.log), true);
    const warm = await invoke(client, "hello", {});
    assert.deepEqual(warm.payload, { message: "Hello, world!", requestId: warm.requestId });
    assert.equal(wasCold(warm.log), false);
    const failed = await invoke(client, "hello", { name: "nobody" });
    assert.equal(failed.functionError, "Unhandled");
    const { errorType, errorMessage, stackTrace, cause } = failed.payload;
    assert.deepEqual([errorType, errorMessage], ["ArgumentException", 'nobody is "there"']);
    assert.match(stackTrace[0], /^at Demo\.Function\.Hello\(/);
    assert.deepEqual([cause.errorType, cause.errorMessage], ["IOException", "deep"]);
    assert.equal(wasCold((await invoke(client, "hello", {})).log), false);
  });

  test("an asynchronous method sees its context and its variables", async () => {
    await create("inside", "Demo::Demo.Function::Inside", { MINE: "é" });
    for (let count = 1; count <= 2; count++) {
      const { payload, log } = await invoke(client, "inside");
      const { left, cwd, trace, stream, ...seen } = payload;
      assert.deepEqual(seen, { count, version: "3.1.23", limit: 512, name: "inside", template: null, mine: "é" });
      assert.ok(left > 0 && left <= 30_000);
      assert.match(trace, /^Root=1-/);
      assert.match(stream, /\[\$LATEST\]/);
      assert.match(log, /to stderr/);
      if (server.driver === "container") assert.equal(cwd, "/var/task");
    }
  });

  test("streams go through as they are, static methods need no object, tasks may have no result", async () => {
    await create("echo", "Demo::Demo.Function::Echo");
    assert.deepEqual(await answerOf(client, "echo", { loud: "e" }), { LOUD: "E" });
    await create("nothing", "Demo::Demo.Function::Nothing");
    assert.equal(await answerOf(client, "nothing", "x"), undefined);
  });

  test("a serializer of the function's own is used", async () => {
    await create("reversed", "Demo::Demo.Function::Reversed");
    const answer = await client.send(new InvokeCommand({ FunctionName: "reversed", Payload: '"ab"' }));
    assert.equal(answer.Payload!.transformToString(), 'own <"ba">');
  });

  test("an answer over the limit is refused, and the next one served", async () => {
    await create("large", "Demo::Demo.Function::Large");
    const refused = await invoke(client, "large", 6291556 - 1);
    assert.equal(refused.payload.errorType, "Function.ResponseSizeTooLarge");
    assert.equal(await answerOf(client, "large", 3), "xxx");
  });

  test("handlers that are not there, or not to be called, fail in Lambda's words", async () => {
    const cases: [string, string, RegExp][] = [
      [
        "Demo::Demo.Nowhere::Hello",
        "LambdaValidationException",
        /Unable to load type 'Demo\.Nowhere' from assembly 'Demo'/,
      ],
      ["Demo::Demo.Function::Gone", "LambdaValidationException", /Unable to find method 'Gone'/],
      ["Demo::Demo.Function::Twice", "LambdaValidationException", /overloaded/],
      [
        "Other::A::B",
        "LambdaValidationException",
        /Could not find the specified handler assembly with the file name 'Other'/,
      ],
      ["Demo::Hello", "LambdaValidationException", /The valid format is 'ASSEMBLY::TYPE::METHOD'/],
      ["Demo::Demo.Failing::Handle", "TypeInitializationException", /type initializer/],
    ];
    for (const [at, [handler, type, message]] of cases.entries()) {
      await create(`bad-${at}`, handler);
      const { payload, functionError } = await invoke(client, `bad-${at}`);
      assert.deepEqual([functionError, payload.errorType], ["Unhandled", type]);
      assert.match(payload.errorMessage, message);
    }
  });

  /** Outside of a sandbox, where only /var/runtime has another name. */
  const template = async (variables: Record<string, string>) => {
    const directory = configOf({}).runtimesDir;
    const { command } = await createRuntimes({ directory, path: process.env.PATH, log: () => {} }).get(runtime);
    const script = join(import.meta.dirname, "..", "..", "runtimes", "dotnet", "bootstrap");
    const words = command[0]!.map((word) => (word === "/var/runtime/bootstrap" ? script : word));
    return startOverHttp(words, work, { _HANDLER: "Demo::Demo.Seeded::Handle", ...variables });
  };

  test("a process that will be copied runs its hooks around restore/next, and its generator goes on from new seeds", async (t) => {
    const seeded = await template({ _THAW_TEMPLATE: "1" });
    t.after(() => seeded.stop());
    const parked = await seeded.asked();
    assert.equal(parked.what, "GET /restore/next", seeded.output() + parked.body);
    parked.answer(200);
    const { what, body } = await seeded.invoke({});
    assert.equal(what, "POST /invocation/request-1/response", body);
    const hooks = ["before two", "before one", "after one", "after two"];
    assert.deepEqual(JSON.parse(body), { hooks, same: false, template: null });
    const plain = await template({});
    t.after(() => plain.stop());
    assert.deepEqual(JSON.parse((await plain.invoke({})).body), { hooks: [], same: true, template: null });
  });

  test("a hook that fails is told to the Runtime API, and ends the process", async (t) => {
    const before = await template({ _THAW_TEMPLATE: "1", FAIL_BEFORE: "1" });
    t.after(() => before.stop());
    const failed = await before.asked();
    assert.deepEqual([failed.what, failed.errorType], ["POST /init/error", "InvalidOperationException"]);
    failed.answer(202);
    assert.equal(await before.exited(), 1);
    const after = await template({ _THAW_TEMPLATE: "1", FAIL_AFTER: "1" });
    t.after(() => after.stop());
    (await after.asked()).answer(200);
    const restored = await after.asked();
    assert.deepEqual([restored.what, JSON.parse(restored.body).errorMessage], ["POST /restore/error", "after one"]);
    restored.answer(202);
    assert.equal(await after.exited(), 1);
  });
});
