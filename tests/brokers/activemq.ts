import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../e2e/server.ts";
import { freePort } from "../e2e/streams.ts";
import { type Broker, runBroker } from "./broker.ts";

const execute = promisify(execFile);
const version = "6.1.7";

/** The only one whom it lets in. */
export const activeMqUser = { username: "reader", password: "secret-of-reader" };

/** Apache ActiveMQ (Classic) of Maven Central, by AMQP 1.0. Rejects without Maven or a JDK. */
export async function startActiveMq(): Promise<Broker> {
  const jars = join(root, `node_modules/.cache/thaw-e2e/activemq-${version}`);
  if (!existsSync(jars)) await fetchActiveMq(jars);
  const folder = mkdtempSync(join(tmpdir(), "thaw-activemq-"));
  const port = await freePort();
  const jvm = ["-Xmx192m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];
  const log = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error";
  const program = join(import.meta.dirname, "ActiveMq.java");
  const told = [String(port), folder, activeMqUser.username, activeMqUser.password];
  const args = [...jvm, log, "-cp", join(jars, "*"), program, ...told];
  return runBroker({ command: "java", args }, port, () =>
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  );
}

async function fetchActiveMq(folder: string): Promise<void> {
  const making = `${folder}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  const dependencies = ["amqp", "kahadb-store", "jaas"].map(
    (part) =>
      `<dependency><groupId>org.apache.activemq</groupId><artifactId>activemq-${part}</artifactId><version>${version}</version></dependency>`,
  );
  // Else it would not say why it does not start.
  const logging =
    "<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>2.0.16</version></dependency>";
  const project =
    "<modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>t</artifactId><version>1</version>";
  const pom = `<project>${project}<dependencies>${dependencies.join("")}${logging}</dependencies></project>`;
  writeFileSync(join(making, "pom.xml"), pom);
  const options = ["-DoutputDirectory=.", "-DincludeScope=runtime"];
  await execute("mvn", ["-q", "-B", "dependency:copy-dependencies", ...options], { cwd: making });
  if (existsSync(folder)) rmSync(making, { recursive: true });
  else renameSync(making, folder);
}
