import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

export const root = resolve(import.meta.dirname, "../..");

/** A real platform in a process of its own, as a user starts it. */
export interface Server extends AsyncDisposable {
  readonly endpoint: string;
  readonly port: number;
  readonly driver: string;
  readonly dataDir: string;
  readonly process: ChildProcess;
  /** what an AWS client must be told to reach it */
  readonly env: Readonly<Record<string, string>>;
  /** SIGTERM, and wait; resolves with the exit code */
  stop(): Promise<number | null>;
  /** SIGKILL, and wait */
  kill(): Promise<void>;
}

export interface ServerOptions {
  /** use this data directory, and leave it when the server stops */
  readonly dataDir?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `thaw up` on a free port and waits until it listens. Throws with what it printed when it does not. */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "thaw-test-"));
  const child = spawn(
    join(root, "bin/thaw"),
    ["up", "--port", "0", "--data", dataDir, "--json", ...(options.args ?? [])],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
    },
  );
  let said = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    said = (said + chunk).slice(-20_000);
  });
  const lines = createInterface({ input: child.stdout! });
  const listening = new Promise<{ endpoint: string; port: number; driver: string }>((found, failed) => {
    lines.on("line", (line) => {
      said = `${said}${line}\n`;
      if (line.includes('"listening"')) found(JSON.parse(line));
    });
    child.once("exit", (code, signal) => failed(new Error(`thaw up ended (${signal ?? code}) and said:\n${said}`)));
    child.once("error", failed);
  });
  const { endpoint, port, driver } = await listening;

  const ended = async () => {
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  };
  const stop = async () => {
    child.kill("SIGTERM");
    await ended();
    return child.exitCode;
  };
  return {
    endpoint,
    port,
    driver,
    dataDir,
    process: child,
    env: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_REGION: "us-east-1",
      AWS_DEFAULT_REGION: "us-east-1",
    },
    stop,
    async kill() {
      child.kill("SIGKILL");
      await ended();
    },
    async [Symbol.asyncDispose]() {
      await stop();
      if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
