import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "../../tests/properties.ts";
import {
  type Bench,
  type DurableEvent,
  openBench,
  operationsOf,
  owner,
  pending,
  succeeded,
  updates,
} from "./testing.ts";
import type { OperationUpdate } from "./validate.ts";

/** The platform is killed at any moment, again and again, and executions end as if nothing had happened. */

const { wait, callback, invoke, step, context } = updates;

/** What a workflow does one after the other; each has an operation of its own, named by its place. */
const kinds = ["step", "flaky", "wait", "callback", "plain", "child"] as const;
type Kind = (typeof kinds)[number];

interface World {
  bench: Bench;
  now: number;
  /** how many more words with the platform until it is killed, and whether the last one is still heard by it */
  fuse: number;
  heard: boolean;
}

class Killed extends Error {}

/** A checkpoint, unless the platform dies before or after it. */
function send(world: World, event: DurableEvent, batch: readonly OperationUpdate[]): void {
  const { bench } = world;
  // it is dead already, and another function of it did not know
  if (world.fuse === 0) throw new Killed();
  world.fuse -= 1;
  if (world.fuse === 0 && !world.heard) bench.kill();
  if (world.fuse === 0 && !world.heard) throw new Killed();
  const { CheckpointToken } = bench.durable.checkpoint(
    event.DurableExecutionArn,
    event.CheckpointToken,
    batch,
    undefined,
  );
  if (world.fuse === 0) bench.kill();
  if (world.fuse === 0) throw new Killed();
  (event as { CheckpointToken: string }).CheckpointToken = CheckpointToken ?? "";
}

/** Does what comes next, as far as it can without waiting. */
function workflow(world: World, plan: readonly Kind[], event: DurableEvent): unknown {
  const done: string[] = [];
  const known = operationsOf(event);
  for (const [place, kind] of plan.entries()) {
    const id = `${place}-${kind}`;
    const before = known.get(id);
    if (before?.Status === "SUCCEEDED") {
      done.push(
        `${id}:${before.StepDetails?.Result ?? before.ChainedInvokeDetails?.Result ?? before.CallbackDetails?.Result ?? ""}`,
      );
      continue;
    }
    if (before?.Status === "STARTED" && kind !== "step" && kind !== "flaky") return pending;
    if (before?.Status === "PENDING") return pending;
    if (kind === "wait") send(world, event, [wait(id, 5)]);
    else if (kind === "callback") send(world, event, [callback(id)]);
    else if (kind === "plain") send(world, event, [invoke(id, "plain")]);
    else if (kind === "child") send(world, event, [invoke(id, "leaf:$LATEST")]);
    else {
      if (before === undefined || before.Status === "READY") send(world, event, [step(id, "START")]);
      const again = kind === "flaky" && (before?.StepDetails.Attempt ?? 0) < 2;
      const retry = { Error: { ErrorMessage: "not yet" }, StepOptions: { NextAttemptDelaySeconds: 2 } };
      send(world, event, [again ? step(id, "RETRY", retry) : step(id, "SUCCEED", { Payload: `"${id}"` })]);
      if (again) return pending;
      done.push(`${id}:"${id}"`);
      continue;
    }
    return pending;
  }
  const last = context("end", "SUCCEED", { Payload: "1" });
  if (!known.has("end")) send(world, event, [last]);
  return succeeded(JSON.stringify(done));
}

/** Runs a workflow to its end; `fuses`: when the platform is killed, counted in checkpoints since its last start. */
async function run(plan: readonly Kind[], fuses: readonly { readonly after: number; readonly heard: boolean }[]) {
  const folder = mkdtempSync(join(tmpdir(), "thaw-crash-"));
  const path = join(folder, "durable.sqlite");
  const waiting = [...fuses];
  const world = { now: Date.UTC(2026, 0, 1) } as World;
  const functions = {
    f: (event: DurableEvent) => workflow(world, plan, event),
    leaf: (event: DurableEvent) => workflow(world, ["step", "wait"], event),
    plain: () => "plain",
  };
  let arn: string | undefined;
  try {
    for (;;) {
      const fuse = waiting.shift();
      world.fuse = fuse?.after ?? Number.POSITIVE_INFINITY;
      world.heard = fuse?.heard ?? true;
      const bench = openBench(functions, { path, plain: ["plain"], from: world.now });
      world.bench = bench;
      bench.durable.takeUp();
      arn ??= bench.start("f");
      for (let second = 0; second < 120 && world.fuse !== 0; second += 1) {
        answerCallbacks(bench, arn);
        await bench.advance(1000);
        if (world.fuse !== 0 && bench.durable.get(arn).execution.status !== "RUNNING") {
          const { execution } = bench.durable.get(arn);
          const history = bench.durable.history(arn, { limit: 1000, newestFirst: false });
          assert.deepEqual(bench.reported, []);
          bench.kill();
          return { execution, history };
        }
      }
      world.now = bench.now() + 500;
      assert.equal(world.fuse, 0, "it came to no end");
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function answerCallbacks(bench: Bench, arn: string): void {
  const history = bench.durable.history(arn, { limit: 1000, newestFirst: false });
  const over = new Set(history.filter((e) => e.EventType === "CallbackSucceeded").map((e) => e.Id));
  for (const event of history) {
    if (event.EventType !== "CallbackStarted" || over.has(event.Id)) continue;
    const { CallbackId } = event.CallbackStartedDetails as { CallbackId: string };
    bench.durable.endCallback(CallbackId, owner, { result: `"${event.Id}"` });
  }
}

/** The history without what a crash may add: invocations, and steps that had started and start again. */
const essence = (history: readonly { EventType: string; Id?: string | undefined }[]) =>
  history
    .filter(({ EventType }) => EventType !== "InvocationCompleted" && EventType !== "StepStarted")
    .map(({ EventType, Id }) => (EventType.startsWith("Execution") ? EventType : `${EventType} ${Id}`));

test("whenever the platform is killed, an execution has the result and the history of one that was left alone", async () => {
  const plans = fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 5 });
  const kills = fc.array(fc.record({ after: fc.integer({ min: 1, max: 6 }), heard: fc.boolean() }), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(plans, kills, async (plan, fuses) => {
      const calm = await run(plan, []);
      const rough = await run(plan, fuses);
      assert.equal(calm.execution.status, "SUCCEEDED");
      assert.deepEqual(
        [rough.execution.status, rough.execution.result],
        [calm.execution.status, calm.execution.result],
      );
      assert.deepEqual(essence(rough.history), essence(calm.history));
      assert.deepEqual(
        rough.history.map((event) => event.EventId),
        rough.history.map((_, index) => index + 1),
      );
    }),
    { numRuns: 25 },
  );
});
