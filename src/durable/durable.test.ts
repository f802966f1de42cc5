import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ServiceError } from "../model/index.ts";
import {
  benchOf,
  type DurableEvent,
  once,
  openBench,
  operationsOf,
  owner,
  pending,
  succeeded,
  typesOf,
  updates,
} from "./testing.ts";

const { wait, callback, invoke, step } = updates;

const statusOf = (bench: ReturnType<typeof openBench>, arn: string): string => bench.durable.get(arn).execution.status;

test("a wait ends at its time: until then there is no invocation, and one timer", async () => {
  const bench = benchOf(once(wait("w", 60)));
  const arn = bench.start("f");
  await bench.advance(59_999);
  assert.equal(bench.invocations.length, 1);
  assert.equal(bench.timers(), 1);
  assert.equal(statusOf(bench, arn), "RUNNING");
  await bench.advance(1);
  assert.equal(bench.invocations.length, 2);
  assert.equal(statusOf(bench, arn), "SUCCEEDED");
  const event = JSON.parse(bench.invocations[1]!.payload.toString()) as DurableEvent;
  assert.deepEqual(event.UpdatedOperationIds, ["w"]);
  assert.equal(operationsOf(event).get("w").EndTimestamp, bench.now(), "milliseconds");
  assert.deepEqual(typesOf(bench, arn), [
    "ExecutionStarted",
    "WaitStarted",
    "InvocationCompleted",
    "WaitSucceeded",
    "InvocationCompleted",
    "ExecutionSucceeded",
  ]);
  assert.deepEqual(bench.reported, []);
});

test("thousands of executions that wait are rows and one timer, and all of them come back", async () => {
  const bench = benchOf(once(wait("w", 300)));
  const arns = Array.from({ length: 2000 }, () => bench.start("f"));
  await bench.settle();
  assert.equal(bench.invocations.length, 2000);
  assert.equal(bench.timers(), 1);
  await bench.advance(300_000);
  assert.equal(bench.invocations.length, 4000);
  assert.deepEqual([...new Set(arns.map((arn) => statusOf(bench, arn)))], ["SUCCEEDED"]);
});

test("a token is good for one checkpoint of one invocation", async () => {
  const tokens: string[] = [];
  const bench = benchOf((get) => (event) => {
    const { checkpoint } = get().durable;
    const { DurableExecutionArn: arn, CheckpointToken: token } = event;
    const stale = { code: "InvalidParameterValueException", message: "Invalid checkpoint token" };
    for (const old of tokens) assert.throws(() => checkpoint(arn, old, [], undefined), stale);
    const first = checkpoint(arn, token, [step(`s${tokens.length}`, "START")], "a");
    assert.deepEqual(checkpoint(arn, token, [step(`s${tokens.length}`, "START")], "a"), first, "asked again");
    assert.throws(() => checkpoint(arn, token, [], "b"), stale);
    assert.throws(() => checkpoint(arn, token, [], undefined), stale);
    for (const forged of ["", "AAAA", token.slice(4), Buffer.from("[1]").toString("base64")]) {
      assert.throws(() => checkpoint(arn, forged, [], undefined), stale);
    }
    tokens.push(token, first.CheckpointToken!);
    if (tokens.length > 2) return succeeded();
    checkpoint(arn, first.CheckpointToken!, [wait("w", 1)], undefined);
    return pending;
  });
  const arn = bench.start("f");
  await bench.advance(1000);
  assert.equal(statusOf(bench, arn), "SUCCEEDED", JSON.stringify(bench.durable.get(arn).execution.error));
  assert.throws(() => bench.durable.checkpoint(arn, tokens[1]!, [], undefined), /Invalid checkpoint token/);
});

