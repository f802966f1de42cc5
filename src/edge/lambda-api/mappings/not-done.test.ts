import assert from "node:assert/strict";
import { test } from "node:test";
import { refuseNotDone } from "./not-done.ts";

test("what nobody reads here is refused by a name that says why", () => {
  const SchemaRegistryConfig = { SchemaRegistryURI: "https://registry.example.com", EventRecordFormat: "JSON" };
  const refused = [
    ["documentdb", {}, /DocumentDB/],
    ["msk", { AmazonManagedKafkaEventSourceConfig: { SchemaRegistryConfig } }, /SchemaRegistryConfig/],
    ["kafka", { SelfManagedKafkaEventSourceConfig: { SchemaRegistryConfig } }, /SchemaRegistryConfig/],
    ["kafka", { SelfManagedKafkaEventSourceConfig: { ConsumptionMode: "queue" } }, /ConsumptionMode/],
  ] as const;
  for (const [kind, settings, message] of refused) {
    assert.throws(() => refuseNotDone(kind, settings), { code: "NotImplementedException", message });
  }
  refuseNotDone("kafka", { SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: "g" } });
  refuseNotDone("activemq", {});
});
