import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../e2e/server.ts";
import { freePort } from "../e2e/streams.ts";
import { type Broker, runBroker } from "./broker.ts";

const execute = promisify(execFile);
const version = "4.0.0";

export interface KafkaOptions {
  /** users of SASL with their passwords; left out: nobody is asked */
  readonly users?: Readonly<Record<string, string>>;
}

/** Apache Kafka of Maven Central, one node. Rejects without Maven or Java. */
export async function startKafka({ users }: KafkaOptions = {}): Promise<Broker> {
  const jars = join(root, `node_modules/.cache/thaw-e2e/kafka-${version}`);
  if (!existsSync(jars)) await fetchKafka(jars);
  const folder = mkdtempSync(join(tmpdir(), "thaw-kafka-"));
  const [port, controller] = [await freePort(), await freePort()];
  const data = join(folder, "data");
  mkdirSync(data);
  // What its own tool would write, for which another JVM would have to start.
  const identity = randomBytes(16).toString("base64url");
  writeFileSync(join(data, "meta.properties"), `version=1\ncluster.id=${identity}\nnode.id=1\n`);
  const client = users === undefined ? "PLAINTEXT" : "SASL_PLAINTEXT";
  const settings = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${controller}`,
    listeners: `CLIENTS://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    "advertised.listeners": `CLIENTS://127.0.0.1:${port}`,
    "listener.security.protocol.map": `CLIENTS:${client},CONTROLLER:PLAINTEXT`,
    "inter.broker.listener.name": "CLIENTS",
    "controller.listener.names": "CONTROLLER",
    "log.dirs": data,
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "log.cleaner.dedupe.buffer.size": String(2 ** 22),
    "log.segment.bytes": String(2 ** 22),
    "num.network.threads": "1",
    "num.io.threads": "2",
    ...(users === undefined ? {} : saslOf(users)),
  };
  const file = join(folder, "server.properties");
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  );
  const jvm = [
    "-Xmx192m",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
  ];
  const program = { command: "java", args: [...jvm, "-cp", join(jars, "*"), "kafka.Kafka", file] };
  return runBroker(program, port, () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
}

function saslOf(users: Readonly<Record<string, string>>) {
  const [[name, password]] = Object.entries(users) as [[string, string]];
  const all = Object.entries(users).map(([user, secret]) => `user_${user}="${secret}"`);
  const module = "org.apache.kafka.common.security.plain.PlainLoginModule required";
  return {
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "listener.name.clients.plain.sasl.jaas.config": `${module} username="${name}" password="${password}" ${all.join(" ")};`,
  };
}

async function fetchKafka(folder: string): Promise<void> {
  const making = `${folder}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  const dependency = `<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version>`;
  // Else it would not say why it does not start.
  const logging = "<groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>";
  const project =
    "<modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>t</artifactId><version>1</version>";
  const pom = `<project>${project}<dependencies><dependency>${dependency}</dependency><dependency>${logging}</dependency></dependencies></project>`;
  writeFileSync(join(making, "pom.xml"), pom);
  const options = ["-DoutputDirectory=.", "-DincludeScope=runtime"];
  await execute("mvn", ["-q", "-B", "dependency:copy-dependencies", ...options], { cwd: making });
  if (existsSync(folder)) rmSync(making, { recursive: true });
  else renameSync(making, folder);
}
