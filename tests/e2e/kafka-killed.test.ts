import { test } from "node:test";
import { CreateEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { Kafka, logLevel } from "kafkajs";
import { startKafka } from "../brokers/kafka.ts";
import { killsOr, type Sender, secretIn, surviveKills, telling } from "./killing.ts";
import { createFunction, lambdaOf } from "./lambda.ts";

const code = telling(
  `({ records }) => Object.values(records).flat().map(({ value }) => String(Buffer.from(value, "base64")))`,
);
const users = { admin: "secret-of-admin", reader: "secret-of-reader" };
const skip = process.env.THAW_TEST_SLOW === "1" ? false : "takes a minute: THAW_TEST_SLOW=1";
const topic = "orders";

test("no message of a topic is lost and partitions keep their order when platform and broker are killed", {
  skip,
}, async (context) => {
  const started = await startKafka({ users }).catch((error: Error) => error);
  if (started instanceof Error) return context.skip(started.message);
  await using broker = started;
  const brokers = [`127.0.0.1:${broker.port}`];
  const sasl = { mechanism: "plain", username: "admin", password: users.admin } as const;
  const client = new Kafka({ brokers, sasl, logLevel: logLevel.NOTHING, retry: { retries: 3 } });
  const admin = client.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = client.producer();
  await producer.connect();
  const sender: Sender = {
    async send(number) {
      const names = [0, 1, 2].map((partition) => `kafka ${partition} ${number}`);
      const messages = names.map((value, partition) => ({ partition, value }));
      await producer.send({ topic, messages });
      return names;
    },
    close: () => producer.disconnect(),
  };
  await surviveKills(context, {
    kills: killsOr(3),
    async prepare(platform) {
      const lambda = lambdaOf(platform);
      await createFunction(lambda, "f", { code, MemorySize: 128 });
      await lambda.send(
        new CreateEventSourceMappingCommand({
          FunctionName: "f",
          SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ["kafka.example.com:9092"] } },
          SourceAccessConfigurations: [{ Type: "BASIC_AUTH", URI: await secretIn(platform, "reader", users.reader) }],
          Topics: [topic],
          BatchSize: 7,
          StartingPosition: "TRIM_HORIZON",
          Tags: { "thaw:endpoint": `kafka://${brokers[0]}` },
        }),
      );
      lambda.destroy();
    },
    connect: () => [sender],
    async trouble(round) {
      if (round % 5 !== 1) return;
      await broker.kill();
      await broker.start();
    },
    inOrder: () => true,
  });
});
