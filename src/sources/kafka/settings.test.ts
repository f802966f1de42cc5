import assert from "node:assert/strict";
import { test } from "node:test";
import type { MappingRecord } from "../../registry/index.ts";
import { settingsOf } from "./settings.ts";

const mappingOf = (settings: Readonly<Record<string, unknown>>): MappingRecord => ({
  account: "000000000000",
  region: "us-east-1",
  name: "us-east-1 1",
  uuid: "the-uuid",
  source: "kafka",
  functionName: "f",
  enabled: true,
  lastModified: 0,
  settings,
  tags: {},
});

test("a mapping that says little is read with Lambda's defaults", () => {
  assert.deepEqual(settingsOf(mappingOf({ Topics: ["orders"], EventSourceArn: "arn:aws:kafka:…" })), {
    clusterArn: "arn:aws:kafka:…",
    brokers: [],
    topics: ["orders"],
    group: "the-uuid",
    starting: "TRIM_HORIZON",
    startingAt: 0,
    batchSize: 100,
    windowMs: 500,
    retries: -1,
    mostAgeMs: undefined,
    bisect: false,
    reportsItems: false,
    failureTopic: undefined,
  });
});

test("what is not done is said, and not passed over", () => {
  const refused = [
    { SelfManagedKafkaEventSourceConfig: { SchemaRegistryConfig: { SchemaRegistryURI: "https://registry" } } },
    { AmazonManagedKafkaEventSourceConfig: { ConsumptionMode: "QUEUE" } },
  ];
  for (const settings of refused) assert.throws(() => settingsOf(mappingOf(settings)), /is not done/);
});

test("an on-failure destination is a topic where its name says so", () => {
  const of = (Destination: string) => settingsOf(mappingOf({ DestinationConfig: { OnFailure: { Destination } } }));
  assert.equal(of("kafka://failed").failureTopic, "failed");
  assert.equal(of("arn:aws:sqs:us-east-1:000000000000:failed").failureTopic, undefined);
});
