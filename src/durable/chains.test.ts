import assert from "node:assert/strict";
import { test } from "node:test";
import {
  benchOf,
  type Handler,
  once,
  openBench,
  operationsOf,
  pending,
  succeeded,
  typesOf,
  updates,
} from "./testing.ts";

const { wait, invoke } = updates;

test("a chained invocation ends as the other function does", async () => {
  const results: string[] = [];
  const parent: Handler = (event) => {
    const known = operationsOf(event).get("i");
    if (known === undefined) {
      const target = JSON.parse(event.InitialExecutionState.Operations[0].ExecutionDetails.InputPayload) as string;
      const { DurableExecutionArn: arn, CheckpointToken: token } = event;
      const { NewExecutionState } = bench.durable.checkpoint(arn, token, [invoke("i", target)], undefined);
      if (NewExecutionState.Operations[0]!.Status === "FAILED") return succeeded("at once");
      return pending;
    }
    results.push(
      [known.Status, known.ChainedInvokeDetails.Result ?? known.ChainedInvokeDetails.Error.ErrorType].join(),
    );
    return succeeded();
  };
  const bench: ReturnType<typeof openBench> = openBench(
    {
      parent,
      plain: () => ({ fine: true }),
      broken: () => {
        throw new RangeError("no");
      },
      good: () => succeeded("1"),
      bad: () => ({ Status: "FAILED", Error: { ErrorType: "Bad" } }),
      slow: once(wait("w", 10_000))(() => bench),
      stopped: (event) => {
        setImmediate(() => bench.durable.stop(event.DurableExecutionArn, { ErrorType: "Halt" }));
        return once(wait("w", 10))(() => bench)(event, undefined as never);
      },
    },
    { plain: ["plain", "broken"], settings: { timeoutSeconds: 600, retentionDays: 1 } },
  );
  bench.durable.takeUp();
  for (const target of ["plain", "broken", "good:$LATEST", "bad:$LATEST", "stopped:$LATEST"]) {
    bench.start("parent", { payload: JSON.stringify(target) });
    await bench.advance(1);
  }
  assert.deepEqual(results, [
    `SUCCEEDED,{"fine":true}`,
    "FAILED,RangeError",
    "SUCCEEDED,1",
    "FAILED,Bad",
    "STOPPED,Halt",
  ]);
  for (const target of ["nobody", "good"]) {
    const arn = bench.start("parent", { payload: JSON.stringify(target) });
    await bench.settle();
    assert.equal(bench.durable.get(arn).execution.result, "at once");
    assert.deepEqual(typesOf(bench, arn).slice(1, 3), ["ChainedInvokeStarted", "ChainedInvokeFailed"]);
  }
});

test("functions that invoke each other without end are stopped", async () => {
  const statuses: string[] = [];
  const bench = benchOf((get) => (event) => {
    const known = operationsOf(event).get("i");
    if (known === undefined) {
      const again = [invoke("i", "f:$LATEST")];
      get().durable.checkpoint(event.DurableExecutionArn, event.CheckpointToken, again, undefined);
      return pending;
    }
    if (known.ChainedInvokeDetails.Error !== undefined) statuses.push(known.ChainedInvokeDetails.Error.ErrorType);
    return known.Status === "STARTED" ? pending : succeeded();
  });
  bench.start("f");
  await bench.advance(60_000);
  assert.deepEqual(statuses, ["RecursiveInvocationException"]);
  assert.equal(new Set(bench.invocations.map(({ traceId }) => traceId)).size, 17);
});
