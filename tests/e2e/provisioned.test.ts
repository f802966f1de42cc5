import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  GetProvisionedConcurrencyConfigCommand,
  type LambdaClient,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  PutProvisionedConcurrencyConfigCommand,
  TooManyRequestsException,
} from "@aws-sdk/client-lambda";
import { createAdmission } from "../../src/capacity/index.ts";
import { openRig } from "../../src/environments/testing.ts";
import { createInvoke } from "../../src/invoke/index.ts";
import { type FunctionVersion, type Invocation, monotonicMs, ServiceError } from "../../src/model/index.ts";
import { answerOf, createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Provisioned concurrency and the limits, on the whole platform with calls that run at the same time. */
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

const slow = `exports.handler = async () => {
  await new Promise((go) => setTimeout(go, 700));
  return process.env.AWS_LAMBDA_INITIALIZATION_TYPE;
};`;

async function provisioned(FunctionName: string, executions: number): Promise<string | undefined> {
  await client.send(new PublishVersionCommand({ FunctionName }));
  const one = { FunctionName, Qualifier: "1" };
  await client.send(
    new PutProvisionedConcurrencyConfigCommand({ ...one, ProvisionedConcurrentExecutions: executions }),
  );
  const deadline = Date.now() + 20_000;
  for (;;) {
    const { Status, StatusReason } = await client.send(new GetProvisionedConcurrencyConfigCommand(one));
    if (Status !== "IN_PROGRESS") return StatusReason ?? Status;
    if (Date.now() > deadline) throw new Error("neither ready nor failed within 20 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("a reservation bounds the provisioned environments and what spills over together", async () => {
  await createFunction(client, "bounded", { code: { "index.js": slow } });
  await client.send(new PutFunctionConcurrencyCommand({ FunctionName: "bounded", ReservedConcurrentExecutions: 3 }));
  assert.equal(await provisioned("bounded", 2), "READY");
  const calls = Array.from({ length: 5 }, () => answerOf(client, "bounded", {}, { Qualifier: "1" }));
  const settled = await Promise.allSettled(calls);
  const answers = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  assert.deepEqual(answers.sort(), ["on-demand", "provisioned-concurrency", "provisioned-concurrency"]);
  for (const one of settled) {
    if (one.status === "fulfilled") continue;
    assert.ok(one.reason instanceof TooManyRequestsException);
    assert.equal(one.reason.Reason, "ReservedFunctionConcurrentInvocationLimitExceeded");
  }
});

test("an init that fails is told in Lambda's words", async () => {
  await createFunction(client, "broken", { code: { "index.js": "throw new Error('no')" } });
  assert.equal(await provisioned("broken", 1), "FUNCTION_ERROR_INIT_FAILURE");
});

test("calls on provisioned environments do not compete for what the account has left", async () => {
  await using rig = await openRig();
  const admission = createAdmission({ unreserved: () => 1 });
  const invoke = createInvoke({
    ...admission,
    acquire: rig.environments.acquire,
    record: () => {},
    startFailed: (_target, error) => new ServiceError("ServiceException", String(error)),
  });
  const kept = rig.version(slow, { name: "kept", arn: "kept:1", provisionedConcurrency: 2 });
  const other = rig.version(slow, { name: "other", arn: "other:1" });
  rig.environments.provision(kept, 2);
  while (rig.environments.provisioned(kept).available < 2) await new Promise((resolve) => setTimeout(resolve, 10));

  const outcomes = await Promise.all([other, other, kept, kept, kept].map((target) => outcomeOf(invoke, target)));
  assert.deepEqual(outcomes, [
    "on-demand",
    "ConcurrentInvocationLimitExceeded",
    "provisioned-concurrency",
    "provisioned-concurrency",
    "ConcurrentInvocationLimitExceeded",
  ]);
  assert.equal(await outcomeOf(invoke, other), "on-demand", "all places were given back");
});

/** What the function answers, or why it was turned away. */
async function outcomeOf(invoke: ReturnType<typeof createInvoke>, target: FunctionVersion): Promise<unknown> {
  const requestId = crypto.randomUUID();
  const event: Invocation = {
    requestId,
    target,
    invokedArn: target.arn,
    payload: Buffer.from("{}"),
    tail: false,
    received: monotonicMs(),
  };
  try {
    const { outcome } = await invoke(event);
    return outcome.kind === "returned" ? JSON.parse(outcome.payload.toString()) : outcome.kind;
  } catch (error) {
    return (error as ServiceError).fields.Reason;
  }
}
