import { after, test } from "node:test";
import { connect } from "amqplib";
import type { Broker } from "../../../tests/brokers/broker.ts";
import { startRabbitMq } from "../../../tests/brokers/rabbitmq.ts";
import { sourceContract } from "../source.contract.ts";
import { rabbitmq } from "./index.ts";

const broker = await startRabbitMq().catch((error: Error) => error);
if (broker instanceof Error) test("rabbitmq", { skip: broker.message.slice(0, 300) });
else await testWith(broker);

async function testWith(server: Broker): Promise<void> {
  const url = `amqp://127.0.0.1:${server.port}`;
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  after(async () => {
    await connection.close();
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
}
