import { once } from "node:events";
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { connect } from "node:net";
import {
  AddPermissionCommand,
  CreateFunctionCommand,
  CreateFunctionUrlConfigCommand,
  type CreateFunctionUrlConfigRequest,
  LambdaClient,
} from "@aws-sdk/client-lambda";
import type { InvocationResult } from "../../src/model/index.ts";
import { bootstrap, type Door, type Run, role, timing } from "./door.ts";

/** Clients of the front doors, whose hosts no resolver needs to know. */
export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: OutgoingHttpHeaders | readonly string[];
  readonly body?: string | Buffer | readonly (string | Buffer)[];
}

export interface Told {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly bytes: Buffer;
}

/** One request with its Host header; a body of several pieces is sent in chunks. */
export async function ask(door: Pick<Door, "port">, host: string, asked: Asked = {}): Promise<Told> {
  const { method = "GET", path = "/", headers = {}, body } = asked;
  const list = Array.isArray(headers) ? ["host", host, ...headers] : { host, ...headers };
  const request = httpRequest({ host: "127.0.0.1", port: door.port, method, path, headers: list });
  if (Array.isArray(body)) for (const piece of body) request.write(piece);
  request.end(Array.isArray(body) ? undefined : body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  return { status: response.statusCode ?? 0, headers: response.headers, text: bytes.toString("utf8"), bytes };
}

/** Sends bytes as they are; resolves with all that came back until the connection was closed. */
export async function raw(door: Pick<Door, "port">, bytes: string | Buffer): Promise<string> {
  const socket = connect(door.port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => {});
  socket.end(bytes);
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

export const lambdaClient = (door: Pick<Door, "endpoint">, accessKeyId = "test"): LambdaClient =>
  new LambdaClient({
    endpoint: door.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId, secretAccessKey: "test" },
    maxAttempts: 1,
  });

export async function makeFunction(client: LambdaClient, name: string, more: { readonly Publish?: boolean } = {}) {
  await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: role,
      Runtime: "provided.al2023",
      Handler: "any",
      Code: { ZipFile: bootstrap },
      ...more,
    }),
  );
}

/** A function's URL, open to everybody unless it is told otherwise; gives back its host. */
export async function makeUrl(
  client: LambdaClient,
  name: string,
  more: Partial<CreateFunctionUrlConfigRequest> = {},
  open = true,
): Promise<string> {
  const { AuthType = "NONE", Qualifier } = more;
  const where = { FunctionName: name, ...(Qualifier === undefined ? {} : { Qualifier }) };
  const made = await client.send(new CreateFunctionUrlConfigCommand({ ...where, AuthType, ...more }));
  if (open && AuthType === "NONE") await openUrl(client, where);
  return new URL(made.FunctionUrl!).host;
}

/** The two permissions that a public URL needs. */
export async function openUrl(client: LambdaClient, where: { FunctionName: string; Qualifier?: string }) {
  await client.send(
    new AddPermissionCommand({
      ...where,
      StatementId: "url",
      Action: "lambda:InvokeFunctionUrl",
      Principal: "*",
      FunctionUrlAuthType: "NONE",
    }),
  );
  await client.send(
    new AddPermissionCommand({
      ...where,
      StatementId: "url-invoke",
      Action: "lambda:InvokeFunction",
      Principal: "*",
      InvokedViaFunctionUrl: true,
    }),
  );
}

const ended = (outcome: InvocationResult["outcome"]): Run => {
  return async ({ requestId, target }) => ({
    requestId,
    executedVersion: target.version,
    outcome,
    logTail: undefined,
    timing,
  });
};

/** A function that returns this value. */
export const returning = (value: unknown): Run =>
  ended({ kind: "returned", payload: Buffer.from(typeof value === "string" ? value : JSON.stringify(value)) });

/** A function that fails. */
export const failing: Run = ended({
  kind: "failed",
  failure: { functionError: "Unhandled", errorType: "Error", payload: Buffer.from('{"errorMessage":"no"}') },
});

/** A function that streams these pieces. */
export function streaming(type: string, pieces: readonly (string | Buffer)[], broken = false): Run {
  return async (invocation) => {
    invocation.onStream?.start(type);
    for (const piece of pieces) await invocation.onStream?.write(Buffer.from(piece as string));
    const error = { functionError: "Unhandled", errorType: "Error", payload: Buffer.from("{}") } as const;
    return ended(broken ? { kind: "streamed", error } : { kind: "streamed" })(invocation);
  };
}
