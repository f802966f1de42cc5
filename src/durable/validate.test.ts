import assert from "node:assert/strict";
import { test } from "node:test";
import { openBench, pending, updates } from "./testing.ts";
import type { OperationUpdate } from "./validate.ts";

const { wait, callback, invoke, step, context } = updates;

/** An execution whose invocation sends batches until it is told to stop. */
async function open(prepare: readonly OperationUpdate[] = []) {
  let token = "";
  let arn = "";
  const bench = openBench({
    f: (event) => {
      ({ CheckpointToken: token, DurableExecutionArn: arn } = event);
      return new Promise(() => {});
    },
    other: () => pending,
  });
  bench.durable.takeUp();
  bench.start("f");
  await bench.settle();
  const send = (...batch: readonly OperationUpdate[]) => {
    const answer = bench.durable.checkpoint(arn, token, batch, undefined);
    token = answer.CheckpointToken ?? "";
    return answer;
  };
  if (prepare.length > 0) send(...prepare);
  return { bench, send, arn };
}

const error = { ErrorMessage: "no" };
const execution = (Action: "SUCCEED" | "FAIL", more = {}): OperationUpdate => ({
  Id: "e",
  Type: "EXECUTION",
  Action,
  ...more,
});
const large = "x".repeat(1024 * 1024 + 1);
const known = [context("c", "START"), step("s", "START", { Name: "n", SubType: "Step" }), wait("w", 60)];

const refused: readonly [why: string, batch: readonly OperationUpdate[], message: string][] = [
  ["two ends", [execution("SUCCEED"), execution("FAIL")], "Cannot checkpoint multiple EXECUTION updates."],
  [
    "an end that is not the last",
    [execution("SUCCEED"), wait("x", 1)],
    "EXECUTION checkpoint must be the last update.",
  ],
  ["the same wait twice", [wait("x", 1), wait("x", 1)], "Cannot checkpoint multiple operations with the same ID."],
  [
    "a step that ends twice",
    [step("x", "SUCCEED"), step("x", "FAIL")],
    "Cannot checkpoint multiple operations with the same ID.",
  ],
  ["a parent that is none", [{ ...wait("x", 1), ParentId: "s" }], "Invalid parent operation id."],
  ["a parent that does not exist", [{ ...wait("x", 1), ParentId: "y" }], "Invalid parent operation id."],
  ["another type", [context("s", "SUCCEED")], "Inconsistent operation type."],
  ["another name", [step("s", "SUCCEED", { Name: "m" })], "Inconsistent operation name."],
  ["another subtype", [step("s", "SUCCEED", { SubType: "Wait" })], "Inconsistent operation subtype."],
  ["another parent", [step("s", "SUCCEED", { ParentId: "c" })], "Inconsistent parent operation id."],
  [
    "an action that its type does not have",
    [{ ...wait("x", 1), Action: "RETRY" }],
    "Invalid action for the given operation type.",
  ],
  ["a failure with a payload", [step("s", "FAIL", { Payload: "1" })], "Cannot provide a Payload for FAIL action."],
  ["a success with an error", [step("s", "SUCCEED", { Error: error })], "Cannot provide an Error for SUCCEED action."],
  ["a retry without a time", [step("s", "RETRY")], "Invalid StepOptions for the given action."],
  [
    "a retry with both",
    [step("s", "RETRY", { StepOptions: { NextAttemptDelaySeconds: 1 }, Error: error, Payload: "1" })],
    "Cannot provide both error and payload to RETRY a STEP.",
  ],
  [
    "a wait without a time",
    [{ Id: "x", Type: "WAIT", Action: "START" }],
    "Update for WAIT operation requires WaitOptions.",
  ],
  [
    "an invocation of nobody",
    [{ Id: "x", Type: "CHAINED_INVOKE", Action: "START" }],
    "Update for CHAINED_INVOKE operation requires ChainedInvokeOptions.",
  ],
  ["no name", [invoke("x", "a b")], "Invalid function ARN 'a b'"],
  [
    "a function elsewhere",
    [invoke("x", "arn:aws:lambda:eu-west-1:000000000000:function:other")],
    "Cannot start a CHAINED_INVOKE on a function in another region.",
  ],
  [
    "a function of others",
    [invoke("x", "111111111111:function:other")],
    "Cannot start a CHAINED_INVOKE on a function in another account.",
  ],
  ["a wait that exists", [wait("w", 1)], "Cannot start a WAIT that already exist."],
  ["a step that runs", [step("s", "START")], "Invalid current STEP state to start."],
  [
    "a wait that cannot be cancelled",
    [{ Id: "x", Type: "WAIT", Action: "CANCEL" }],
    "Cannot cancel a WAIT that does not exist or has already completed.",
  ],
  [
    "a payload that is too large",
    [step("s", "SUCCEED", { Payload: large })],
    "STEP payload size must be less than or equal to 1048576 bytes.",
  ],
  [
    "an input that is too large",
    [invoke("x", "other", large)],
    "CHAINED_INVOKE input payload size must be less than or equal to 1048576 bytes.",
  ],
  [
    "a result that is too large for who does not wait",
    [execution("SUCCEED", { Payload: large })],
    "Execution output payload size must be less than or equal to 1048576 bytes.",
  ],
  [
    "an error that is too large",
    [step("s", "FAIL", { Error: { ErrorData: large } })],
    "Error object size must be less than or equal to 1048576 bytes.",
  ],
];

for (const [why, batch, message] of refused) {
  test(`a checkpoint is refused for ${why}, and nothing of it is kept`, async () => {
    const { bench, send, arn } = await open(known);
    const before = bench.durable.history(arn, { limit: 100, newestFirst: false });
    assert.throws(() => send(step("good", "SUCCEED"), ...batch), { code: "InvalidParameterValueException", message });
    assert.deepEqual(bench.durable.history(arn, { limit: 100, newestFirst: false }), before);
    send(step("good", "SUCCEED"));
  });
}

test("what is over is not changed again", async () => {
  const { bench, send } = await open(known);
  send(step("s", "SUCCEED"), context("c", "FAIL", { Error: error }));
  assert.throws(() => send(step("s", "FAIL")), /Invalid current STEP state to close/);
  assert.throws(() => send(context("c", "SUCCEED")), /Invalid current CONTEXT state to close/);
  send({ Id: "w", Type: "WAIT", Action: "CANCEL" });
  assert.throws(() => send({ Id: "w", Type: "WAIT", Action: "CANCEL" }), /already completed/);
  await bench.advance(60_000);
  const { NewExecutionState } = send(callback("k"));
  assert.deepEqual(
    NewExecutionState.Operations.map((operation) => operation.Id),
    ["k"],
    "a cancelled wait does not end",
  );
});

test("an execution has at most 3,000 operations and 100 MB", async () => {
  const { send } = await open();
  for (let batch = 0; batch < 14; batch += 1) {
    send(...Array.from({ length: 200 }, (_, index) => step(`s-${batch}-${index}`, "SUCCEED")));
  }
  // The execution itself is one of them.
  send(...Array.from({ length: 199 }, (_, index) => step(`t-${index}`, "SUCCEED")));
  assert.throws(() => send(step("one-more", "SUCCEED")), /at most 3000 operations/);

  const other = await open();
  const Payload = "x".repeat(1024 * 1024);
  for (let index = 0; index < 99; index += 1) other.send(step(`s${index}`, "SUCCEED", { Payload }));
  assert.throws(() => other.send(step("a", "SUCCEED", { Payload })), /at most 104857600 bytes/);
});
