import assert from "node:assert/strict";
import { test } from "node:test";
import type { MappingRecord, SourceKind } from "../../registry/index.ts";
import { settingsOf } from "./settings.ts";

const of = (settings: Record<string, unknown>, source: SourceKind = "sqs") =>
  settingsOf({ source, settings: { EventSourceArn: "arn", ...settings } } as unknown as MappingRecord);

test("without settings a queue is read in batches of ten, as far as Lambda scales", () => {
  assert.deepEqual(of({}), {
    queueArn: "arn",
    fifo: false,
    batchSize: 10,
    windowMs: 0,
    reportsItems: false,
    mostConcurrent: 1250,
    pollers: [1, 5],
  });
  assert.equal(of({}, "sqs-fifo").mostConcurrent, 1000);
});

test("what the mapping says counts: concurrency, pollers, windows, answers", () => {
  assert.equal(of({ ScalingConfig: { MaximumConcurrency: 7 } }).mostConcurrent, 7);
  const provisioned = of({ ProvisionedPollerConfig: { MinimumPollers: 3, MaximumPollers: 20 } });
  assert.deepEqual([provisioned.pollers, provisioned.mostConcurrent], [[3, 20], 200]);
  const { windowMs, reportsItems } = of({
    MaximumBatchingWindowInSeconds: 4,
    FunctionResponseTypes: ["ReportBatchItemFailures"],
  });
  assert.deepEqual([windowMs, reportsItems], [4000, true]);
});
