import assert from "node:assert/strict";
import { test } from "node:test";
import { rabbitItem, rabbitPayload } from "./event.ts";

test("an event has its messages by queue and virtual host, as Lambda's example has them", () => {
  const item = rabbitItem({
    content: Buffer.from('{"timeout":0,"data":"CZrmf0Gw8Ov4bqLQxD4E"}'),
    redelivered: false,
    properties: {
      contentType: "text/plain",
      headers: { header1: "value1", numberInHeader: 10, inner: { list: ["a"] } },
      deliveryMode: 1,
      priority: 34,
      expiration: "60000",
      timestamp: 2021,
      userId: "AIDACKCEVSQ6C2EXAMPLE",
    },
  });
  const payload = rabbitPayload(
    [JSON.stringify(item)],
    "test",
    "/",
    "arn:aws:mq:us-west-2:111122223333:broker:test:b-1",
  );
  assert.deepEqual(JSON.parse(payload.toString()), {
    eventSource: "aws:rmq",
    eventSourceArn: "arn:aws:mq:us-west-2:111122223333:broker:test:b-1",
    rmqMessagesByQueue: {
      "test::/": [
        {
          basicProperties: {
            contentType: "text/plain",
            contentEncoding: null,
            headers: {
              header1: { bytes: [118, 97, 108, 117, 101, 49] },
              numberInHeader: 10,
              inner: { list: [{ bytes: [97] }] },
            },
            deliveryMode: 1,
            priority: 34,
            correlationId: null,
            replyTo: null,
            expiration: "60000",
            messageId: null,
            timestamp: "Jan 1, 1970, 12:33:41 AM",
            type: null,
            userId: "AIDACKCEVSQ6C2EXAMPLE",
            appId: null,
            clusterId: null,
            bodySize: 43,
          },
          redelivered: false,
          data: "eyJ0aW1lb3V0IjowLCJkYXRhIjoiQ1pybWYwR3c4T3Y0YnFMUXhENEUifQ==",
        },
      ],
    },
  });
});

test("times that no calendar has and tables without a bottom are no hindrance", () => {
  let deep: Record<string, unknown> = {};
  for (let depth = 0; depth < 20_000; depth += 1) deep = { deep };
  const properties = { timestamp: Number.MAX_SAFE_INTEGER, headers: deep };
  const item = rabbitItem({ content: Buffer.alloc(0), redelivered: false, properties });
  assert.equal(item.basicProperties.timestamp, null);
  assert.ok(JSON.stringify(item).length < 5000);
});
