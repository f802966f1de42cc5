import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcp } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { pythonModules } from "./clients.ts";
import { root } from "./server.ts";

const execute = promisify(execFile);

/** A server of streams in a process of its own, on loopback. */
export interface StreamServer extends AsyncDisposable {
  readonly url: string;
  readonly process: ChildProcess;
  /** Told to end, killed if it does not, and started again on the same port. */
  restart(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createTcp().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Told before it is ended for a restart; what it gives back is told after that. */
  keep?(): Promise<() => void>;
}

/** Starts a program and waits until it answers at `port`. Rejects with what it printed. */
export async function serve(program: Program, port: number): Promise<StreamServer> {
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess;
  const start = async () => {
    let said = "";
    child = spawn(program.command, program.args, {
      cwd: program.cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...program.env },
    });
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on("data", (chunk) => {
        said = (said + chunk).slice(-5000);
      });
    }
    const late = Date.now() + 60_000;
    while (true) {
      if (child.exitCode !== null || Date.now() > late) throw new Error(`${program.command} does not serve:\n${said}`);
      const answers = await fetch(url, { signal: AbortSignal.timeout(2000) }).then(
        () => true,
        () => false,
      );
      if (answers) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const kill = async (patienceMs = 0) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    // One that keeps its streams in a file is not to be killed while it writes; then it waits for clients that do not go.
    const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
    if (patienceMs > 0) child.kill("SIGTERM");
    await ended;
    clearTimeout(timer);
  };
  await start();
  return {
    url,
    get process() {
      return child;
    },
    async restart() {
      const restore = await program.keep?.();
      await kill(3000);
      restore?.();
      await start();
    },
    [Symbol.asyncDispose]: () => kill(),
  };
}

/** kinesis-local of the npm registry. `keep`: a folder where its streams outlive it. */
export async function startKinesis(keep?: string): Promise<StreamServer> {
  const [port, tls] = [await freePort(), await freePort()];
  const durations = Object.fromEntries(
    ["CREATE_STREAM", "DELETE_STREAM", "SPLIT_SHARD", "MERGE_SHARDS", "REGISTER_STREAM_CONSUMER"].map((name) => [
      `${name}_DURATION`,
      "10ms",
    ]),
  );
  const kept = keep === undefined ? {} : { SHOULD_PERSIST_DATA: "true", PERSIST_PATH: keep, PERSIST_INTERVAL: "100ms" };
  const ports = { KINESIS_MOCK_PLAIN_PORT: String(port), KINESIS_MOCK_TLS_PORT: String(tls) };
  const folder = join(root, "node_modules/kinesis-local");
  const env = { ...durations, ...kept, ...ports, LOG_LEVEL: "ERROR" };
  const keeping = keep === undefined ? {} : { keep: () => copyOf(keep) };
  return serve({ command: process.execPath, args: ["main.js"], cwd: folder, env, ...keeping }, port);
}

/** The files of a folder, once each is whole: one that is killed while it writes leaves a part of one. Gives what puts them back. */
async function copyOf(folder: string): Promise<() => void> {
  for (let tries = 0; ; tries += 1) {
    const files = readdirSync(folder).map(
      (name) => [join(folder, name), readFileSync(join(folder, name), "utf8")] as const,
    );
    try {
      for (const [, text] of files) JSON.parse(text);
      return () => {
        for (const [path, text] of files) writeFileSync(path, text);
      };
    } catch (error) {
      if (tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** moto of PyPI. Rejects where there is no Python or no pip. */
export async function startMoto(): Promise<StreamServer> {
  const modules = await pythonModules("moto-5", ["moto[server]>=5.2.4,<6"]);
  const port = await freePort();
  const args = ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)];
  return serve({ command: "python3", args, env: { PYTHONPATH: modules } }, port);
}

/** DynamoDB Local of Maven Central. Rejects without Maven or Java. */
export async function startDynamoDbLocal(): Promise<StreamServer> {
  const folder = join(root, "node_modules/.cache/thaw-e2e/dynamodb-local-2.6.1");
  if (!existsSync(folder)) await fetchDynamoDbLocal(folder);
  const port = await freePort();
  const args = [
    `-Dsqlite4java.library.path=${folder}`,
    ...["-cp", join(folder, "*"), "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"],
    ...["-inMemory", "-disableTelemetry", "-port", String(port)],
  ];
  return serve({ command: "java", args }, port);
}

async function fetchDynamoDbLocal(folder: string): Promise<void> {
  const making = `${folder}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  const dependency = "<groupId>com.amazonaws</groupId><artifactId>DynamoDBLocal</artifactId><version>2.6.1</version>";
  const project =
    "<modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>t</artifactId><version>1</version>";
  const pom = `<project>${project}<dependencies><dependency>${dependency}</dependency></dependencies></project>`;
  writeFileSync(join(making, "pom.xml"), pom);
  await execute("mvn", ["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=."], { cwd: making });
  if (existsSync(folder)) rmSync(making, { recursive: true });
  else renameSync(making, folder);
}

/** What functions tell of themselves. */
export interface Recorder extends AsyncDisposable {
  /** the platform hands requests for the service `recorder` on to it */
  readonly env: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what its function tells
  readonly seen: any[];
}

export async function startRecorder(): Promise<Recorder> {
  const seen: unknown[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      seen.push(JSON.parse(body));
      response.end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    seen,
    env: { THAW_UPSTREAM_RECORDER: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** For a function's code: `await tell(value)` resolves when the recorder has it. A sandbox reaches the platform only. */
export const tell = `
  const http = require("node:http");
  const credential = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/recorder/aws4_request";
  const headers = { authorization: credential + ", SignedHeaders=host, Signature=0" };
  const tell = (value) => new Promise((done, failed) => {
    const options = { method: "POST", headers };
    const sending = http.request(process.env.AWS_ENDPOINT_URL, options, (answer) => {
      answer.resume();
      answer.on("end", () => answer.statusCode === 200 ? done() : failed(new Error("not told: " + answer.statusCode)));
    });
    sending.once("error", failed).end(JSON.stringify(value));
  });
`;

/** Waits until it holds; fails after `seconds` with what is seen then. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  seen: () => unknown = () => "",
  seconds = 120,
): Promise<void> {
  const late = Date.now() + seconds * 1000;
  while (!(await holds())) {
    if (Date.now() > late) throw new Error(`still not after ${seconds} s: ${JSON.stringify(await seen())}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
