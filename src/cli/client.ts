import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from "node:http";
import aws4 from "aws4";
import { CommandFailure } from "./failure.ts";
import type { Connection } from "./settings.ts";

export interface Question {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** path with its query, already encoded */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  /** signing name of the service that is asked; default: Lambda */
  readonly service?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The server's own no: AWS's error code and message, as they came. */
export class ServiceFailure extends CommandFailure {
  readonly status: number;
  constructor(code: string, message: string, status: number, next: string | undefined) {
    super(`${code}: ${message}`, { code, next });
    this.name = "ServiceFailure";
    this.status = status;
  }
}

/** One request, answered whole. Rejects with ServiceFailure for 4xx and 5xx, CommandFailure when nothing answers. */
export async function ask(connection: Connection, question: Question): Promise<Answer> {
  const response = await send(connection, question);
  const body = await collect(response);
  const status = response.statusCode ?? 0;
  if (status >= 400) throw serviceFailure(status, response.headers, body);
  return { status, headers: response.headers, body };
}

/** As `ask`, reading and writing JSON documents. An empty answer is undefined. */
export async function askJson<T>(
  connection: Connection,
  method: Question["method"],
  path: string,
  document?: unknown,
): Promise<T> {
  const { body } = await ask(connection, {
    method,
    path,
    ...(document === undefined
      ? {}
      : { headers: { "content-type": "application/json" }, body: JSON.stringify(document) }),
  });
  try {
    return (body.length === 0 ? undefined : JSON.parse(body.toString())) as T;
  } catch (error) {
    throw new CommandFailure(`${connection.endpoint} answered ${method} ${path} with something that is not JSON.`, {
      next: "check that the endpoint is Thaw's: thaw doctor",
      cause: error,
    });
  }
}

/** An answer that arrives line by line, as long as the server sends (NDJSON). Ends when `signal` aborts. */
export async function* askLines(connection: Connection, path: string, signal?: AbortSignal): AsyncGenerator<string> {
  const response = await send(connection, { method: "GET", path }, signal);
  const status = response.statusCode ?? 0;
  if (status >= 400) throw serviceFailure(status, response.headers, await collect(response));
  let rest = "";
  response.setEncoding("utf8");
  try {
    for await (const chunk of response) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield line;
    }
  } catch (error) {
    if (signal?.aborted) return;
    throw new CommandFailure(`${connection.endpoint} ended the answer early: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (rest !== "") yield rest;
}

/** Signed with Signature Version 4, as every AWS client signs. */
function send(connection: Connection, question: Question, signal?: AbortSignal): Promise<IncomingMessage> {
  const url = new URL(connection.endpoint);
  const signed = aws4.sign(
    {
      service: question.service ?? "lambda",
      region: connection.region,
      method: question.method,
      host: url.host,
      path: question.path,
      headers: { ...question.headers },
      body: question.body ?? "",
    },
    {
      accessKeyId: connection.accessKeyId,
      secretAccessKey: connection.secretAccessKey,
      ...(connection.sessionToken === undefined ? {} : { sessionToken: connection.sessionToken }),
    },
  );
  const options: RequestOptions = {
    method: question.method,
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port,
    path: question.path,
    headers: signed.headers as Record<string, string>,
    ...(signal === undefined ? {} : { signal }),
  };
  return new Promise((resolve, reject) => {
    const request = httpModule(url.protocol).request(options, resolve);
    request.on("error", (error: NodeJS.ErrnoException) => reject(unreachable(connection.endpoint, error)));
    request.end(question.body);
  });
}

/**
 * `import "node:http"` evaluates every export of it, `WebSocket` and with it the whole of undici among them, which
 * takes as long as starting Node.js itself; asking for the module object does not.
 */
function httpModule(protocol: string): { request: typeof import("node:http").request } {
  return protocol === "https:" ? process.getBuiltinModule("node:https") : process.getBuiltinModule("node:http");
}

async function collect(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    throw new CommandFailure(`The server closed the connection in the middle of its answer.`, {
      next: "look at the server's own output; thaw doctor",
      cause: error,
    });
  }
  return Buffer.concat(chunks);
}

function unreachable(endpoint: string, error: NodeJS.ErrnoException): CommandFailure {
  if (error.code === "ECONNREFUSED") {
    return new CommandFailure(`Nothing listens at ${endpoint}.`, {
      code: "ConnectionRefused",
      next: "start the platform with `thaw up`, or name another one with --endpoint",
      cause: error,
    });
  }
  return new CommandFailure(`No answer from ${endpoint}: ${error.message}`, {
    code: error.code ?? "ConnectionFailed",
    next: "check --endpoint (or AWS_ENDPOINT_URL) and that `thaw up` still runs",
    cause: error,
  });
}

function serviceFailure(status: number, headers: IncomingHttpHeaders, body: Buffer): ServiceFailure {
  const document = parsedObject(body);
  // REST-JSON names the error in a header, `Type:namespace` at times; some services put it into the body instead.
  const header = headers["x-amzn-errortype"];
  const named = [Array.isArray(header) ? header[0] : header, document.__type, document.code].find(
    (name) => typeof name === "string" && name !== "",
  );
  const code = String(named ?? `HTTP ${status}`)
    .split(":")[0]!
    .replace(/^.*#/, "");
  const message = document.Message ?? document.message ?? document.errorMessage ?? body.toString().slice(0, 500);
  return new ServiceFailure(code, String(message), status, nextStep(code));
}

function parsedObject(body: Buffer): Record<string, unknown> {
  try {
    const document: unknown = JSON.parse(body.toString());
    return typeof document === "object" && document !== null ? (document as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function nextStep(code: string): string | undefined {
  switch (code) {
    case "ResourceNotFoundException":
      return "see what exists with `thaw list`";
    case "MissingAuthenticationTokenException":
    case "UnrecognizedClientException":
      return 'this platform checks signatures: eval "$(thaw env --force)"';
    case "TooManyRequestsException":
      return "try again, or raise the function's reserved concurrency";
    case "NotImplementedException":
      return "this part of Lambda is not built yet; the other commands work";
    default:
      return undefined;
  }
}
