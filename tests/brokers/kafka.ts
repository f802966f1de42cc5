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
  /** what its clients are shown; left out: they speak without TLS */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** Apache Kafka of Maven Central, one node. Rejects without Maven or Java. */
export async function startKafka({
  users,
  tls,
}: KafkaOptions = {}): Promise<Broker & { addScram(name: string, password: string): Promise<void> }> {
  const jars = join(root, `node_modules/.cache/thaw-e2e/kafka-${version}`);
  if (!existsSync(jars)) await fetchKafka(jars);
  const folder = mkdtempSync(join(tmpdir(), "thaw-kafka-"));
  const [port, own, controller] = [await freePort(), await freePort(), await freePort()];
  const data = join(folder, "data");
  mkdirSync(data);
  // What its own tool would write, for which another JVM would have to start.
  const identity = randomBytes(16).toString("base64url");
  writeFileSync(join(data, "meta.properties"), `version=1\ncluster.id=${identity}\nnode.id=1\n`);
  const client = `${users === undefined ? "" : "SASL_"}${tls === undefined ? "PLAINTEXT" : "SSL"}`;
  const settings = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${controller}`,
    listeners: `CLIENTS://127.0.0.1:${port},OWN://127.0.0.1:${own},CONTROLLER://127.0.0.1:${controller}`,
    "advertised.listeners": `CLIENTS://127.0.0.1:${port},OWN://127.0.0.1:${own}`,
    "listener.security.protocol.map": `CLIENTS:${client},CONTROLLER:PLAINTEXT,OWN:PLAINTEXT`,
    "inter.broker.listener.name": "OWN",
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
    ...(tls === undefined ? {} : tlsOf(tls)),
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
  const broker = await runBroker(program, port, () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return {
    ...broker,
    /** Lets users in by SCRAM, too, which the broker keeps itself. */
    async addScram(name: string, password: string) {
      const tool = [...jvm, "-cp", join(jars, "*"), "kafka.admin.ConfigCommand"];
      const who = [
        "--bootstrap-server",
        `127.0.0.1:${own}`,
        "--alter",
        "--entity-type",
        "users",
        "--entity-name",
        name,
      ];
      // One at a time is taken.
      for (const mechanism of ["SCRAM-SHA-256", "SCRAM-SHA-512"]) {
        await execute("java", [...tool, ...who, "--add-config", `${mechanism}=[password=${password}]`]);
      }
    },
  };
}

/** Lines of properties end where they do: those of PEM are written as such. */
function tlsOf({ certificate, key }: { readonly certificate: string; readonly key: string }) {
  const inLine = (pem: string) => pem.trim().replaceAll("\n", "\\n");
  return {
    "listener.name.clients.ssl.keystore.type": "PEM",
    "listener.name.clients.ssl.keystore.certificate.chain": inLine(certificate),
    "listener.name.clients.ssl.keystore.key": inLine(key),
  };
}

function saslOf(users: Readonly<Record<string, string>>) {
  const [[name, password]] = Object.entries(users) as [[string, string]];
  const all = Object.entries(users).map(([user, secret]) => `user_${user}="${secret}"`);
  const module = "org.apache.kafka.common.security.plain.PlainLoginModule required";
  const scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
  return {
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "listener.name.clients.scram-sha-256.sasl.jaas.config": scram,
    "listener.name.clients.scram-sha-512.sasl.jaas.config": scram,
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
