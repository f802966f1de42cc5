import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Kafka, logLevel } from "kafkajs";
import type { Broker } from "../../../tests/brokers/broker.ts";
import { startKafka } from "../../../tests/brokers/kafka.ts";
import { until } from "../../../tests/e2e/streams.ts";
import { malformedContract } from "../malformed.contract.ts";
import { houseOf, type SourceFixture, sourceContract } from "../source.contract.ts";
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

  const makeFixture = async (settings: Readonly<Record<string, unknown>> = {}): Promise<SourceFixture> => {
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
        ...settings,
      },
      place: { url: `kafka://127.0.0.1:${cluster.port}`, credentials: { accessKeyId: "", secretAccessKey: "" } },
      nowhere: "kafka://127.0.0.1:9",
      recordsOf: ({ records }) => Object.values(records as Record<string, Record<string, unknown>[]>).flat(),
      async send(body) {
        await producer.send({ topic, messages: [{ key: body, value: body }] });
      },
      bodyOf: ({ value }) => Buffer.from(String(value), "base64").toString("utf8"),
    };
  };

  sourceContract("kafka", () => makeFixture());

  malformedContract("kafka", async () => {
    const fixture = await makeFixture({ MaximumRetryAttempts: 2, BisectBatchOnFunctionError: true });
    const topic = (fixture.settings.Topics as string[])[0]!;
    return {
      ...fixture,
      dataField: "value",
      bodyOf: ({ value }) => String(value ?? ""),
      keyOf: (body) => body.toString("base64"),
      async sendAll(bodies) {
        for (let from = 0; from < bodies.length; from += 100) {
          const messages = bodies.slice(from, from + 100).map((value, index) => ({
            key: index % 3 === 0 ? null : value,
            // A tombstone has no value.
            value: value.length === 0 && index % 2 === 0 ? null : value,
            headers: { [`\u0000${index}`]: value.subarray(0, 50) },
          }));
          await producer.send({ topic, messages });
        }
        return bodies;
      },
    };
  });

  test("what is given up lies in the topic that is its destination, with the event, once the group goes on", async () => {
    const [fixture, made] = [await makeFixture(), "letters"];
    await admin.createTopics({ topics: [{ topic: made, numPartitions: 1 }], waitForLeaders: true });
    const letters: string[] = [];
    const consumer = client.consumer({ groupId: made });
    await consumer.connect();
    await consumer.subscribe({ topic: made, fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => void letters.push(String(message.value)) });
    const DestinationConfig = { OnFailure: { Destination: `kafka://${made}` } };
    const given = { ...fixture.settings, MaximumRetryAttempts: 1, BatchSize: 1, DestinationConfig };
    await using house = houseOf({ ...fixture, settings: given });
    house.fail(([body]) => body === "poison");
    house.start();
    for (const body of ["1", "poison", "2"]) await fixture.send(body);
    await until(
      () => letters.length > 0 && house.done().size === 2,
      () => [house.problems.at(-1), letters, house.counts, house.seen],
    );
    await consumer.disconnect();
    const { requestContext, KafkaBatchInfo, payload } = JSON.parse(letters[0]!);
    assert.equal(requestContext.condition, "RetryAttemptsExhausted");
    assert.equal(KafkaBatchInfo.batchSize, 1);
    const [[record]] = Object.values(JSON.parse(payload).records) as [[{ value: string }]];
    assert.equal(Buffer.from(record.value, "base64").toString(), "poison");
    assert.ok(house.counts.OnFailureDestinationDeliveredEventCount > 0);
    assert.deepEqual(house.lost(), []);
  });

  test("AT_TIMESTAMP begins with the first message since then, also when it is older than the mapping", async () => {
    const fixture = await makeFixture();
    await fixture.send("before");
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const StartingPositionTimestamp = Math.floor(Date.now() / 1000);
    await fixture.send("since");
    const settings = { ...fixture.settings, StartingPosition: "AT_TIMESTAMP", StartingPositionTimestamp };
    await using house = houseOf({ ...fixture, settings });
    house.start();
    await until(() => house.known().size > 0);
    await fixture.send("later");
    await until(() => house.known().size === 2, house.known);
    assert.deepEqual(house.known(), new Set(["since", "later"]));
  });

  test("LATEST is what it was when the mapping first looked: what came later is read, what was before never", async () => {
    const fixture = await makeFixture({ StartingPosition: "LATEST" });
    await using house = houseOf(fixture);
    await fixture.send("before");
    house.start();
    await until(() => house.problems.length > 0);
    await house.stop();
    await fixture.send("between");
    house.start();
    await fixture.send("later");
    await until(() => house.known().size === 2, house.known);
    assert.deepEqual(house.known(), new Set(["between", "later"]));
  });

  test("two readers of a group share its partitions, and nothing is lost when one comes or goes", async () => {
    const fixture = await makeFixture();
    await using one = houseOf(fixture);
    await using other = houseOf(fixture);
    let sent = 0;
    const send = async (count: number) => {
      for (const end = sent + count; sent < end; sent += 1) await fixture.send(String(sent));
    };
    const known = () => new Set([...one.known(), ...other.known()]);
    one.start();
    await send(10);
    other.start();
    await until(async () => {
      await send(4);
      return other.seen.length > 0;
    });
    await one.stop();
    await send(10);
    await until(
      () => known().size === sent,
      () => `${known().size} of ${sent}`,
    );
    assert.deepEqual([...one.reports, ...other.reports], []);
  });
}
