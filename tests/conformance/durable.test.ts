import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CheckpointDurableExecutionCommand,
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  GetDurableExecutionCommand,
  GetDurableExecutionHistoryCommand,
  GetDurableExecutionStateCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  LambdaClient,
  ListDurableExecutionsByFunctionCommand,
  type OperationUpdate,
  SendDurableExecutionCallbackSuccessCommand,
  StopDurableExecutionCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import type { InvocationResult } from "../../src/model/index.ts";
import fc from "../properties.ts";
import { bootstrap, type Door, openDoor, role, timing } from "./door.ts";

/** Durable executions as the official client sees them; the function's part is played by the tests. */
let door: Door;
let client: LambdaClient;
/** how the invocation that runs may be ended, by execution */
const running = new Map<string, { readonly token: string; end(answer: unknown): void }>();

before(async () => {
  door = await openDoor(
    ({ requestId, payload, target }) =>
      new Promise<InvocationResult>((resolve) => {
        const event = JSON.parse(payload.toString()) as { DurableExecutionArn: string; CheckpointToken: string };
        const end = (answer: unknown) =>
          resolve({
            requestId,
            executedVersion: target.version,
            outcome: { kind: "returned", payload: Buffer.from(JSON.stringify(answer)) },
            logTail: undefined,
            timing,
          });
        running.set(event.DurableExecutionArn, { token: event.CheckpointToken, end });
      }),
  );
  client = new LambdaClient({
    endpoint: door.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
  await create("f", { ExecutionTimeout: 60 });
});
after(async () => {
  client.destroy();
  for (const { end } of running.values()) end({ Status: "FAILED" });
  await door[Symbol.asyncDispose]();
});

const create = (FunctionName: string, DurableConfig: CreateFunctionCommandInput["DurableConfig"]) =>
  client.send(
    new CreateFunctionCommand({
      FunctionName,
      Role: role,
      Runtime: "provided.al2023",
      Handler: "h",
      Code: { ZipFile: bootstrap },
      DurableConfig,
    }),
  );

/** Starts an execution whose first invocation runs. */
async function begin(): Promise<{ arn: string; token: string; end(answer: unknown): void }> {
  const { DurableExecutionArn: arn = "", StatusCode } = await client.send(
    new InvokeCommand({ FunctionName: "f:$LATEST", InvocationType: "Event" }),
  );
  assert.equal(StatusCode, 202);
  while (!running.has(arn)) await new Promise((resolve) => setImmediate(resolve));
  return { arn, ...running.get(arn)! };
}

const checkpoint = (DurableExecutionArn: string, CheckpointToken: string, Updates: OperationUpdate[]) =>
  client.send(new CheckpointDurableExecutionCommand({ DurableExecutionArn, CheckpointToken, Updates }));

const invalid = (message: RegExp) => ({ name: "InvalidParameterValueException", message });

test("DurableConfig is checked, completed, kept, and cannot be added later", async () => {
  const made = await create("configured", { ExecutionTimeout: 10 });
  assert.deepEqual(made.DurableConfig, { ExecutionTimeout: 10, RetentionPeriodInDays: 14 });
  const update = (FunctionName: string, DurableConfig: CreateFunctionCommandInput["DurableConfig"]) =>
    client.send(new UpdateFunctionConfigurationCommand({ FunctionName, DurableConfig }));
  assert.deepEqual((await update("configured", { RetentionPeriodInDays: 3 })).DurableConfig, {
    ExecutionTimeout: 10,
    RetentionPeriodInDays: 3,
  });
  const read = await client.send(new GetFunctionConfigurationCommand({ FunctionName: "configured" }));
  assert.deepEqual(read.DurableConfig, { ExecutionTimeout: 10, RetentionPeriodInDays: 3 });
  for (const [config, path] of [
    [{ ExecutionTimeout: 0 }, "durableConfig.executionTimeout"],
    [{ ExecutionTimeout: 31_622_401 }, "durableConfig.executionTimeout"],
    [{ ExecutionTimeout: 1, RetentionPeriodInDays: 91 }, "durableConfig.retentionPeriodInDays"],
  ] as const) {
    await assert.rejects(create("refused", config), (error: Error) => {
      assert.equal(error.name, "ValidationException");
      assert.match(error.message, new RegExp(`at '${path}' failed to satisfy constraint`));
      return true;
    });
  }
  await create("plain", undefined);
  await assert.rejects(update("plain", { ExecutionTimeout: 10 }), invalid(/DurableConfig/));
});

test("a durable function is invoked by a version, for at most 15 minutes by who waits, and never streamed", async () => {
  const invoke = (FunctionName: string, more = {}) => client.send(new InvokeCommand({ FunctionName, ...more }));
  await assert.rejects(invoke("f"), invalid(/^You cannot invoke a durable function using an unqualified ARN\.$/));
  await assert.rejects(invoke("arn:aws:lambda:us-east-1:000000000000:function:f"), invalid(/unqualified/));
  await create("long", { ExecutionTimeout: 901 });
  await assert.rejects(
    invoke("long:$LATEST"),
    invalid(/^You cannot synchronously invoke a durable function with an executionTimeout greater than 15 minutes\.$/),
  );
  const dry = await invoke("f:$LATEST", { InvocationType: "DryRun" });
  assert.equal(dry.StatusCode, 204);
  await assert.rejects(
    client.send(new InvokeWithResponseStreamCommand({ FunctionName: "f", Qualifier: "$LATEST" })),
    invalid(/durable/),
  );
  await create("plain-too", undefined);
  await assert.rejects(invoke("plain-too", { DurableExecutionName: "n" }), invalid(/durable/));
  for (const name of ["a b", "x".repeat(65), "ä"]) {
    const answer = await fetch(`${door.endpoint}/2015-03-31/functions/f:$LATEST/invocations`, {
      method: "POST",
      headers: { "x-amz-durable-execution-name": Buffer.from(name).toString("latin1") },
    });
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /at 'durableExecutionName' failed to satisfy constraint/);
  }
});

test("what does not exist, belongs to others or makes no sense is refused by name", async () => {
  const { arn, token } = await begin();
  const unknown = arn.replace(/[^/]+$/, "00000000-0000-0000-0000-000000000000");
  const foreign = arn.replace("000000000000", "111111111111");
  const other = arn.replace("us-east-1", "eu-west-1");
  for (const DurableExecutionArn of [unknown, foreign, other]) {
    const missing = { name: "ResourceNotFoundException" };
    await assert.rejects(client.send(new GetDurableExecutionCommand({ DurableExecutionArn })), missing);
    await assert.rejects(client.send(new GetDurableExecutionHistoryCommand({ DurableExecutionArn })), missing);
    await assert.rejects(client.send(new StopDurableExecutionCommand({ DurableExecutionArn })), missing);
  }
  await assert.rejects(checkpoint(unknown, token, []), invalid(/^Invalid checkpoint token$/));
  await assert.rejects(checkpoint(arn, "AAAA", []), invalid(/^Invalid checkpoint token$/));
  await assert.rejects(checkpoint(arn, "not base64!", []), { name: "ValidationException" });
  await assert.rejects(client.send(new GetDurableExecutionCommand({ DurableExecutionArn: "arn:x" })), {
    name: "ValidationException",
  });
  const state = { DurableExecutionArn: arn, CheckpointToken: token };
  for (const Marker of ["AAAA", "bm8=", Buffer.from("[0,1]").toString("base64")]) {
    await assert.rejects(client.send(new GetDurableExecutionStateCommand({ ...state, Marker })), invalid(/marker/));
    await assert.rejects(
      client.send(new GetDurableExecutionHistoryCommand({ DurableExecutionArn: arn, Marker })),
      invalid(/marker/),
    );
    await assert.rejects(
      client.send(new ListDurableExecutionsByFunctionCommand({ FunctionName: "f", Marker })),
      invalid(/marker/),
    );
  }
  await assert.rejects(client.send(new ListDurableExecutionsByFunctionCommand({ FunctionName: "nobody" })), {
    name: "ResourceNotFoundException",
  });
  await assert.rejects(
    client.send(new ListDurableExecutionsByFunctionCommand({ FunctionName: "f", Statuses: ["LOST" as "FAILED"] })),
    { name: "ValidationException" },
  );
  await assert.rejects(
    client.send(new SendDurableExecutionCallbackSuccessCommand({ CallbackId: "AAAA" })),
    invalid(/callback/),
  );
  const large = { DurableExecutionArn: arn, Error: { ErrorMessage: "x".repeat(1024 * 1024) } };
  await assert.rejects(client.send(new StopDurableExecutionCommand(large)), invalid(/Error object size/));
  const broken = await fetch(`${door.endpoint}/2025-12-01/durable-executions/${encodeURIComponent(arn)}/stop`, {
    method: "POST",
    body: `{"ErrorMessage":`,
  });
  assert.deepEqual([broken.status, broken.headers.get("x-amzn-errortype")], [400, "SerializationException"]);
  assert.equal((await client.send(new GetDurableExecutionCommand({ DurableExecutionArn: arn }))).Status, "RUNNING");
});

test("the state is read in pages, without what lies within contexts that are complete", async () => {
  const { arn, token } = await begin();
  const context = (Id: string, Action: "START" | "SUCCEED", more = {}) =>
    ({ Id, Type: "CONTEXT", Action, ...more }) as const;
  const step = (Id: string, ParentId: string) =>
    ({ Id, ParentId, Type: "STEP", Action: "SUCCEED", Payload: "1" }) as const;
  const { CheckpointToken = "" } = await checkpoint(arn, token, [
    context("closed", "START"),
    step("hidden", "closed"),
    context("within", "START", { ParentId: "closed" }),
    step("deeper", "within"),
    context("open", "START"),
    step("shown", "open"),
  ]);
  const closing = await checkpoint(arn, CheckpointToken, [
    context("closed", "SUCCEED", { Payload: "1" }),
    context("open", "SUCCEED", { ContextOptions: { ReplayChildren: true } }),
  ]);
  assert.deepEqual(
    closing.NewExecutionState?.Operations?.map((operation) => operation.Id),
    ["closed", "open"],
  );
  const ids: (string | undefined)[] = [];
  let Marker: string | undefined;
  do {
    const page = await client.send(
      new GetDurableExecutionStateCommand({
        DurableExecutionArn: arn,
        CheckpointToken: closing.CheckpointToken,
        MaxItems: 1,
        Marker,
      }),
    );
    assert.equal(page.Operations?.length, 1);
    ids.push(page.Operations?.[0]?.Id);
    Marker = page.NextMarker;
  } while (Marker !== undefined);
  assert.deepEqual(ids.slice(1), ["closed", "open", "shown"]);
});

const id = fc.constantFrom("a", "b", "c", "d");
const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const update = fc.record({
  Id: id,
  ParentId: some(id),
  Name: some(fc.constantFrom("n", "m")),
  Type: fc.constantFrom("CONTEXT", "STEP", "WAIT", "CALLBACK", "CHAINED_INVOKE"),
  Action: fc.constantFrom("START", "SUCCEED", "FAIL", "RETRY", "CANCEL"),
  Payload: some(fc.constantFrom("1", "", "x".repeat(1024 * 1024 + 1))),
  Error: some(fc.constant({ ErrorMessage: "no" })),
  StepOptions: some(fc.constant({ NextAttemptDelaySeconds: 100 })),
  WaitOptions: some(fc.constant({ WaitSeconds: 100 })),
  ChainedInvokeOptions: some(
    fc.constantFrom({ FunctionName: "nobody" }, { FunctionName: "eu-west-1:000000000000:f:1" }),
  ),
}) as fc.Arbitrary<OperationUpdate>;

test("a batch of updates is applied whole or refused without a trace", async () => {
  let { arn, token } = await begin();
  let made = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(update, { minLength: 1, maxLength: 4 }), async (updates) => {
      // A fresh execution now and then, for after a while everything has ended.
      made += 1;
      if (made % 15 === 0) ({ arn, token } = await begin());
      const history = async () =>
        (await client.send(new GetDurableExecutionHistoryCommand({ DurableExecutionArn: arn, MaxItems: 1000 })))
          .Events!;
      const before = await history();
      try {
        const answer = await checkpoint(arn, token, updates);
        token = answer.CheckpointToken ?? "";
        const touched = new Set(answer.NewExecutionState?.Operations?.map((operation) => operation.Id));
        for (const { Id } of updates) assert.ok(touched.has(Id), `${Id} is told back`);
        assert.ok((await history()).length > before.length);
      } catch (error) {
        assert.equal((error as Error).name, "InvalidParameterValueException", String(error));
        assert.deepEqual(await history(), before);
      }
      assert.deepEqual(door.reported, []);
    }),
    { numRuns: 100 },
  );
});
