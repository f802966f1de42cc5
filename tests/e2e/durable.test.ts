import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  GetDurableExecutionCommand,
  GetDurableExecutionHistoryCommand,
  type LambdaClient,
  ListDurableExecutionsByFunctionCommand,
  SendDurableExecutionCallbackFailureCommand,
  SendDurableExecutionCallbackHeartbeatCommand,
  SendDurableExecutionCallbackSuccessCommand,
  StopDurableExecutionCommand,
} from "@aws-sdk/client-lambda";
import { durableSdk } from "./clients.ts";
import { begin, durableFunction, ended, event, eventually, historyOf, run, sdkLayer, typesOf } from "./durable.ts";
import { lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Durable functions with the official SDK for JavaScript, unmodified. */
let server: Server;
let client: LambdaClient;
let layer: string;

before(async () => {
  const sdk = await durableSdk();
  server = await startServer();
  client = lambdaOf(server);
  layer = await sdkLayer(client, "durable", sdk);
  for (const name of ["steps", "waits", "fails"]) await durableFunction(client, name, layer);
});
after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

/** What the client for JavaScript does not have yet. */
const call = (method: string, arn: string, path: string, body?: object) =>
  fetch(`${server.endpoint}/2025-12-01/durable-executions/${encodeURIComponent(arn)}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

test("steps run once, and their results make the answer", async () => {
  const { arn, result, functionError } = await run(client, "steps:$LATEST", { name: "ada" });
  assert.equal(functionError, undefined, JSON.stringify(result));
  assert.match(result.first, /^ada-/);
  assert.equal(result.second, result.first.toUpperCase());
  assert.match(
    arn,
    /^arn:aws:lambda:us-east-1:000000000000:function:steps:\$LATEST\/durable-execution\/[0-9a-f-]+\/[0-9a-f-]+$/,
  );
  const execution = await client.send(new GetDurableExecutionCommand({ DurableExecutionArn: arn }));
  assert.equal(execution.Status, "SUCCEEDED");
  assert.equal(execution.Version, "$LATEST");
  assert.deepEqual(JSON.parse(execution.Result!), result);
  assert.equal(execution.InputPayload, `{"name":"ada"}`);
  assert.deepEqual(typesOf(await historyOf(client, arn)), [
    "ExecutionStarted",
    "StepStarted",
    "StepSucceeded",
    "StepStarted",
    "StepSucceeded",
    "InvocationCompleted",
    "ExecutionSucceeded",
  ]);
});

test("a wait gives the environment back, and its end brings the function back where it was", async () => {
  const { arn, result } = await run(client, "waits:$LATEST", { seconds: 1 });
  const history = await historyOf(client, arn);
  assert.deepEqual(
    typesOf(history).filter((type) => type !== "InvocationCompleted"),
    [
      "ExecutionStarted",
      "StepStarted",
      "StepSucceeded",
      "WaitStarted",
      "WaitSucceeded",
      "StepStarted",
      "StepSucceeded",
      "ExecutionSucceeded",
    ],
  );
  assert.equal(typesOf(history).filter((type) => type === "InvocationCompleted").length, 2);
  const [started, waited] = ["WaitStarted", "WaitSucceeded"].map((type) => history.find((e) => e.EventType === type)!);
  assert.equal(started!.WaitStartedDetails?.Duration, 1);
  assert.equal(started!.Name, "pause");
  const due = started!.WaitStartedDetails!.ScheduledEndTimestamp!.getTime();
  assert.equal(due - started!.EventTimestamp!.getTime(), 1000);
  assert.ok(waited!.EventTimestamp!.getTime() >= due);
  const before = history.find((e) => e.StepSucceededDetails !== undefined)!;
  assert.equal(before.StepSucceededDetails!.Result!.Payload, JSON.stringify(result.before), "the step ran once");
});

test("a step that fails is tried again after its delay, and in the end its error is the answer", async () => {
  const name = await durableFunction(client, "retries", layer);
  const { arn, result } = await run(client, name, {});
  assert.equal(result, 3);
  const attempts = (await historyOf(client, arn)).filter((e) => /^Step(Failed|Succeeded)$/.test(e.EventType ?? ""));
  assert.deepEqual(
    attempts.map((e) => [e.EventType, (e.StepFailedDetails ?? e.StepSucceededDetails)?.RetryDetails?.CurrentAttempt]),
    [
      ["StepFailed", 1],
      ["StepFailed", 2],
      ["StepSucceeded", 3],
    ],
  );
  assert.equal(attempts[0]!.StepFailedDetails!.RetryDetails!.NextAttemptDelaySeconds, 1);
  assert.equal(attempts[0]!.StepFailedDetails!.Error!.Payload!.ErrorType, "TypeError");

  const failed = await run(client, name, { never: true, attempts: 2 });
  assert.equal(failed.functionError, "Unhandled");
  assert.match(failed.result.errorMessage, /attempt \d+ failed/);
  const execution = await client.send(new GetDurableExecutionCommand({ DurableExecutionArn: failed.arn }));
  assert.equal(execution.Status, "FAILED");
  assert.match(execution.Error!.ErrorMessage!, /attempt \d+ failed/);
});

test("a callback is answered, refused, kept alive by heartbeats, or times out", async () => {
  const name = await durableFunction(client, "callback", layer);
  const callbackOf = async (arn: string) =>
    (await event(client, arn, "CallbackStarted")).CallbackStartedDetails!.CallbackId!;

  const answered = await begin(client, name);
  const CallbackId = await callbackOf(answered);
  await client.send(new SendDurableExecutionCallbackHeartbeatCommand({ CallbackId }));
  await client.send(
    new SendDurableExecutionCallbackSuccessCommand({ CallbackId, Result: Buffer.from(`{"by":"äöü"}`) }),
  );
  const succeeded = await ended(client, answered);
  assert.equal(succeeded.Status, "SUCCEEDED");
  assert.deepEqual(JSON.parse(succeeded.Result!), { answer: `{"by":"äöü"}` });
  await assert.rejects(client.send(new SendDurableExecutionCallbackSuccessCommand({ CallbackId })), {
    name: "CallbackTimeoutException",
  });

  const refused = await begin(client, name);
  const no = { ErrorType: "Refused", ErrorMessage: "no" };
  const refusal = { CallbackId: await callbackOf(refused), Error: no };
  await client.send(new SendDurableExecutionCallbackFailureCommand(refusal));
  const failed = await ended(client, refused);
  assert.equal(failed.Status, "FAILED");
  assert.match(failed.Error!.ErrorMessage!, /no/);

  const late = await begin(client, name, { timeout: 1 });
  assert.match((await ended(client, late)).Error!.ErrorMessage!, /Callback timed out/);
  const timedOut = await event(client, late, "CallbackTimedOut");
  assert.equal(timedOut.CallbackTimedOutDetails!.Error!.Payload!.ErrorType, "Callback.Timeout");

  const silent = await begin(client, name, { heartbeat: 1 });
  await ended(client, silent);
  const missed = await event(client, silent, "CallbackTimedOut");
  assert.equal(missed.CallbackTimedOutDetails!.Error!.Payload!.ErrorType, "Callback.Heartbeat");
});

test("an execution invokes plain and durable functions and waits for them", async () => {
  const name = await durableFunction(client, "chained", layer);
  await durableFunction(client, "plain", layer, null);
  const plain = await run(client, name, { target: "plain", input: { number: 21 } });
  assert.deepEqual(plain.result, { answer: { doubled: 42 } });
  const durable = await run(client, name, { target: "waits:$LATEST", input: { seconds: 1 } });
  assert.match(durable.result.answer.before, /^[0-9a-f-]{36}$/);
  const started = await event(client, durable.arn, "ChainedInvokeStarted");
  const child = started.ChainedInvokeStartedDetails!.DurableExecutionArn!;
  assert.equal((await client.send(new GetDurableExecutionCommand({ DurableExecutionArn: child }))).Status, "SUCCEEDED");
  assert.equal(started.ChainedInvokeStartedDetails!.ExecutedVersion, "$LATEST");

  const refused = await run(client, name, { target: "plain", input: { fail: true } });
  assert.match(refused.result.message, /as asked/);
  const failed = await run(client, name, { target: "fails:$LATEST" });
  assert.match(failed.result.message, /not today/);
  const missing = await run(client, name, { target: "nobody" });
  assert.match(missing.result.message, /Function not found/);
  assert.deepEqual(typesOf(await historyOf(client, missing.arn)).slice(1, 3), [
    "ChainedInvokeStarted",
    "ChainedInvokeFailed",
  ]);
  const unqualified = await run(client, name, { target: "waits" });
  assert.match(unqualified.result.message, /You cannot invoke a durable function using an unqualified ARN/);
});

test("branches, maps, child contexts and conditions run to their end", async () => {
  const name = await durableFunction(client, "parallel", layer);
  const { arn, result } = await run(client, name, { numbers: [1, 2, 3] });
  assert.deepEqual(result, { branches: ["left", "right"], squares: [1, 4, 9], child: 3 });
  const history = await historyOf(client, arn);
  const contexts = history.filter((e) => e.EventType === "ContextSucceeded").map((e) => e.Name);
  for (const context of ["branches", "squares", "child"]) assert.ok(contexts.includes(context), context);
  assert.deepEqual(
    history.map((e) => e.EventId),
    history.map((_, index) => index + 1),
  );

  const polls = await durableFunction(client, "polls", layer);
  const polled = await run(client, polls);
  assert.deepEqual(polled.result, { count: 3 });
  // Recorded from Lambda: aws-durable-execution-conformance-tests 1.0.0, requirement 6.1.
  const checks = (await historyOf(client, polled.arn)).slice(1, -2);
  assert.deepEqual(
    checks.map((e) => [e.EventType, e.SubType, e.StepSucceededDetails?.Result]),
    [1, 2, 3].flatMap((count) => [
      ["StepStarted", "WaitForCondition", undefined],
      ["StepSucceeded", "WaitForCondition", { Payload: JSON.stringify({ count }), Truncated: false }],
      ...(count < 3 ? [["InvocationCompleted", undefined, undefined]] : []),
    ]),
  );
});

test("a state of several megabytes is replayed in pages", async () => {
  const name = await durableFunction(client, "large", layer);
  const { result, functionError } = await run(client, name, { parts: 40, bytes: 200_000 });
  assert.equal(functionError, undefined, JSON.stringify(result));
  assert.equal(result, 8_000_000);
});

test("what a handler throws ends its execution; a process that ends is only an attempt", async () => {
  const { arn, functionError, result } = await run(client, "fails:$LATEST");
  assert.equal(functionError, "Unhandled");
  assert.deepEqual([result.errorType, result.errorMessage], ["SyntaxError", "not today"]);
  assert.equal(typesOf(await historyOf(client, arn)).at(-1), "ExecutionFailed");

  const name = await durableFunction(client, "crashes", layer);
  const crashing = await begin(client, name);
  const invocations = await eventually("a second attempt", async () => {
    const done = (await historyOf(client, crashing)).filter((e) => e.EventType === "InvocationCompleted");
    return done.length >= 2 ? done : undefined;
  });
  assert.equal(invocations[0]!.InvocationCompletedDetails!.Error!.Payload!.ErrorType, "Runtime.ExitError");
  const why = { ErrorType: "Enough", ErrorMessage: "it will not get better" };
  await client.send(new StopDurableExecutionCommand({ DurableExecutionArn: crashing, Error: why }));
  const stopped = await ended(client, crashing);
  assert.deepEqual([stopped.Status, stopped.Error], ["STOPPED", why]);
  const steps = typesOf(await historyOf(client, crashing)).filter((type) => type === "StepSucceeded");
  assert.equal(steps.length, 1, "the step is not run again");
});

test("an execution that is stopped or takes too long ends, and nobody is kept waiting", async () => {
  const name = await durableFunction(client, "callback", layer, { ExecutionTimeout: 2 }, "impatient");
  const late = await run(client, name);
  assert.equal(late.functionError, "Unhandled");
  assert.match(late.result.errorMessage, /Execution timed out after 2 seconds/);
  assert.equal(typesOf(await historyOf(client, late.arn)).at(-1), "ExecutionTimedOut");

  const answer = run(client, "callback:$LATEST", {}, { DurableExecutionName: "to-be-stopped" });
  const { DurableExecutions: found = [] } = await eventually("the execution", async () => {
    const list = await client.send(
      new ListDurableExecutionsByFunctionCommand({ FunctionName: "callback", DurableExecutionName: "to-be-stopped" }),
    );
    return list.DurableExecutions?.length === 1 ? list : undefined;
  });
  const arn = found[0]!.DurableExecutionArn!;
  await event(client, arn, "CallbackStarted");
  const { StopTimestamp } = await client.send(new StopDurableExecutionCommand({ DurableExecutionArn: arn }));
  assert.ok(StopTimestamp!.getTime() <= Date.now());
  assert.equal((await answer).functionError, "Unhandled");
  const again = await client.send(new StopDurableExecutionCommand({ DurableExecutionArn: arn }));
  assert.deepEqual(again.StopTimestamp, StopTimestamp, "stopping twice is no error");
});

test("a name makes a start idempotent", async () => {
  const DurableExecutionName = "order-1";
  const first = await run(client, "steps:$LATEST", { name: "a" }, { DurableExecutionName });
  const second = await run(client, "steps:$LATEST", { name: "a" }, { DurableExecutionName });
  assert.deepEqual(second, first);
  await assert.rejects(run(client, "steps:$LATEST", { name: "b" }, { DurableExecutionName }), {
    name: "DurableExecutionAlreadyStartedException",
  });
  await assert.rejects(run(client, "steps:$LATEST", {}, { DurableExecutionName: "not a name" }), {
    name: "ValidationException",
  });
  await assert.rejects(run(client, "steps", {}), /You cannot invoke a durable function using an unqualified ARN/);
  const deleted = await call("DELETE", first.arn, "");
  assert.equal(deleted.status, 202);
  await assert.rejects(client.send(new GetDurableExecutionCommand({ DurableExecutionArn: first.arn })), {
    name: "ResourceNotFoundException",
  });
  const third = await run(client, "steps:$LATEST", { name: "b" }, { DurableExecutionName });
  assert.equal(third.functionError, undefined);
});

test("a paused execution does nothing until it is resumed, though its waits go on", async () => {
  const arn = await begin(client, "waits:$LATEST", { seconds: 1 });
  await event(client, arn, "WaitStarted");
  const asked = { Reason: "a look around", ClientToken: "once" };
  assert.equal((await call("POST", arn, "/pause", asked)).status, 202);
  assert.equal((await call("POST", arn, "/pause", asked)).status, 202, "asked again by the same token");
  assert.equal((await call("POST", arn, "/pause", {})).status, 409);
  await event(client, arn, "WaitSucceeded");
  await event(client, arn, "ExecutionPaused");
  const paused = (await (await call("GET", arn, "")).json()) as { Status: string; PauseDetails?: { Reason?: string } };
  assert.deepEqual([paused.Status, paused.PauseDetails?.Reason], ["PAUSED", "a look around"]);
  assert.ok(!typesOf(await historyOf(client, arn)).includes("ExecutionSucceeded"));
  assert.equal((await call("POST", arn, "/resume", {})).status, 202);
  assert.equal((await ended(client, arn)).Status, "SUCCEEDED");
  assert.ok(typesOf(await historyOf(client, arn)).includes("ExecutionResumed"));
});

test("a function that is paused while it works goes on after the resume, with what it had done", async () => {
  const name = await durableFunction(client, "slow", layer);
  const arn = await begin(client, name);
  await event(client, arn, "StepSucceeded");
  assert.equal((await call("POST", arn, "/pause", {})).status, 202);
  await event(client, arn, "ExecutionPaused");
  await event(client, arn, "InvocationCompleted");
  const paused = (await (await call("GET", arn, "")).json()) as { Status: string };
  assert.equal(paused.Status, "PAUSED");
  assert.equal((await call("POST", arn, "/resume", { Reason: "seen" })).status, 202);
  const execution = await ended(client, arn);
  assert.equal(execution.Status, "SUCCEEDED", JSON.stringify(execution.Error));
  const history = await historyOf(client, arn);
  const results = history
    .filter((e) => e.EventType === "StepSucceeded")
    .map((e) => e.StepSucceededDetails?.Result?.Payload);
  const { first, second } = JSON.parse(execution.Result!);
  assert.deepEqual(results, [JSON.stringify(first), JSON.stringify(second)], "no step ran twice");
});

test("executions are listed by function, version, name, status and time, page by page", async () => {
  const FunctionName = "steps";
  const since = new Date();
  const arns: string[] = [];
  for (let i = 0; i < 3; i += 1) arns.push((await run(client, "steps:$LATEST", { name: String(i) })).arn);
  const listed = async (more: object) => {
    const found: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await client.send(new ListDurableExecutionsByFunctionCommand({ FunctionName, Marker, ...more }));
      found.push(...(page.DurableExecutions ?? []).map((e) => e.DurableExecutionArn!));
      Marker = page.NextMarker;
    } while (Marker !== undefined);
    return found;
  };
  assert.deepEqual(await listed({ StartedAfter: since, ReverseOrder: true, MaxItems: 2 }), arns);
  assert.deepEqual(await listed({ StartedAfter: since, MaxItems: 1 }), arns.toReversed());
  assert.deepEqual(await listed({ StartedAfter: since, Statuses: ["FAILED", "RUNNING"] }), []);
  assert.deepEqual(
    await listed({ StartedAfter: since, Qualifier: "$LATEST", Statuses: ["SUCCEEDED"] }),
    arns.toReversed(),
  );
  assert.ok((await listed({ StartedBefore: since })).every((arn) => !arns.includes(arn)));

  const [arn = ""] = arns;
  const reversed = await client.send(
    new GetDurableExecutionHistoryCommand({ DurableExecutionArn: arn, ReverseOrder: true, MaxItems: 2 }),
  );
  assert.deepEqual(
    reversed.Events?.map((e) => e.EventType),
    ["ExecutionSucceeded", "InvocationCompleted"],
  );
  const rest = await client.send(
    new GetDurableExecutionHistoryCommand({
      DurableExecutionArn: arn,
      ReverseOrder: true,
      Marker: reversed.NextMarker,
    }),
  );
  assert.equal(rest.Events?.at(-1)?.EventId, 1);
  const bare = await client.send(
    new GetDurableExecutionHistoryCommand({ DurableExecutionArn: arn, IncludeExecutionData: false }),
  );
  assert.deepEqual(bare.Events?.[0]?.ExecutionStartedDetails?.Input, { Truncated: true });
  const without = await client.send(
    new GetDurableExecutionCommand({ DurableExecutionArn: arn, IncludeExecutionData: false }),
  );
  assert.deepEqual(
    [without.InputPayload, without.Result, without.ExecutionDataIncluded],
    [undefined, undefined, false],
  );
});
