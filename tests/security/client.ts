import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { build } from "../fixtures/build.ts";
import { type Entry, zipOf } from "./zip.ts";

/** What is not said is Lambda's default, but for the runtime. */
export interface Settings {
  readonly runtime?: string;
  readonly handler?: string;
  readonly memory?: number;
  readonly timeout?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  /** the code of an error that is not the function's (`X-Amzn-ErrorType`) */
  readonly code: string | undefined;
  readonly functionError: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the server or the function has answered
  readonly body: any;
  readonly text: string;
  /** last 4 KB of the log */
  readonly log: string;
  readonly requestId: string;
}

/** A function's code: an archive, one module of JavaScript, or files. */
export type Code = Buffer | string | readonly Entry[];

/** Speaks to the Lambda API by plain HTTP: what the official clients would never send can be sent. */
export class Client {
  readonly endpoint: string;

  constructor(endpoint: string) {
    this.endpoint = endpoint;
  }

  /** CreateFunction, whatever comes of it. */
  create(name: string, code: Code, settings: Settings = {}): Promise<Answer> {
    const { runtime = "nodejs22.x", handler = "index.handler", memory, timeout, environment } = settings;
    return this.send("POST", "/2015-03-31/functions", {
      FunctionName: name,
      Role: "arn:aws:iam::000000000000:role/any",
      Code: { ZipFile: archive(code).toString("base64") },
      Runtime: runtime,
      Handler: handler,
      ...(memory && { MemorySize: memory }),
      ...(timeout && { Timeout: timeout }),
      ...(environment && { Environment: { Variables: environment } }),
    });
  }

  /** CreateFunction that must succeed. */
  async deploy(name: string, code: Code, settings: Settings = {}): Promise<void> {
    const answer = await this.create(name, code, settings);
    if (answer.status !== 201) throw new Error(`CreateFunction ${name}: ${answer.status} ${answer.text}`);
  }

  /** Deploys one of tests/fixtures/ under its own name. */
  async fixture(name: string, settings: Settings = {}): Promise<void> {
    const { dir, runtime, handler } = await build(name);
    const exact = runtime === "python3" ? await this.python() : runtime;
    await this.deploy(name, filesOf(dir), { runtime: exact, handler, ...settings });
  }

  /** Invoke, with the log's tail. A Buffer or a string goes as it is. */
  invoke(name: string, event: unknown = {}): Promise<Answer> {
    return this.send("POST", `/2015-03-31/functions/${name}/invocations`, event, { "x-amz-log-type": "Tail" });
  }

  update(name: string, code: Code): Promise<Answer> {
    const ZipFile = archive(code).toString("base64");
    return this.send("PUT", `/2015-03-31/functions/${name}/code`, { ZipFile });
  }

  delete(name: string): Promise<Answer> {
    return this.send("DELETE", `/2015-03-31/functions/${name}`);
  }

  /** Names of every function there is. */
  async functions(): Promise<string[]> {
    const { body } = await this.send("GET", "/2015-03-31/functions?MaxItems=50");
    return body.Functions.map((row: { FunctionName: string }) => row.FunctionName).sort();
  }

  /** Rows of `thaw ps`. */
  async environments(): Promise<{ id: string; function: string; state: string; invocations: number }[]> {
    return (await this.send("GET", "/_thaw/environments")).body.environments;
  }

  /** A function's whole log, a line each. */
  async logs(name: string): Promise<string[]> {
    const { text } = await this.send("GET", `/_thaw/logs?function=${name}`);
    return text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line).message);
  }

  /** The newest Python that this machine has. */
  async python(): Promise<string> {
    const { body } = await this.send("GET", "/_thaw/info");
    const rows: { name: string; state: string }[] = body.runtimes;
    const found = rows.find(({ name, state }) => name.startsWith("python3.") && state === "ready");
    if (!found) throw new Error("no Python that functions could use was found on this machine: install python3");
    return found.name;
  }

  /** Throws only when the connection breaks. */
  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const raw = typeof body === "string" || body instanceof Uint8Array;
    const response = await fetch(this.endpoint + path, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
    });
    const text = await response.text();
    const get = (name: string) => response.headers.get(name) ?? undefined;
    return {
      status: response.status,
      code: get("x-amzn-errortype"),
      functionError: get("x-amz-function-error"),
      body: parsed(text),
      text,
      log: Buffer.from(get("x-amz-log-result") ?? "", "base64").toString(),
      requestId: get("x-amzn-requestid") ?? "",
    };
  }
}

function archive(code: Code): Buffer {
  if (Buffer.isBuffer(code)) return code;
  return zipOf(typeof code === "string" ? [{ name: "index.js", data: code }] : code);
}

function filesOf(dir: string): Entry[] {
  const names = readdirSync(dir, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => statSync(join(dir, name)).isFile());
  return files.map((name) => ({ name, data: readFileSync(join(dir, name)), mode: statSync(join(dir, name)).mode }));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
