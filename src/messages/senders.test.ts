import assert from "node:assert/strict";
import { test } from "node:test";
import { mayServiceSend } from "./senders.ts";
import { openBench, place } from "./testing.ts";

const rule = "arn:aws:events:us-east-1:000000000000:rule/r";
const sender = { service: "events.amazonaws.com", sourceArn: rule };
const policyFor = (Action: string, Resource: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: "events.amazonaws.com" },
        Action,
        Resource,
        Condition: { ArnEquals: { "aws:SourceArn": rule } },
      },
    ],
  });

test("a queue's policy decides which service may send to it, for which of its resources", async () => {
  using bench = openBench();
  const { messages } = bench;
  const queue = await messages.queues.create(place, "q", {}, {});
  const arn = "arn:aws:sqs:us-east-1:000000000000:q";
  const may = (from = sender, strict = false) => mayServiceSend(messages, arn, from, strict);
  const foreign = { ...sender, sourceArn: rule.replace("000000000000", "111111111111") };
  assert.deepEqual([may(), may(sender, true), may(foreign)], [true, false, false]);
  await messages.queues.setAttributes(queue, { Policy: policyFor("sqs:SendMessage", arn) });
  assert.deepEqual([may(), may(sender, true), may(foreign)], [true, true, false]);
  // Now there is a policy, which names no other rule and no other service.
  assert.equal(may({ ...sender, sourceArn: `${rule}2` }), false);
  assert.equal(may({ ...sender, service: "s3.amazonaws.com" }), false);
  assert.equal(mayServiceSend(messages, `${arn}2`, sender, true), true);
});

test("a topic's policy does the same, the default one only where permissions are checked", async () => {
  using bench = openBench();
  const { messages } = bench;
  const topic = await messages.topics.create(place, "t", {}, {});
  const may = (from = sender, strict = false) => mayServiceSend(messages, topic.arn, from, strict);
  assert.deepEqual([may(), may(sender, true)], [true, false]);
  await messages.topics.setAttribute(topic, "Policy", policyFor("sns:Publish", topic.arn));
  assert.deepEqual([may(), may(sender, true), may({ ...sender, sourceArn: `${rule}2` })], [true, true, false]);
});
