import { test } from "node:test";
import { CreateEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { type ChannelModel, type ConfirmChannel, connect as connectTo } from "amqplib";
import { startRabbitMq } from "../brokers/rabbitmq.ts";
import { killsOr, type Sender, secretIn, surviveKills, telling } from "./killing.ts";
import { createFunction, lambdaOf } from "./lambda.ts";
import { until } from "./streams.ts";

const code = telling(`(event) => Object.values(event.rmqMessagesByQueue).flat()
  .map(({ data }) => Buffer.from(data, "base64").toString())`);
const skip = process.env.THAW_TEST_SLOW === "1" ? false : "takes a minute: THAW_TEST_SLOW=1";
const queue = "orders";

test("no message of RabbitMQ is lost, however often platform and broker are killed", { skip }, async (context) => {
  const broker = await startRabbitMq().catch((error: Error) => error);
  if (broker instanceof Error) return context.skip(broker.message);
  await using server = broker;
  const url = `amqp://127.0.0.1:${server.port}`;
  let open:
    | { readonly channel: ConfirmChannel; readonly connection: ChannelModel; readonly gone: Promise<never> }
    | undefined;
  /** A channel whose every message is confirmed; made anew when the broker was gone. */
  const opened = async () => {
    if (open !== undefined) return open;
    const connection = await connectTo(url);
    const gone = new Promise<never>((_, failed) => {
      connection.on("error", failed).on("close", () => failed(new Error("closed")));
    });
    gone.catch(() => {
      open = undefined;
    });
    const channel = await connection.createConfirmChannel();
    channel.on("error", () => undefined);
    await channel.assertQueue(queue, { durable: true });
    open = { channel, connection, gone };
    return open;
  };
  const sender: Sender = {
    async send(number) {
      const { channel, gone } = await opened();
      const name = `rabbitmq a ${number}`;
      const confirmed = new Promise<void>((done, failed) => {
        const told = (error: unknown) => (error ? failed(error) : done());
        channel.sendToQueue(queue, Buffer.from(name), { persistent: true }, told);
      });
      await Promise.race([confirmed, gone]);
      return [name];
    },
    close: () => open?.connection.close(),
  };
  await surviveKills(context, {
    kills: killsOr(3),
    async prepare(platform) {
      await sender.send(0);
      const lambda = lambdaOf(platform);
      await createFunction(lambda, "f", { code, MemorySize: 128 });
      await lambda.send(
        new CreateEventSourceMappingCommand({
          FunctionName: "f",
          EventSourceArn: "arn:aws:mq:us-east-1:000000000000:broker:b:b-1",
          SourceAccessConfigurations: [
            { Type: "BASIC_AUTH", URI: await secretIn(platform, "guest", "guest") },
            { Type: "VIRTUAL_HOST", URI: "/" },
          ],
          Queues: [queue],
          BatchSize: 7,
          MaximumBatchingWindowInSeconds: 0,
          Tags: { "thaw:endpoint": url },
        }),
      );
      lambda.destroy();
    },
    connect: () => [sender],
    async trouble(round) {
      if (round % 5 !== 1) return;
      await server.kill();
      await server.start();
      await until(() => open !== undefined);
    },
    inOrder: () => true,
  });
});
