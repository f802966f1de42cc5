import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { Kafka, logLevel } from "kafkajs";
import { startKafka } from "../../../tests/brokers/kafka.ts";
import { until } from "../../../tests/e2e/streams.ts";
import { houseOf } from "../source.contract.ts";
import { kafka } from "./index.ts";

const execute = promisify(execFile);
const skip = process.env.THAW_TEST_SLOW === "1" ? false : "starts a broker with TLS: THAW_TEST_SLOW=1";
const user = { username: "reader", password: "secret-of-reader" };

/** A certificate for this machine, which nobody has signed. */
async function selfSigned() {
  const folder = mkdtempSync(join(tmpdir(), "thaw-tls-"));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"];
  await execute("openssl", [...made, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]);
  const pems = { certificate: readFileSync(certificate, "utf8"), key: readFileSync(key, "utf8") };
  rmSync(folder, { recursive: true });
  return pems;
}

test("a cluster is read by TLS whose authority a secret has, with PLAIN and both kinds of SCRAM", {
  skip,
}, async (context) => {
  const tls = await selfSigned();
  const started = await startKafka({ users: { admin: "a", [user.username]: user.password }, tls }).catch(
    (error: Error) => error,
  );
  if (started instanceof Error) return context.skip(started.message);
  await using broker = started;
  await broker.addScram(user.username, user.password);
  const brokers = [`127.0.0.1:${broker.port}`];
  const ssl = { ca: tls.certificate };
  const sasl = { mechanism: "plain", username: "admin", password: "a" } as const;
  const client = new Kafka({ brokers, ssl, sasl, logLevel: logLevel.NOTHING });
  const [admin, producer] = [client.admin(), client.producer()];
  await admin.connect();
  await producer.connect();
  await admin.createTopics({ topics: [{ topic: "t", numPartitions: 1 }], waitForLeaders: true });
  await producer.send({ topic: "t", messages: [{ value: "1" }] });
  await admin.disconnect();
  await producer.disconnect();
  const reading = (type: string, secret: Readonly<Record<string, string>>, more: readonly object[]) =>
    houseOf({
      kind: "kafka",
      source: kafka,
      settings: {
        SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: brokers } },
        SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: `${type}-${more.length}` },
        SourceAccessConfigurations: [{ Type: type, URI: "secret" }, ...more],
        Topics: ["t"],
        MaximumBatchingWindowInSeconds: 0,
      },
      secret,
      place: { url: "", credentials: { accessKeyId: "", secretAccessKey: "" } },
      recordsOf: ({ records }) => Object.values(records as Record<string, Record<string, unknown>[]>).flat(),
      send: async () => {},
      bodyOf: ({ value }) => Buffer.from(String(value), "base64").toString("utf8"),
    });
  const authority = { Type: "SERVER_ROOT_CA_CERTIFICATE", URI: "secret" };
  const whole = { ...user, certificate: tls.certificate };
  for (const type of ["BASIC_AUTH", "SASL_SCRAM_256_AUTH", "SASL_SCRAM_512_AUTH"]) {
    await using house = reading(type, whole, [authority]);
    house.start();
    await until(
      () => house.known().has("1"),
      () => [type, house.problems],
    );
  }
  for (const [secret, more, problem] of [
    [{ ...whole, password: "wrong" }, [authority], /authenticat|credentials/i],
    [whole, [], /self-signed|certificate/i],
  ] as const) {
    await using house = reading("SASL_SCRAM_512_AUTH", secret, more);
    house.start();
    await until(() => house.problems.length > 0);
    assert.match(house.problems[0]!, problem);
    assert.deepEqual(house.seen, []);
  }
});
