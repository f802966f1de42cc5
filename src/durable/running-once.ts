import { type Invocation, type InvocationResult, monotonicMs, type Timing } from "../model/index.ts";
import type { Engine } from "./engine.ts";
import { startOrFind } from "./starting.ts";
import type { DurableStore } from "./store.ts";
import { answerOf } from "./views.ts";

const nothing: Omit<Timing, "total" | "unexplained"> = {
  start: "warm",
  admit: 0,
  place: 0,
  sandbox: 0,
  agent: 0,
  runtimeBoot: 0,
  codeInit: 0,
  restore: 0,
  hooks: 0,
  handler: 0,
  response: 0,
};

/** Starts an execution of a durable function, and answers as its one invocation would. Rejects with ServiceError. */
export async function runOnce(engine: Engine, store: DurableStore, invocation: Invocation): Promise<InvocationResult> {
  const { target, traceId, tenantId } = invocation;
  const { durable } = target;
  if (durable === undefined) throw new Error(`${target.arn} is not durable`);
  const payload = invocation.payload.toString("utf8");
  const request = { target: { ...target, durable }, payload, synchronous: true, traceId, tenantId };
  const { arn } = engine.change((unit) => startOrFind(store, unit, request));
  const execution = await engine.finished(arn);
  await store.synced();
  const { failed, payload: answer } = answerOf(execution);
  const errorType = execution.error?.ErrorType ?? "Error";
  // Its invocations have timings of their own: what this one took is waiting.
  const total = monotonicMs() - invocation.received;
  return {
    requestId: invocation.requestId,
    executedVersion: target.version,
    outcome: failed
      ? { kind: "failed", failure: { functionError: "Unhandled", errorType, payload: answer } }
      : { kind: "returned", payload: answer },
    logTail: undefined,
    timing: { ...nothing, total, unexplained: total },
  };
}
