import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SendDurableExecutionCallbackSuccessCommand } from "@aws-sdk/client-lambda";
import { durableSdk } from "./clients.ts";
import { begin, durableFunction, ended, event, historyOf, sdkLayer, typesOf } from "./durable.ts";
import { lambdaOf } from "./lambda.ts";
import { startServer } from "./server.ts";

/** The platform dies without a word, and durable executions go on as if nothing had happened. */
const dataDir = mkdtempSync(join(tmpdir(), "thaw-durable-"));
after(() => rmSync(dataDir, { recursive: true, force: true }));

test("executions that waited, ran, or had others run for them survive SIGKILL and come to their end", async () => {
  const sdk = await durableSdk();
  const first = await startServer({ dataDir });
  const before = lambdaOf(first);
  const layer = await sdkLayer(before, "durable", sdk);
  for (const handler of ["waits", "callback", "chained", "slow"]) await durableFunction(before, handler, layer);
  await durableFunction(before, "sleeper", layer, null);

  const waiting = await begin(before, "waits:$LATEST", { seconds: 4 });
  const overdue = await begin(before, "waits:$LATEST", { seconds: 1 });
  const called = await begin(before, "callback:$LATEST");
  const running = await begin(before, "slow:$LATEST");
  const parent = await begin(before, "chained:$LATEST", { target: "waits:$LATEST", input: { seconds: 2 } });
  const plain = await begin(before, "chained:$LATEST", { target: "sleeper", input: { ms: 2000 } });
  const { CallbackId } = (await event(before, called, "CallbackStarted")).CallbackStartedDetails!;
  await event(before, waiting, "WaitStarted");
  await event(before, overdue, "WaitStarted");
  await event(before, parent, "ChainedInvokeStarted");
  await event(before, plain, "ChainedInvokeStarted");
  // Its first step is over, its second one runs.
  const done = await event(before, running, "StepSucceeded");
  const known = await Promise.all(
    [waiting, overdue, called, running, parent, plain].map((arn) => historyOf(before, arn)),
  );
  await first.kill();
  before.destroy();
  await new Promise((resolve) => setTimeout(resolve, 1500));

  await using server = await startServer({ dataDir });
  const client = lambdaOf(server);
  for (const [index, arn] of [waiting, overdue, called, running, parent, plain].entries()) {
    const now = await historyOf(client, arn);
    const then = known[index]!;
    assert.deepEqual(now.slice(0, then.length), then, `what was acknowledged of ${arn} is there`);
  }
  await client.send(new SendDurableExecutionCallbackSuccessCommand({ CallbackId, Result: Buffer.from("yes") }));
  const results = await Promise.all(
    [waiting, overdue, called, running, parent, plain].map(async (arn) => {
      const execution = await ended(client, arn);
      assert.equal(execution.Status, "SUCCEEDED", JSON.stringify(execution.Error));
      return JSON.parse(execution.Result!);
    }),
  );
  assert.equal(results[2].answer, "yes");
  assert.equal(
    JSON.stringify(results[3].first),
    done.StepSucceededDetails!.Result!.Payload,
    "a step that was over is not run again",
  );
  assert.deepEqual(results[5], { answer: "slept" });
  const types = typesOf(await historyOf(client, waiting)).filter((type) => type !== "InvocationCompleted");
  assert.deepEqual(types, [
    "ExecutionStarted",
    "StepStarted",
    "StepSucceeded",
    "WaitStarted",
    "WaitSucceeded",
    "StepStarted",
    "StepSucceeded",
    "ExecutionSucceeded",
  ]);
  client.destroy();
});
