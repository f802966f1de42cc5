import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionVersion, Invocation, Timing } from "../../model/index.ts";
import { createFunctionMetrics } from "./functions.ts";
import type { Series } from "./series.ts";
import type { Sketch } from "./sketch.ts";

const version = (name: string, more: Partial<FunctionVersion> = {}): FunctionVersion =>
  ({ account: "a", region: "r", name, version: "1", provisionedConcurrency: 0, ...more }) as FunctionVersion;

/** Metrics of which the latest of each name (and values of its dimensions) is in `read` after `collect`. */
function open() {
  let collect: (at: number) => void = () => {};
  const read = new Map<string, Sketch>();
  const metrics = createFunctionMetrics({
    metrics: {
      put: () => assert.fail("nothing is counted alone"),
      putSketch: ({ name, dimensions }: Series, _at: number, sketch: Sketch) =>
        void read.set([name, ...dimensions.map(({ value }) => value)].join(" "), sketch),
      collect: (counter) => {
        collect = counter;
      },
    },
    clock: () => 0,
    claimed: () => 100,
  });
  return { metrics, read, collect: () => collect(0) };
}

test("a start that nobody waited for is no cold start", () => {
  const { metrics, read, collect } = open();
  const target = version("f");
  const invocation = { target, invokedArn: "arn" } as Invocation;
  const nothing = { place: 0, sandbox: 0, agent: 0, runtimeBoot: 0, codeInit: 0, restore: 0, hooks: 0, handler: 1 };
  metrics.record(invocation, { ...nothing, start: "restore", sandbox: 2, restore: 3 } as Timing, undefined);
  metrics.record(invocation, { ...nothing, start: "restore" } as Timing, undefined);
  metrics.record(invocation, { ...nothing, start: "warm", place: 1 } as Timing, undefined);
  collect();
  const { count, sum } = read.get("ColdStarts f")!;
  assert.deepEqual([count, sum], [3, 1]);
  const durations = read.get("StartDuration f")!;
  assert.deepEqual([durations.count, durations.sum], [1, 5]);
});

test("what an account has claimed is what it has reserved and provisioned, and what runs of all else", () => {
  const { metrics, read, collect } = open();
  const free = version("free");
  const reserved = version("reserved", { reservedConcurrency: 60 });
  for (const target of [free, free, reserved]) metrics.begun(target);
  metrics.ended(free);
  collect();
  const most = (name: string) => read.get(name)?.max;
  assert.equal(most("ConcurrentExecutions"), 3);
  assert.equal(most("ConcurrentExecutions reserved"), 1);
  assert.equal(most("UnreservedConcurrentExecutions"), 2);
  const claimed = read.get("ClaimedAccountConcurrency")!;
  assert.deepEqual([claimed.max, claimed.min], [102, 101]);
  assert.equal(claimed?.sum, read.get("UnreservedConcurrentExecutions")!.sum + 100 * claimed.count);
});