test("a step that is to be retried is ready at its time, with the attempts it had", async () => {
  const attempts: number[] = [];
  const bench = benchOf((get) => (event) => {
    const known = operationsOf(event).get("s");
    attempts.push(known?.StepDetails.Attempt ?? 0);
    if (known !== undefined) assert.equal(known.Status, "READY");
    const end =
      attempts.length < 3
        ? step("s", "RETRY", { Error: { ErrorMessage: "no" }, StepOptions: { NextAttemptDelaySeconds: 5 } })
        : step("s", "SUCCEED", { Payload: "3" });
    get().durable.checkpoint(event.DurableExecutionArn, event.CheckpointToken, [step("s", "START"), end], undefined);
    return attempts.length < 3 ? pending : succeeded("3");
  });
  const arn = bench.start("f");
  await bench.advance(4999);
  assert.deepEqual(attempts, [0]);
  await bench.advance(5001);
  assert.deepEqual(attempts, [0, 1, 2]);
  assert.equal(statusOf(bench, arn), "SUCCEEDED");
});

test("a callback is ended once, by its secret id, by its owner, before its time is over", async () => {
  const bench = benchOf(once(callback("c", { TimeoutSeconds: 100, HeartbeatTimeoutSeconds: 10 })));
  const start = async () => {
    const arn = bench.start("f");
    await bench.settle();
    const [, started] = bench.durable.history(arn, { limit: 2, newestFirst: false });
    return { arn, id: (started!.CallbackStartedDetails as { CallbackId: string }).CallbackId };
  };
  const over = { code: "CallbackTimeoutException" };
  const { arn, id } = await start();
  const [itsArn, operation] = JSON.parse(Buffer.from(id, "base64").toString()) as string[];
  const guessed = Buffer.from(JSON.stringify([itsArn, operation, "guess"])).toString("base64");
  assert.throws(() => bench.durable.endCallback(guessed, owner, { result: "1" }), over);
  assert.throws(() => bench.durable.endCallback(id, { ...owner, account: "111111111111" }, { result: "1" }), over);
  assert.throws(() => bench.durable.endCallback("AAAA", owner, { result: "1" }), {
    code: "InvalidParameterValueException",
  });
  await bench.advance(9000);
  bench.durable.heartbeat(id, owner);
  await bench.advance(9000);
  assert.equal(statusOf(bench, arn), "RUNNING", "the heartbeat was heard");
  bench.durable.endCallback(id, owner, { result: `"yes"` });
  await bench.settle();
  assert.equal(statusOf(bench, arn), "SUCCEEDED");
  assert.throws(() => bench.durable.endCallback(id, owner, { result: "1" }), over);
  assert.throws(() => bench.durable.heartbeat(id, owner), over);

  const silent = await start();
  await bench.advance(10_000);
  const result = JSON.parse(bench.durable.get(silent.arn).execution.result!);
  assert.deepEqual([result.Status, result.CallbackDetails.Error.ErrorType], ["TIMED_OUT", "Callback.Heartbeat"]);
});

test("what happens while the function runs is told by its next checkpoint, or by another invocation", async () => {
  let meanwhile: (() => void) | undefined;
  let asked = false;
  const bench = benchOf((get) => (event) => {
    const { durable } = get();
    const { DurableExecutionArn: arn, CheckpointToken: token } = event;
    if (operationsOf(event).size > 0) return succeeded(operationsOf(event).get("c").Status);
    const answer = durable.checkpoint(arn, token, [callback("c")], undefined);
    const [{ CallbackDetails }] = answer.NewExecutionState.Operations as [{ CallbackDetails: { CallbackId: string } }];
    meanwhile = () => durable.endCallback(CallbackDetails.CallbackId, owner, { result: "1" });
    meanwhile();
    if (!asked) return pending;
    const { NewExecutionState } = durable.checkpoint(arn, answer.CheckpointToken!, [], undefined);
    return succeeded(String(NewExecutionState.Operations[0]!.Status));
  });
  const told = bench.start("f");
  await bench.settle();
  assert.equal(bench.durable.get(told).execution.result, "SUCCEEDED");
  assert.equal(bench.invocations.length, 2);
  asked = true;
  const seen = bench.start("f");
  await bench.settle();
  assert.equal(bench.durable.get(seen).execution.result, "SUCCEEDED");
  assert.equal(bench.invocations.length, 3, "no invocation for what was told");
});

