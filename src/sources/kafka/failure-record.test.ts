import assert from "node:assert/strict";
import { test } from "node:test";
import { kafkaFailureRecord } from "./failure-record.ts";

test("a record whose producer names a time that no calendar has can be given up, too", () => {
  const records = [2n ** 63n - 1n, -(2n ** 63n)].map((arrived, index) => ({
    lane: "t-0",
    offset: BigInt(index),
    arrived: Number(arrived),
    json: "{}",
    bytes: 2,
  }));
  const lost = { functionArn: "f", condition: "RetryAttemptsExhausted", invocations: 1, last: undefined } as const;
  const about = { records, clusterArn: undefined, bootstrapServers: "b", payloadSize: 2 };
  const { KafkaBatchInfo } = kafkaFailureRecord({ ...lost, ...about }, 0) as {
    KafkaBatchInfo: { recordsInfo: Record<string, Record<string, string>> };
  };
  const { firstRecordTimestamp, lastRecordTimestamp } = KafkaBatchInfo.recordsInfo["t-0"]!;
  assert.equal(firstRecordTimestamp, "+275760-09-13T00:00:00.000Z");
  assert.equal(lastRecordTimestamp, "-271821-04-20T00:00:00.000Z");
});
