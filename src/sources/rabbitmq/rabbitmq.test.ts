import assert from "node:assert/strict";
import { after, test } from "node:test";
import { connect } from "amqplib";
import type { Broker } from "../../../tests/brokers/broker.ts";
import { startRabbitMq } from "../../../tests/brokers/rabbitmq.ts";
import { until } from "../../../tests/e2e/streams.ts";
import { malformedContract } from "../malformed.contract.ts";
import { houseOf, sourceContract } from "../source.contract.ts";
import { rabbitmq } from "./index.ts";

const broker = await startRabbitMq().catch((error: Error) => error);
if (broker instanceof Error) test("rabbitmq", { skip: broker.message.slice(0, 300) });
else await testWith(broker);

async function testWith(server: Broker): Promise<void> {
  const url = `amqp://127.0.0.1:${server.port}`;
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  after(async () => {
    await connection.close().catch(() => undefined);
    await server[Symbol.asyncDispose]();
  });
  let made = 0;

  sourceContract("rabbitmq", async () => {
    made += 1;
    const queue = `queue-${made}`;
    await channel.assertQueue(queue);
    return {
      kind: "rabbitmq",
      source: rabbitmq,
      settings: {
        EventSourceArn: "arn:aws:mq:us-east-1:000000000000:broker:b:1",
        Queues: [queue],
        MaximumBatchingWindowInSeconds: 0,
      },
      place: { url, credentials: { accessKeyId: "", secretAccessKey: "" } },
      nowhere: "amqp://127.0.0.1:9",
      recordsOf: ({ rmqMessagesByQueue: queues }) =>
        (queues as Record<string, Record<string, unknown>[]>)[`${queue}::/`] ?? [],
      async send(body) {
        channel.sendToQueue(queue, Buffer.from(body));
        await channel.waitForConfirms();
      },
      bodyOf: ({ data }) => Buffer.from(String(data), "base64").toString("utf8"),
    };
  });

  // Its own limit of deliveries is what ends a poisoned batch.
  malformedContract("rabbitmq", async () => {
    made += 1;
    const [queue, dead] = [`queue-${made}`, `dead-${made}`];
    const put = new Set<string>();
    await channel.assertQueue(dead);
    await channel.consume(dead, (message) => put.add(message!.content.toString("base64")), { noAck: true });
    await channel.assertQueue(queue, {
      durable: true,
      arguments: {
        "x-queue-type": "quorum",
        "x-delivery-limit": 2,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead,
      },
    });
    return {
      kind: "rabbitmq",
      source: rabbitmq,
      settings: { Queues: [queue], BatchSize: 10, MaximumBatchingWindowInSeconds: 0 },
      place: { url, credentials: { accessKeyId: "", secretAccessKey: "" } },
      recordsOf: ({ rmqMessagesByQueue: queues }) =>
        Object.values(queues as Record<string, Record<string, unknown>[]>).flat(),
      async send() {},
      bodyOf: ({ data }) => String(data),
      keyOf: (body) => body.toString("base64"),
      dataField: "data",
      dead: async () => [...put],
      async sendAll(bodies) {
        for (const [index, body] of bodies.entries()) {
          const headers = { "\u0000": index, deep: { list: [[[body.subarray(0, 20)]]] }, nothing: null };
          channel.sendToQueue(queue, body, { headers, contentType: "\u2028", timestamp: index * 1e12 });
        }
        await channel.waitForConfirms();
        return bodies;
      },
    };
  });

  const skip = process.env.THAW_TEST_SLOW === "1" ? false : "starts the broker twice: THAW_TEST_SLOW=1";
  test("what a killed broker has on its disk is read when it is back, and nothing is lost", { skip }, async () => {
    const queue = "kept";
    const bodies = Array.from({ length: 40 }, (_, index) => String(index));
    await channel.assertQueue(queue, { durable: true });
    for (const body of bodies) channel.sendToQueue(queue, Buffer.from(body), { persistent: true });
    await channel.waitForConfirms();
    await using house = houseOf({
      kind: "rabbitmq",
      source: rabbitmq,
      settings: { Queues: [queue], BatchSize: 3, MaximumBatchingWindowInSeconds: 0 },
      place: { url, credentials: { accessKeyId: "", secretAccessKey: "" } },
      recordsOf: ({ rmqMessagesByQueue: queues }) =>
        Object.values(queues as Record<string, Record<string, unknown>[]>).flat(),
      send: async () => {},
      bodyOf: ({ data }) => Buffer.from(String(data), "base64").toString("utf8"),
    });
    house.handle(() => new Promise((resolve) => setTimeout(resolve, 50)));
    house.start();
    await until(() => house.known().size > 6);
    connection.on("error", () => {});
    await server.kill();
    assert.ok(house.known().size < bodies.length);
    await server.start();
    await until(() => house.known().size === bodies.length, house.known);
    assert.deepEqual(house.reports, []);
  });
}
