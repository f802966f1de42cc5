import { execFile } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "./server.ts";
import { freePort, type StreamServer, serve } from "./streams.ts";

const execute = promisify(execFile);
const version = "1.6.11";

/** ElasticMQ of Maven Central: a server that speaks like SQS. Rejects without Maven or Java. */
export async function startElasticMq(): Promise<StreamServer> {
  const folder = join(root, `node_modules/.cache/thaw-e2e/elasticmq-${version}`);
  if (!existsSync(folder)) await fetchElasticMq(folder);
  const port = await freePort();
  const settings = {
    "rest-sqs.bind-port": String(port),
    "rest-sqs.bind-hostname": "127.0.0.1",
    "rest-stats.enabled": "false",
    "node-address.port": String(port),
    "aws.accountId": "000000000000",
  };
  const defines = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
  const args = [...defines, "-cp", join(folder, "*"), "org.elasticmq.server.Main"];
  return serve({ command: "java", args }, port);
}

async function fetchElasticMq(folder: string): Promise<void> {
  const making = `${folder}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  const dependency = `<groupId>org.elasticmq</groupId><artifactId>elasticmq-server_2.13</artifactId><version>${version}</version>`;
  const project =
    "<modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>t</artifactId><version>1</version>";
  const pom = `<project>${project}<dependencies><dependency>${dependency}</dependency></dependencies></project>`;
  writeFileSync(join(making, "pom.xml"), pom);
  await execute("mvn", ["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=."], { cwd: making });
  if (existsSync(folder)) rmSync(making, { recursive: true });
  else renameSync(making, folder);
}
