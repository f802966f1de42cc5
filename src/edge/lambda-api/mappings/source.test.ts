import assert from "node:assert/strict";
import { test } from "node:test";
import { sourceOf, sourceRules } from "./source.ts";

const at = (service: string, resource: string) => `arn:aws:${service}:us-east-1:000000000000:${resource}`;

test("a source is known by its ARN", () => {
  const cases: readonly [string, string | undefined][] = [
    [at("sqs", "q"), "sqs"],
    [at("sqs", "q.fifo"), "sqs-fifo"],
    [at("kinesis", "stream/s"), "kinesis"],
    [at("kinesis", "stream/s/consumer/c:1"), "kinesis"],
    [at("dynamodb", "table/t/stream/2026-01-01T00:00:00.000"), "dynamodb"],
    [at("kafka", "cluster/c/1"), "msk"],
    [at("kafka", "vpc-connection/000000000000/c/1"), "msk"],
    [at("mq", "broker:b:b-1"), "activemq"],
    [at("rds", "cluster:c"), "documentdb"],
    [at("dynamodb", "table/t"), undefined],
    [at("kinesis", "application/a"), undefined],
    [at("rds", "db:d"), undefined],
    ["arn:aws:s3:::b", undefined],
    ["", undefined],
  ];
  for (const [arn, kind] of cases) assert.equal(sourceOf(arn, false), kind, arn);
  assert.equal(sourceOf(at("mq", "broker:b:b-1"), true), "rabbitmq");
});

test("only queues begin anywhere, and only Kafka and queues have pollers of their own", () => {
  for (const [kind, rules] of Object.entries(sourceRules)) {
    assert.equal(rules.takes.has("StartingPosition"), rules.startingPositions.length > 0, kind);
    assert.equal(rules.takes.has("ProvisionedPollerConfig"), rules.pollers !== undefined, kind);
  }
});
