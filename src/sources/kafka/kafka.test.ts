import { after, test } from "node:test";
import { Kafka, logLevel } from "kafkajs";
import type { Broker } from "../../../tests/brokers/broker.ts";
import { startKafka } from "../../../tests/brokers/kafka.ts";
import { sourceContract } from "../source.contract.ts";
import { kafka } from "./index.ts";

const broker = await startKafka().catch((error: Error) => error);
if (broker instanceof Error) test("kafka", { skip: broker.message.slice(0, 300) });
else await testWith(broker);

async function testWith(cluster: Broker): Promise<void> {
  const client = new Kafka({ brokers: [`127.0.0.1:${cluster.port}`], logLevel: logLevel.NOTHING });
  const admin = client.admin();
  const producer = client.producer();
  await admin.connect();
  await producer.connect();
  after(async () => {
    await admin.disconnect();
    await producer.disconnect();
    await cluster[Symbol.asyncDispose]();
  });
  let made = 0;

  sourceContract("kafka", async () => {
    made += 1;
    const topic = `topic-${made}`;
    await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true });
    return {
      kind: "msk",
      source: kafka,
      settings: {
        EventSourceArn: "arn:aws:kafka:us-east-1:000000000000:cluster/c/1",
        Topics: [topic],
        AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: `group-${made}` },
        MaximumBatchingWindowInSeconds: 0,
      },
      place: { url: `kafka://127.0.0.1:${cluster.port}`, credentials: { accessKeyId: "", secretAccessKey: "" } },
      nowhere: "kafka://127.0.0.1:9",
      recordsOf: ({ records }) => Object.values(records as Record<string, Record<string, unknown>[]>).flat(),
      async send(body) {
        await producer.send({ topic, messages: [{ key: "k", value: body }] });
      },
      bodyOf: ({ value }) => Buffer.from(String(value), "base64").toString("utf8"),
    };
  });
}
