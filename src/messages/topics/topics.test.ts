import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bench, openBench, place } from "../testing.ts";
import { EndpointRefused } from "./outbox.ts";

const minute = 60_000;
const queueArn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;

/** A queue that topics may send to. */
async function newQueue({ messages }: Bench, name: string): Promise<void> {
  const Statement = { Effect: "Allow", Principal: { Service: "sns.amazonaws.com" }, Action: "sqs:*", Resource: "*" };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
  await messages.queues.create(place, name, { Policy }, {});
}

async function bodiesIn({ messages }: Bench, name: string): Promise<string[]> {
  const queue = messages.queues.get(place, name);
  const got = await messages.queues.receive(queue, { want: 10, visibilityMs: 30_000, waitMs: 0 });
  return got.map(({ body }) => body);
}

const newTopic = ({ messages }: Bench) => messages.topics.create(place, "t", {}, {});

async function subscribe(bench: Bench, protocol: string, endpoint: string, attributes: Record<string, string> = {}) {
  const { topics } = bench.messages;
  const topic = topics.get("arn:aws:sns:us-east-1:000000000000:t");
  const subscription = await topics.subscribe(topic, { owner: place.account, protocol, endpoint, attributes });
  const { token } = subscription.record;
  if (token !== undefined) await topics.confirm(topic, token, false);
  await bench.advance(0);
  bench.sent.length = 0;
  return subscription;
}

async function publish(bench: Bench, message: string): Promise<void> {
  const { topics } = bench.messages;
  const [result] = await topics.publish(topics.get("arn:aws:sns:us-east-1:000000000000:t"), [{ message }]);
  assert.equal(result?.ok, true);
  await bench.advance(0);
}

const url = "http://127.0.0.1:1/hook";
const messagesOf = (bench: Bench) => bench.sent.map(({ body }) => JSON.parse(body).Message);

test("an endpoint that fails is tried again after a while, as often as the policy says, and then its message is buried", async () => {
  let tries = 0;
  using bench = openBench({
    toUrl: async (_to, body) => {
      if (!body.includes('"Notification"')) return;
      tries += 1;
      throw new Error("down");
    },
  });
  await newQueue(bench, "letters");
  await newTopic(bench);
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: queueArn("letters") });
  await subscribe(bench, "http", url, { RedrivePolicy });
  await publish(bench, "m");
  assert.equal(tries, 1);
  await bench.advance(19_000);
  assert.equal(tries, 1);
  for (let expected = 2; expected <= 4; expected += 1) {
    await bench.advance(20_000);
    assert.equal(tries, expected);
  }
  const [letter = ""] = await bodiesIn(bench, "letters");
  assert.equal(JSON.parse(letter).Message, "m");
  await bench.advance(minute);
  assert.equal(tries, 4);
});

test("an endpoint that refuses is not asked again", async () => {
  let tries = 0;
  using bench = openBench({
    toUrl: async (_to, body) => {
      if (!body.includes('"Notification"')) return;
      tries += 1;
      throw new EndpointRefused("answered 403");
    },
  });
  await newTopic(bench);
  await subscribe(bench, "http", url);
  await publish(bench, "m");
  await bench.advance(minute);
  assert.equal(tries, 1);
  assert.match(bench.notes.at(-1) ?? "", /could not be delivered to .* answered 403/);
});

test("what is on its way is sent by the next process", async () => {
  let down = true;
  using bench = openBench({
    toUrl: async (_to, body) => {
      if (down && body.includes('"Notification"')) throw new Error("down");
    },
  });
  await newTopic(bench);
  await subscribe(bench, "http", url);
  await publish(bench, "kept");
  down = false;
  bench.reopen();
  await bench.advance(20_000);
  assert.deepEqual(messagesOf(bench), ["kept"]);
  await bench.advance(minute);
  assert.deepEqual(messagesOf(bench), ["kept"]);
});

test("who has not confirmed gets nothing, and neither does who has left", async () => {
  using bench = openBench();
  const topic = await newTopic(bench);
  const { topics } = bench.messages;
  const given = { owner: place.account, protocol: "http", endpoint: url, attributes: {} };
  const pending = await topics.subscribe(topic, given);
  await publish(bench, "too early");
  assert.deepEqual(
    bench.sent.map(({ body }) => JSON.parse(body).Type),
    ["SubscriptionConfirmation"],
  );
  await assert.rejects(topics.confirm(topic, "not the token", false), /Invalid parameter: Token/);
  const confirmed = await topics.confirm(topic, pending.record.token ?? "", false);
  await publish(bench, "in time");
  await topics.unsubscribe(confirmed);
  await publish(bench, "too late");
  assert.deepEqual(messagesOf(bench).slice(1), ["in time"]);
});

test("a queue, a function and their messages are kept together: all are there after a publication, or none", async () => {
  using bench = openBench();
  await newQueue(bench, "q");
  await newTopic(bench);
  await subscribe(bench, "sqs", queueArn("q"), { RawMessageDelivery: "true" });
  const fn = "arn:aws:lambda:us-east-1:000000000000:function:f";
  await subscribe(bench, "lambda", fn);
  await publish(bench, "m");
  assert.deepEqual(await bodiesIn(bench, "q"), ["m"]);
  assert.deepEqual(
    bench.sent.map(({ to, body }) => [to, JSON.parse(body).Records[0].Sns.Message]),
    [[fn, "m"]],
  );
});