test("an execution times out at its deadline, whatever it waits for, and its end is final", async () => {
  const bench = benchOf(once(wait("w", 3600)), { settings: { timeoutSeconds: 10, retentionDays: 1 } });
  const arn = bench.start("f");
  const end = bench.durable.finished(arn);
  await bench.advance(10_000);
  assert.equal((await end).status, "TIMED_OUT");
  assert.deepEqual(bench.durable.get(arn).execution.error, { ErrorMessage: "Execution timed out after 10 seconds." });
  assert.equal(bench.durable.stop(arn, undefined).status, "TIMED_OUT");
  await bench.advance(3_600_000);
  assert.equal(bench.invocations.length, 1);
  await bench.advance(23 * 3_600_000);
  assert.throws(() => bench.durable.get(arn), { code: "ResourceNotFoundException" }, "forgotten after a day");
  assert.equal(bench.timers(), 0);
});

test("a pause stops invocations and, if asked, the clock of the timeout", async () => {
  const bench = benchOf(once(wait("w", 5)), { settings: { timeoutSeconds: 10, retentionDays: 1 } });
  const [kept, counted] = [bench.start("f"), bench.start("f")];
  await bench.settle();
  bench.durable.pause(kept, { timeoutPaused: true });
  bench.durable.pause(counted, { timeoutPaused: false });
  await bench.advance(60_000);
  assert.deepEqual([statusOf(bench, kept), statusOf(bench, counted)], ["PAUSED", "TIMED_OUT"]);
  assert.equal(bench.invocations.length, 2);
  assert.deepEqual(typesOf(bench, kept).slice(-2), ["ExecutionPaused", "WaitSucceeded"]);
  bench.durable.resume(kept, "done", undefined);
  await bench.settle();
  assert.equal(statusOf(bench, kept), "SUCCEEDED");
  assert.throws(() => bench.durable.resume(kept, undefined, undefined), { code: "ResourceConflictException" });
  assert.throws(() => bench.durable.pause(kept, { timeoutPaused: true }), { code: "ResourceConflictException" });
});

test("a running invocation that is paused gets no token at its next checkpoint, and is continued by another one", async () => {
  const bench = benchOf((get) => (event) => {
    const { durable } = get();
    const { DurableExecutionArn: arn, CheckpointToken: token } = event;
    if (operationsOf(event).size > 0) return succeeded("2");
    durable.pause(arn, { timeoutPaused: true });
    assert.equal(durable.get(arn).execution.status, "PAUSING");
    const answer = durable.checkpoint(arn, token, [step("s", "SUCCEED", { Payload: "1" })], undefined);
    assert.equal(answer.CheckpointToken, undefined);
    assert.equal(durable.get(arn).execution.status, "PAUSED");
    // An SDK that does not know this takes the missing token for a fault.
    return { Status: "FAILED", Error: { ErrorMessage: "Invalid checkpoint token" } };
  });
  const arn = bench.start("f");
  await bench.settle();
  assert.equal(statusOf(bench, arn), "PAUSED");
  bench.durable.resume(arn, undefined, undefined);
  await bench.settle();
  assert.equal(statusOf(bench, arn), "SUCCEEDED");
});

test("an invocation that fails is tried five times, ever later; one that cannot be had is waited for", async () => {
  const bench = benchOf(() => () => {
    throw new TypeError("no");
  });
  const arn = bench.start("f");
  await bench.advance(14_999);
  assert.equal(bench.invocations.length, 4, "after 0, 1, 3 and 7 seconds");
  await bench.advance(1);
  assert.equal(statusOf(bench, arn), "FAILED");
  const { error } = bench.durable.get(arn).execution;
  assert.deepEqual([error?.ErrorType, error?.ErrorMessage], ["TypeError", "no"]);

  let free = false;
  const full = benchOf(() => () => {
    if (free) return succeeded();
    throw new ServiceError("TooManyRequestsException", "Rate Exceeded.");
  });
  const patient = full.start("f");
  await full.advance(300_000);
  assert.equal(statusOf(full, patient), "RUNNING");
  assert.ok(full.invocations.length < 30, "ever more rarely");
  free = true;
  await full.advance(60_000);
  assert.equal(statusOf(full, patient), "SUCCEEDED");
  assert.ok(!typesOf(full, patient).slice(0, -2).includes("InvocationCompleted"), "what did not run did not complete");
});

