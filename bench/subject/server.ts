import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Timing } from "../../src/model/index.ts";
import { type Answer, Connection, header, request } from "../harness/connection.ts";
import { type Child, startChild } from "../harness/processes.ts";
import { repository } from "../peers/index.ts";
import { endEnvironments } from "./environments.ts";
import type { BenchFunction } from "./functions.ts";
import { type Inside, weaknesses } from "./isolation.ts";

/** One answered invocation. */
export interface Invoked {
  /** ms from writing the request to the answer's first byte */
  readonly firstByteMs: number;
  readonly timing: Timing;
  readonly payload: Record<string, unknown>;
}

/** The server under test: a real `thaw up`, spoken to over HTTP as any client does. */
export interface Server {
  readonly endpoint: URL;
  readonly pid: number;
  readonly driver: string;
  /** creates a function and waits until it is active; `more` is merged into CreateFunction's request */
  create(fn: BenchFunction, memoryMb?: number, more?: Readonly<Record<string, unknown>>): Promise<void>;
  /** makes the next call cold: a changed environment variable, as the mission's tester does it. The version is another one then, without an image */
  chill(name: string): Promise<void>;
  /** makes the next call cold and changes nothing else: its environments are killed from outside. Needs root on Linux and the container driver */
  cool(name: string): Promise<void>;
  /** UpdateFunctionConfiguration with these variables, and waits until it is done */
  configure(name: string, variables: Readonly<Record<string, string>>): Promise<void>;
  /** invokes with `X-Thaw-Timing: 1`; rejects on anything but a good answer */
  invoke(name: string, event: object, qualifier?: string): Promise<Invoked>;
  /** invokes with `{"inspect":true}`; rejects when the sandbox is weaker than full isolation */
  inspect(name: string, qualifier?: string): Promise<Invoked>;
  /** any request of its HTTP API with JSON on both sides; rejects with the answer on a status of 300 and more */
  call(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** how many execution environments there are, of all functions */
  environments(): Promise<number>;
  url(name: string, qualifier?: string): URL;
  /** ends it and removes its data directory, which also goes when this process exits before */
  stop(): Promise<void>;
}

/** Memory of a function with one whole vCPU at AWS: what bare processes are compared with fairly. */
export const oneVcpu = 1769;

/** Starts a server, on an empty data directory unless `kept` is one, which then outlives it. `env` goes to its process, `more` to its command line. */
export async function startServer(
  env: Readonly<Record<string, string>> = {},
  kept?: string,
  more: readonly string[] = [],
): Promise<Server> {
  const data = kept ?? mkdtempSync(join(tmpdir(), "thaw-bench-"));
  const remove = (): void => {
    if (kept === undefined) rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once("exit", remove);
  const argv = [join(repository, "bin", "thaw"), "up", "--port", "0", "--data", data, "--json", ...more];
  let child: Child;
  try {
    child = await startChild(argv, (output) => listening(output) !== undefined, {
      env,
      cwd: repository,
      // What it starts beside itself may have to be fetched first.
      ...(more.length > 0 ? { readyWithinMs: 300_000 } : {}),
    });
  } catch (error) {
    remove();
    throw error;
  }
  const event = listening(child.output())!;
  const endpoint = new URL(event.endpoint);
  let connection = await Connection.open(endpoint);
  const url = (name: string, qualifier?: string): URL =>
    new URL(`/2015-03-31/functions/${name}/invocations${qualifier ? `?Qualifier=${qualifier}` : ""}`, endpoint);

  const configure = async (name: string, Variables: Readonly<Record<string, string>>): Promise<void> => {
    await call(endpoint, "PUT", `/2015-03-31/functions/${name}/configuration`, { Environment: { Variables } });
    await settled(endpoint, name);
  };

  const invoke = async (name: string, payload: object, qualifier?: string): Promise<Invoked> => {
    if (!connection.open) connection = await Connection.open(endpoint);
    const answer = await connection.send(
      request(url(name, qualifier), JSON.stringify(payload), { "X-Thaw-Timing": "1" }),
    );
    return { firstByteMs: answer.firstByte - answer.sent, timing: timingOf(answer), payload: goodAnswer(answer) };
  };

  return {
    endpoint,
    pid: child.pid,
    driver: event.driver,
    url,
    invoke,
    configure,
    call: (method, path, body) => call(endpoint, method, path, body),
    async create(fn, memoryMb = oneVcpu, more = {}) {
      await call(endpoint, "POST", "/2015-03-31/functions", {
        FunctionName: fn.name,
        Runtime: fn.runtime,
        Handler: fn.handler,
        Role: "arn:aws:iam::000000000000:role/bench",
        MemorySize: memoryMb,
        Timeout: 30,
        Code: { ZipFile: fn.zip.toString("base64") },
        ...more,
      });
      await settled(endpoint, fn.name);
    },
    chill: (name) => configure(name, { FORCE_COLD_START: String(Date.now()) }),
    cool: (name) => endEnvironments({ endpoint, pid: child.pid }, name),
    async inspect(name, qualifier) {
      const invoked = await invoke(name, { inspect: true }, qualifier);
      const { ok, inside } = invoked.payload;
      if (ok !== true) throw new Error(`${name} answered ${JSON.stringify(invoked.payload).slice(0, 500)}`);
      const found = event.driver === "container" ? weaknesses(inside as Inside) : [];
      if (found.length > 0) throw new Error(`${name} is not fully isolated: ${found.join(", ")}`);
      return invoked;
    },
    async environments() {
      const { environments } = await call(endpoint, "GET", "/_thaw/environments");
      return (environments as unknown[]).length;
    },
    async stop() {
      connection.close();
      await child.stop();
      remove();
      process.off("exit", remove);
    },
  };
}

/** The JSON line that `thaw up --json` prints when it listens. */
function listening(output: string): { readonly endpoint: string; readonly driver: string } | undefined {
  for (const line of output.split("\n")) {
    if (!line.startsWith("{") || !line.includes("endpoint")) continue;
    try {
      return JSON.parse(line) as { endpoint: string; driver: string };
    } catch {
      // the line is not complete yet
    }
  }
  return undefined;
}

/** Status 200 and no function error, or an Error that quotes the answer. */
export function goodAnswer(answer: Answer): Record<string, unknown> {
  const text = answer.body.toString();
  const failed = header(answer, "x-amz-function-error");
  if (answer.status !== 200 || failed) throw new Error(`${answer.status} ${failed ?? ""}: ${text.slice(0, 1000)}`);
  return JSON.parse(text) as Record<string, unknown>;
}

/** The phases in an answer's `X-Thaw-Timing`. */
export function timingOf(answer: Answer): Timing {
  const text = header(answer, "x-thaw-timing");
  if (!text)
    throw new Error(`no X-Thaw-Timing in the answer: ${answer.status} ${answer.body.toString().slice(0, 500)}`);
  return JSON.parse(text) as Timing;
}

async function call(endpoint: URL, method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const response = await fetch(new URL(path, endpoint), {
    method,
    headers: { "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 1000)}`);
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

/** Waits for State Active and LastUpdateStatus Successful, as AWS's waiters do, only sooner. */
async function settled(endpoint: URL, name: string): Promise<void> {
  const deadline = Date.now() + 120000;
  for (;;) {
    const found = await call(endpoint, "GET", `/2015-03-31/functions/${name}/configuration`);
    if (found.State === "Active" && found.LastUpdateStatus === "Successful") return;
    if (found.State === "Failed" || found.LastUpdateStatus === "Failed") {
      throw new Error(`${name}: ${found.StateReason ?? found.LastUpdateStatusReason}`);
    }
    if (Date.now() > deadline) throw new Error(`${name} is still ${found.State} after 120 s`);
    await pause(20);
  }
}
