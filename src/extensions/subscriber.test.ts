import assert from "node:assert/strict";
import { test } from "node:test";
import { type Room, Subscriber } from "./subscriber.ts";
import type { Subscription } from "./subscription.ts";

const to: Subscription = {
  types: ["platform", "function"],
  destination: { port: 0x1234, path: undefined },
  maxItems: 2,
  maxBytes: 10_000,
  timeoutMs: 5,
  logs: undefined,
};
const line = (text: string) => ({ time: "t", type: "function", record: text });

function open(changes: Partial<Subscription> = {}, room: Room = { bytes: 100_000 }) {
  const sent: Buffer[] = [];
  const dropped: [number, string][] = [];
  const subscriber = new Subscriber(
    "s",
    { ...to, ...changes },
    {
      send: (payload) => sent.push(payload),
      dropped: (records, _bytes, reason) => void dropped.push([records, reason]),
      room,
    },
  );
  const texts = () => sent.map((payload) => payload.toString("utf8", 3));
  const until = async (count: number) => {
    while (sent.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  return { subscriber, sent, dropped, texts, until, room };
}

test("a batch goes when it is full or old, one at a time", async () => {
  const { subscriber, texts, until, sent, room } = open();
  subscriber.take(line("1"));
  assert.equal(sent.length, 0);
  subscriber.take(line("2"));
  assert.equal(sent.length, 1, "full");
  assert.deepEqual([...sent[0]!.subarray(0, 3)], [0x34, 0x12, 1]);
  subscriber.take(line("3"));
  subscriber.take(line("4"));
  subscriber.take(line("5"));
  assert.equal(sent.length, 1, "the first is under way");
  subscriber.sent(1, true);
  await until(2);
  assert.match(texts()[1]!, /"3".*\n.*"4"/, "no more than fit into one");
  subscriber.sent(2, true);
  await until(3);
  subscriber.sent(3, true);
  assert.equal(room.bytes, 100_000);
  subscriber.end();
});

test("over HTTP a batch is one request; events of other types are not taken", () => {
  const { subscriber, texts } = open({ destination: { port: 80, path: "/p" }, types: ["function"], maxItems: 1 });
  subscriber.take({ time: "t", type: "platform.start", record: {} });
  subscriber.take(line("ä"));
  const body = '[{"time":"t","type":"function","record":"ä"}]';
  const head = `POST /p HTTP/1.1\r\nHost: sandbox.localdomain:80\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
  assert.deepEqual(texts(), [head + body]);
  subscriber.end();
});

test("what is not taken is sent again, and then told as lost", async () => {
  const { subscriber, dropped, until } = open({ maxItems: 1 });
  subscriber.take(line("1"));
  for (const number of [1, 2, 3]) {
    await until(number);
    subscriber.sent(number, false);
  }
  assert.deepEqual(dropped, [[1, "The destination did not take them."]]);
  subscriber.end();
});

test("where there is no room what waits makes place, and who takes all the room costs others only what comes", () => {
  const { subscriber, dropped, room } = open({ maxItems: 1000, maxBytes: 1e6, timeoutMs: 1e4 }, { bytes: 300 });
  for (let n = 0; n < 20; n++) subscriber.take(line("x".repeat(50)));
  assert.ok(dropped.length > 2);
  assert.match(dropped[0]![1], /fallen behind/);
  room.bytes = 0;
  subscriber.end();
  const other = open({}, { bytes: 0 });
  other.subscriber.take(line("1"));
  assert.deepEqual(other.dropped, [], "nothing of its own was lost before");
});
