import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionVersion } from "../../model/index.ts";
import { createFunctionMetrics } from "./functions.ts";
import type { Series } from "./series.ts";
import type { Sketch } from "./sketch.ts";

const version = (name: string, more: Partial<FunctionVersion> = {}): FunctionVersion =>
  ({ account: "a", region: "r", name, version: "1", provisionedConcurrency: 0, ...more }) as FunctionVersion;

test("what an account has claimed is what it has reserved and provisioned, and what runs of all else", () => {
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
  const free = version("free");
  const reserved = version("reserved", { reservedConcurrency: 60 });
  for (const target of [free, free, reserved]) metrics.begun(target);
  metrics.ended(free);
  collect(0);
  const most = (name: string) => read.get(name)?.max;
  assert.equal(most("ConcurrentExecutions"), 3);
  assert.equal(most("ConcurrentExecutions reserved"), 1);
  assert.equal(most("UnreservedConcurrentExecutions"), 2);
  const claimed = read.get("ClaimedAccountConcurrency")!;
  assert.deepEqual([claimed.max, claimed.min], [102, 101]);
  assert.equal(claimed?.sum, read.get("UnreservedConcurrentExecutions")!.sum + 100 * claimed.count);
});
