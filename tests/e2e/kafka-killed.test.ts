import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CreateEventSourceMappingCommand, GetEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { Kafka, logLevel } from "kafkajs";
import { startKafka } from "../brokers/kafka.ts";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";
import { startRecorder, tell, until } from "./streams.ts";

const code = {
  "index.js": `${tell}
    exports.handler = async (event) => {
      const { eventSource, bootstrapServers, records } = event;
      const decoded = Object.entries(records).flatMap(([lane, list]) =>
        list.map(({ value }) => [lane, Number(Buffer.from(value, "base64"))]));
      await tell({ eventSource, bootstrapServers, records: decoded, first: Object.values(records)[0][0] });
    };`,
};
const users = { admin: "secret-of-admin", reader: "secret-of-reader" };
const skip = process.env.THAW_TEST_SLOW === "1" ? false : "takes a minute: THAW_TEST_SLOW=1";

test("no message of a topic is lost and partitions keep their order when platform and broker are killed", {
  skip,
}, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "thaw-kafka-"));
  await using recorder = await startRecorder();
  await using broker = await startKafka({ users });
  const brokers = [`127.0.0.1:${broker.port}`];
  const sasl = { mechanism: "plain", username: "admin", password: users.admin } as const;
  const client = new Kafka({ brokers, sasl, logLevel: logLevel.NOTHING, retry: { retries: 20 } });
  const admin = client.admin();
  const producer = client.producer();
  const start = () => startServer({ dataDir, env: { ...recorder.env, THAW_UPSTREAM: "" } });
  let server: Server | undefined;
  let next = 0;
  const put = async (count: number) => {
    const messages = Array.from({ length: count }, () => ({ partition: next % 3, value: String(next++) }));
    await producer.send({ topic: "orders", messages });
  };
  const seen = () =>
    new Set(recorder.seen.flatMap(({ records }) => records.map(([, number]: [string, number]) => number)));
  const allSeen = () =>
    until(
      () => seen().size === next,
      () => `${seen().size} of ${next}`,
    );
  try {
    await admin.connect();
    await producer.connect();
    await admin.createTopics({ topics: [{ topic: "orders", numPartitions: 3 }], waitForLeaders: true });
    server = await start();
    const lambda = lambdaOf(server);
    await createFunction(lambda, "f", { code, MemorySize: 128 });
    const secrets = new SecretsManagerClient({
      endpoint: server.endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    const secret = JSON.stringify({ username: "reader", password: users.reader });
    const { ARN } = await secrets.send(new CreateSecretCommand({ Name: "kafka", SecretString: secret }));
    secrets.destroy();
    const { UUID } = await lambda.send(
      new CreateEventSourceMappingCommand({
        FunctionName: "f",
        SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ["kafka.example.com:9092"] } },
        SourceAccessConfigurations: [{ Type: "BASIC_AUTH", URI: ARN! }],
        Topics: ["orders"],
        BatchSize: 7,
        StartingPosition: "TRIM_HORIZON",
        Tags: { "thaw:endpoint": `kafka://${brokers[0]}` },
      }),
    );
    await put(30);
    await allSeen();
    const [first] = recorder.seen;
    assert.equal(first.eventSource, "SelfManagedKafka");
    assert.equal(first.bootstrapServers, "kafka.example.com:9092");
    assert.deepEqual(Object.keys(first.first).sort(), [
      "headers",
      "offset",
      "partition",
      "timestamp",
      "timestampType",
      "topic",
      "value",
    ]);
    assert.equal((await lambda.send(new GetEventSourceMappingCommand({ UUID }))).LastProcessingResult, "OK");
    lambda.destroy();

    await put(60);
    await server.kill();
    await put(30);
    server = await start();
    await allSeen();

    await put(60);
    await broker.kill();
    await broker.start();
    await put(30);
    await allSeen();

    const order = new Map<string, number[]>();
    for (const { records } of recorder.seen) {
      for (const [lane, number] of records as [string, number][]) {
        const numbers = order.get(lane) ?? [];
        order.set(lane, numbers);
        if (!numbers.includes(number)) numbers.push(number);
      }
    }
    for (const [lane, numbers] of order) {
      assert.deepEqual(
        numbers,
        [...numbers].sort((one, other) => one - other),
        lane,
      );
    }
    assert.deepEqual([...order.keys()].sort(), ["orders-0", "orders-1", "orders-2"]);
  } finally {
    await server?.stop();
    await producer.disconnect().catch(() => undefined);
    await admin.disconnect().catch(() => undefined);
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
});