test("answers that are none fail the execution, in the words of the service", async () => {
  const cases: readonly [answer: unknown, message: RegExp][] = [
    ["text", /Invalid Status in invocation output/],
    [{ Status: "DONE" }, /Invalid Status in invocation output/],
    [{ Status: "SUCCEEDED", Error: {} }, /Cannot provide an Error for SUCCEEDED status/],
    [{ Status: "FAILED", Result: "1" }, /Cannot provide a Result for FAILED status/],
    [succeeded("x".repeat(1024 * 1024 + 1)), /output payload size must be less than or equal to 1048576 bytes/],
    [pending, /Cannot return PENDING status with no pending operations/],
  ];
  for (const [answer, message] of cases) {
    const bench = benchOf(() => () => answer);
    const arn = bench.start("f");
    await bench.advance(60_000);
    const { status, error } = bench.durable.get(arn).execution;
    assert.equal(status, "FAILED");
    assert.match(error?.ErrorMessage ?? "", message);
    assert.equal(error?.ErrorType, "InvalidParameterValueException");
  }
});

test("a name is an execution's: the same start finds it, another one is refused", async () => {
  const bench = benchOf(once(wait("w", 5)));
  const arn = bench.start("f", { name: "n", payload: "1" });
  assert.equal(bench.start("f", { name: "n", payload: "1" }), arn);
  assert.throws(() => bench.start("f", { name: "n", payload: "2" }), {
    code: "DurableExecutionAlreadyStartedException",
  });
  await bench.advance(5000);
  assert.equal(bench.start("f", { name: "n", payload: "1" }), arn, "also when it has ended");
  assert.equal((await bench.durable.finished(arn)).status, "SUCCEEDED");
  bench.durable.remove(arn);
  assert.notEqual(bench.start("f", { name: "n", payload: "2" }), arn);
});

test("another process takes up what this one left: waits, running functions, plain functions they wait for", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "thaw-durable-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "durable.sqlite");
  const never = new Promise<never>(() => {});
  let stuck = true;
  const functions = {
    waits: once(wait("w", 60))(() => current),
    runs: () => (stuck ? never : succeeded("again")),
    calls: once(invoke("i", "plain"))(() => current),
    plain: () => (stuck ? never : "fine"),
  };
  let current = openBench(functions, { path, plain: ["plain"] });
  current.durable.takeUp();
  const arns = ["waits", "runs", "calls"].map((name) => current.start(name));
  await current.settle();
  const from = current.now();
  current.durable.close();

  stuck = false;
  current = openBench(functions, { path, plain: ["plain"], from: from + 30_000 });
  current.durable.takeUp();
  await current.settle();
  assert.deepEqual(
    arns.map((arn) => statusOf(current, arn)),
    ["RUNNING", "SUCCEEDED", "SUCCEEDED"],
  );
  await current.advance(30_000);
  assert.equal(statusOf(current, arns[0]!), "SUCCEEDED");
  current.durable.close();
});

test("a door that knows nothing of executions gets the answer of one", async () => {
  const bench = benchOf(once(wait("w", 5)));
  const invocation = {
    requestId: "r",
    target: bench.target("f"),
    invokedArn: "arn",
    payload: Buffer.from("{}"),
    tail: false,
    received: 0,
  };
  const answer = bench.durable.run(invocation);
  await bench.advance(5000);
  const { outcome, requestId } = await answer;
  assert.equal(requestId, "r");
  assert.equal(outcome.kind === "returned" && JSON.parse(outcome.payload.toString()).Status, "SUCCEEDED");
  const failing = benchOf(() => () => ({ Status: "FAILED", Error: { ErrorType: "T", ErrorMessage: "m" } }));
  const failed = failing.durable.run(invocation);
  await failing.settle();
  const { outcome: end } = await failed;
  assert.ok(end.kind === "failed");
  assert.deepEqual(JSON.parse(end.failure.payload.toString()), { errorType: "T", errorMessage: "m" });
});
