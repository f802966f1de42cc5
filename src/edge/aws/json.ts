import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { ServiceError } from "../../model/index.ts";
import type { Scope } from "../../registry/index.ts";
import { authorizeOperation } from "../auth/index.ts";
import { readBody } from "../body.ts";
import type { Caller } from "../caller.ts";
import type { ServiceModel } from "../lambda-api/model.ts";
import { validate } from "../lambda-api/validate.ts";
import type { Exchange } from "./service.ts";

/** One call of an AWS JSON service; the input has been checked against the model. */
export interface JsonCall<Input> {
  readonly input: Input;
  readonly scope: Scope;
  /** the request as it came: who asks, and how they found the platform */
  readonly exchange: Exchange;
}

/** Answers one operation with its document. Throws JsonError. */
export type JsonOperation = (call: JsonCall<never>) => object | Promise<object>;

/** What an operation gives back that has written its answer itself. */
export const streamed: object = Object.freeze({});

export interface JsonService {
  /** what stands before the operation's name in X-Amz-Target, with the dot */
  readonly prefix: string;
  readonly model: Pick<ServiceModel, "shapes">;
  readonly operations: Readonly<Record<string, JsonOperation>>;
  /** most bytes of a request; left out: what suffices for documents of a few kilobytes */
  readonly requestBytes?: number;
  /** the service's own code for input that breaks a constraint of the model; left out: ValidationException */
  readonly invalid?: string;
  /**
   * ARNs of what a request is about, as policies name it, where the request calls it otherwise (an alias, a name without the
   * suffix that its ARN has). Undefined: as the request calls it.
   */
  resources?(operation: string, input: unknown, scope: Scope): readonly string[] | undefined;
  /** May the caller? In place of the usual check, of services whose resources have policies of their own. Throws AccessDeniedException. */
  authorize?(caller: Caller, operation: string, input: unknown): void;
  report(error: unknown): void;
}

/** A service's operations, each given what all of them work with beside its own call. */
export function withContext<Context>(
  // Each takes an input of its own, which was checked against the model before it gets there.
  operations: Readonly<Record<string, (call: never) => object | Promise<object>>>,
  context: Context,
): Readonly<Record<string, JsonOperation>> {
  const bound = Object.entries(operations).map(([name, operation]): [string, JsonOperation] => [
    name,
    (call) => (operation as (call: JsonCall<never> & { context: Context }) => object)({ ...call, context }),
  ]);
  return Object.fromEntries(bound);
}

/** The model that was generated for the service in a folder (scripts/generate-service-models.ts). */
export const modelIn = (folder: string): ServiceModel =>
  JSON.parse(readFileSync(join(folder, "generated/model.json"), "utf8")) as ServiceModel;

/** A refusal in the service's own code. */
export class JsonError extends Error {
  readonly code: string;
  readonly status: number;
  /** what stands beside the message */
  readonly fields: Readonly<Record<string, string | number | object>>;

  constructor(
    code: string,
    message: string,
    status = 400,
    fields: Readonly<Record<string, string | number | object>> = {},
  ) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = status;
    this.fields = fields;
  }
}

const usualBytes = 1024 * 1024;

/**
 * Serves a service in the AWS JSON 1.1 protocol: the operation in X-Amz-Target, a document each way. Each operation's
 * input is the shape `{operation}Request`. Source: Smithy, "AWS JSON 1.1 protocol".
 */
export async function serveJson(service: JsonService, exchange: Exchange): Promise<void> {
  const { request, response, requestId, caller } = exchange;
  const { requestBytes = usualBytes } = service;
  try {
    const name = String(request.headers["x-amz-target"]).slice(service.prefix.length);
    const body = await readBody(request, requestBytes, () => tooLarge(requestBytes));
    const operation = Object.hasOwn(service.operations, name) ? service.operations[name] : undefined;
    if (operation === undefined)
      throw new JsonError("UnknownOperationException", `Thaw does not implement ${name} yet`);
    const { account, region } = caller;
    const input = validate(service.model, `${name}Request`, documentOf(body));
    if (service.authorize !== undefined) service.authorize(caller, name, input);
    else authorizeOperation(caller, name, input, () => service.resources?.(name, input, { account, region }));
    const document = await operation({ input: input as never, scope: { account, region }, exchange });
    if (document !== streamed) send(response, 200, requestId, document);
  } catch (error) {
    const { code, status, message, fields } = refusalOf(error, service.report);
    const own = code === "ValidationException" ? (service.invalid ?? code) : code;
    send(response, status, requestId, { ...fields, __type: own, Message: message, message });
  }
}

function documentOf(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    if (!isUtf8(body)) throw new Error("Invalid UTF-8");
    return JSON.parse(body.toString("utf8"));
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new JsonError("SerializationException", `Could not parse request body into json: ${detail}`);
  }
}

type Refused = Pick<JsonError, "code" | "status" | "message"> & Partial<Pick<JsonError, "fields">>;

function refusalOf(error: unknown, report: (error: unknown) => void): Refused {
  if (error instanceof JsonError) return error;
  if (error instanceof ServiceError) return { code: error.code, status: error.kind.status, message: error.message };
  report(error);
  return { code: "InternalServiceException", status: 500, message: "The service encountered an internal error." };
}

const tooLarge = (requestBytes: number) =>
  new ServiceError("RequestTooLargeException", `Request must be smaller than ${requestBytes} bytes`);

function send(response: ServerResponse, status: number, requestId: string, document: object): void {
  const text = JSON.stringify(document);
  response.writeHead(status, {
    "content-type": "application/x-amz-json-1.1",
    "content-length": Buffer.byteLength(text),
    "x-amzn-requestid": requestId,
  });
  response.end(text);
}
