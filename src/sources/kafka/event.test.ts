import assert from "node:assert/strict";
import { test } from "node:test";
import { type KafkaMessage, kafkaItem, kafkaPayload, laneOf } from "./event.ts";

const message: KafkaMessage = {
  topic: "orders",
  partition: 2,
  offset: 15n,
  timestamp: 1545084650987,
  appendTime: false,
  key: Buffer.from("k"),
  value: Buffer.from("Hello, this is a test."),
  headers: [
    ["name", Buffer.from("value")],
    ["name", Buffer.from([255])],
  ],
};

const recordOf = (one: KafkaMessage) => {
  const json = JSON.stringify(kafkaItem(one));
  const { topic, partition, offset, timestamp } = one;
  return { offset, lane: laneOf(topic, partition), arrived: timestamp, json, bytes: json.length };
};

test("an event has its records by topic and partition, with base64 and headers of signed bytes", () => {
  const other = { ...message, partition: 0, key: null, value: null, headers: [], appendTime: true };
  const payload = kafkaPayload([recordOf(message), recordOf(other)], "a:9092,b:9092", { clusterArn: undefined });
  assert.deepEqual(JSON.parse(payload.toString()), {
    eventSource: "SelfManagedKafka",
    bootstrapServers: "a:9092,b:9092",
    records: {
      "orders-2": [
        {
          topic: "orders",
          partition: 2,
          offset: 15,
          timestamp: 1545084650987,
          timestampType: "CREATE_TIME",
          key: "aw==",
          value: "SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==",
          headers: [{ name: [118, 97, 108, 117, 101] }, { name: [-1] }],
        },
      ],
      "orders-0": [
        {
          topic: "orders",
          partition: 0,
          offset: 15,
          timestamp: 1545084650987,
          timestampType: "LOG_APPEND_TIME",
          headers: [],
        },
      ],
    },
  });
});

test("an event of MSK names its cluster", () => {
  const clusterArn = "arn:aws:kafka:us-east-1:123456789012:cluster/c/1";
  const { eventSource, eventSourceArn } = JSON.parse(kafkaPayload([], "a:9092", { clusterArn }).toString());
  assert.deepEqual([eventSource, eventSourceArn], ["aws:kafka", clusterArn]);
});
