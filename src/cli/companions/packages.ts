import { execFile } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { CommandFailure } from "../failure.ts";

const execute = promisify(execFile);

/** A server that stands for a service while one develops. */
export interface Companion {
  /** what it is, for people */
  readonly title: string;
  /** what is lost at the end, and what is not */
  readonly keeps: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface Preparation {
  /** where packages and data are kept */
  readonly folder: string;
  readonly port: number;
  /** another free one */
  readonly otherPort: number;
  say(line: string): void;
}

/** Services that a published package can stand for, and what makes it ready. */
export const companions: Readonly<Record<string, (needs: Preparation) => Promise<Companion>>> = {
  kinesis: async ({ folder, port, otherPort, say }) => {
    const version = "0.6.2";
    const made = await fetched(folder, `kinesis-local-${version}`, async (into) => {
      say(`kinesis: fetching kinesis-local ${version} through npm (16 MB) …`);
      const options = "--no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error".split(" ");
      await run("kinesis", "npm", ["install", ...options, "--prefix", into, `kinesis-local@${version}`]);
    });
    return {
      title: `kinesis-local ${version}`,
      keeps: "its streams end with this command",
      command: process.execPath,
      args: ["main.js"],
      cwd: join(made, "node_modules", "kinesis-local"),
      env: { KINESIS_MOCK_PLAIN_PORT: String(port), KINESIS_MOCK_TLS_PORT: String(otherPort), LOG_LEVEL: "WARN" },
    };
  },
  dynamodb: async ({ folder, port, say }) => {
    const version = "2.6.1";
    const made = await fetched(folder, `dynamodb-local-${version}`, async (into) => {
      say(`dynamodb: fetching DynamoDB Local ${version} through Maven (50 MB) …`);
      writeFileSync(join(into, "pom.xml"), pomOf(version));
      const options = ["-q", "-B", "-f", join(into, "pom.xml"), "dependency:copy-dependencies"];
      await run("dynamodb", "mvn", [...options, `-DoutputDirectory=${into}`]);
    });
    const data = join(folder, "dynamodb");
    mkdirSync(data, { recursive: true });
    const main = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner";
    const options = ["-sharedDb", "-disableTelemetry", "-dbPath", data, "-port", String(port)];
    return {
      title: `DynamoDB Local ${version}`,
      keeps: `its tables are kept in ${data}`,
      command: "java",
      args: [`-Dsqlite4java.library.path=${made}`, "-cp", join(made, "*"), main, ...options],
      cwd: made,
      env: {},
    };
  },
};

/** A folder that is there as a whole or not at all. */
async function fetched(folder: string, name: string, fetch: (into: string) => Promise<void>): Promise<string> {
  const place = join(folder, name);
  if (existsSync(place)) return place;
  const making = `${place}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  try {
    await fetch(making);
    if (!existsSync(place)) renameSync(making, place);
    return place;
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

async function run(service: string, command: string, args: readonly string[]): Promise<void> {
  try {
    await execute(command, args, { maxBuffer: 2 ** 26 });
  } catch (error) {
    const { code, stderr, stdout } = error as { code?: unknown; stderr?: string; stdout?: string };
    const missing = code === "ENOENT";
    const said = `${stderr ?? ""}${stdout ?? ""}`.trim().slice(-1000);
    throw new CommandFailure(
      `--with ${service}: ${missing ? `there is no ${command}` : `${command} failed: ${said}`}`,
      {
        next: missing ? `install ${command}, or leave out --with ${service}` : undefined,
        cause: error,
      },
    );
  }
}

function pomOf(version: string): string {
  const dependency = `<groupId>com.amazonaws</groupId><artifactId>DynamoDBLocal</artifactId><version>${version}</version>`;
  const own =
    "<modelVersion>4.0.0</modelVersion><groupId>thaw</groupId><artifactId>with</artifactId><version>1</version>";
  return `<project>${own}<dependencies><dependency>${dependency}</dependency></dependencies></project>\n`;
}
