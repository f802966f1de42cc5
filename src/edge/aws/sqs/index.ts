import { isUtf8 } from "node:buffer";
import type { ServerResponse } from "node:http";
import {
  arnOf,
  MessageRefusal,
  type Messages,
  missingParameter,
  noQueue,
  type Queue,
} from "../../../messages/index.ts";
import { ServiceError } from "../../../model/index.ts";
import { evaluate } from "../../../policy/index.ts";
import { authorize } from "../../auth/index.ts";
import { readBody } from "../../body.ts";
import type { Caller } from "../../caller.ts";
import { validate } from "../../lambda-api/validate.ts";
import { readForm, writeForm } from "../forms.ts";
import type { AwsService, Exchange } from "../service.ts";
import { type Failure, failureOf } from "./errors.ts";
import * as messages from "./messages.ts";
import { forms, model } from "./model.ts";
import type { SqsCall, SqsOperation } from "./operation.ts";
import * as queues from "./queues.ts";
import { parseQueueUrl } from "./urls.ts";

export const target = "AmazonSQS.";
const namespace = "http://queue.amazonaws.com/doc/2012-11-05/";
/** A batch of 1 MiB, escaped in JSON or in a form, and its attributes. */
const mostBytes = 8 * 1024 * 1024;

const operations = new Map<string, SqsOperation<never>>(
  Object.entries({ ...queues, ...messages }).map(([name, operation]) => [
    name.charAt(0).toUpperCase() + name.slice(1),
    operation as SqsOperation<never>,
  ]),
);

export const isSqsAction = (name: string): boolean => operations.has(name);

export interface SqsNeeds {
  readonly messages: Messages;
  report(error: unknown): void;
}

/** Amazon SQS, in the AWS JSON 1.0 protocol and in the Query protocol of older clients. */
export function createSqs(needs: SqsNeeds): AwsService {
  return {
    serve: (exchange) => serve(needs, exchange),
    stop: () => needs.messages.release(),
  };
}

/** How a request asks, and how it is answered. */
interface Spoken {
  readonly operation: string;
  readonly input: unknown;
}

async function serve(needs: SqsNeeds, exchange: Exchange): Promise<void> {
  const { request, response, requestId } = exchange;
  const asJson = typeof request.headers["x-amz-target"] === "string";
  try {
    const tooLarge = () =>
      new ServiceError("RequestTooLargeException", `Request must be smaller than ${mostBytes} bytes`);
    const body = await readBody(request, mostBytes, tooLarge);
    const { operation, input } = asJson ? fromJson(exchange, body) : fromForm(exchange, body);
    const run = operations.get(operation);
    if (run === undefined) {
      throw new MessageRefusal("InvalidAction", `The action ${operation} is not valid for this endpoint.`);
    }
    const call = callOf(needs, exchange, operation, checked(operation, input, exchange));
    const document = await run(call as SqsCall<never>);
    if (asJson)
      sendJson(response, 200, requestId, model.operations[operation]?.output === undefined ? undefined : document);
    else sendXml(response, 200, requestId, resultXml(operation, document, requestId));
  } catch (error) {
    const failure = failureOf(error, needs.report);
    if (asJson) sendJsonFailure(response, requestId, failure);
    else sendXml(response, failure.status, requestId, failureXml(failure, requestId));
  }
}

function fromJson({ request }: Exchange, body: Buffer): Spoken {
  const operation = String(request.headers["x-amz-target"]).slice(target.length);
  try {
    if (!isUtf8(body)) throw new Error("Invalid UTF-8");
    return { operation, input: body.length === 0 ? {} : JSON.parse(body.toString("utf8")) };
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new ServiceError("SerializationException", `Could not parse request body into json: ${detail}`);
  }
}

/** Older clients post to the queue's own URL. */
function fromForm({ url }: Exchange, body: Buffer): Spoken {
  const fields = new URLSearchParams(body.toString("utf8"));
  for (const [name, value] of url.searchParams) if (!fields.has(name)) fields.set(name, value);
  const operation = fields.get("Action") ?? "";
  if (!operations.has(operation)) return { operation, input: {} };
  const input = readForm(forms, `${operation}Request`, fields) as Record<string, unknown>;
  const wantsUrl = model.shapes[`${operation}Request`]?.members?.QueueUrl !== undefined;
  if (wantsUrl && url.pathname.length > 1) input.QueueUrl = url.href;
  return { operation, input };
}

/** The input in its typed form. Throws MissingParameter, and what validate() throws. */
function checked(operation: string, input: unknown, { caller }: Exchange): unknown {
  const shape = `${operation}Request`;
  const given = (typeof input === "object" && input !== null ? input : {}) as Record<string, unknown>;
  const missing = model.shapes[shape]?.required?.find((name) => given[name] === undefined || given[name] === null);
  if (missing !== undefined) throw missingParameter(missing);
  if (caller.anonymous) throw new ServiceError("AccessDeniedException", "Access to the resource is denied.");
  return validate(model, shape, input);
}

function callOf(needs: SqsNeeds, exchange: Exchange, operation: string, input: unknown): SqsCall<unknown> {
  const { caller, request, response } = exchange;
  const { queues: all } = needs.messages;
  const may = (queue: Queue, action: string) => authorizeFor(caller, queue, action);
  if (queueless.has(operation)) {
    const { account, region } = caller;
    const name = (input as { QueueName?: string }).QueueName ?? "";
    authorize(caller, { action: `sqs:${operation}`, resource: arnOf({ account, region, name }) });
  }
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  return {
    input,
    caller,
    queues: all,
    host: request.headers.host ?? "localhost",
    traceId: request.headers["x-amzn-trace-id"]?.toString(),
    signal: gone.signal,
    authorize: may,
    queue(url, action = operation) {
      const named = parseQueueUrl(url, caller);
      const queue = named === undefined ? undefined : all.find(named.place, named.name);
      if (queue === undefined) throw noQueue();
      may(queue, action);
      return queue;
    },
  };
}

/** What is about no queue that is there. */
const queueless: ReadonlySet<string> = new Set(["CreateQueue", "ListQueues"]);

function authorizeFor(caller: Caller, { record, settings }: Queue, action: string): void {
  const resource = arnOf(record);
  authorize(caller, {
    action: `sqs:${action}`,
    resource,
    owner: record.account,
    policy: ({ principal, action: asked, context }) =>
      evaluate(settings.policy, { principal, action: asked, resource, context }),
  });
}

function sendJson(response: ServerResponse, status: number, requestId: string, document: object | undefined): void {
  const text = document === undefined ? "" : JSON.stringify(document);
  response.writeHead(status, {
    "content-type": "application/x-amz-json-1.0",
    "content-length": Buffer.byteLength(text),
    "x-amzn-requestid": requestId,
  });
  response.end(text);
}

function sendJsonFailure(response: ServerResponse, requestId: string, failure: Failure): void {
  response.setHeader("x-amzn-query-error", `${failure.code};${failure.fault}`);
  const __type = model.shapes[failure.shape] === undefined ? "com.amazon.coral.service" : "com.amazonaws.sqs";
  sendJson(response, failure.status, requestId, {
    __type: `${__type}#${failure.shape}`,
    message: failure.message,
  });
}

function resultXml(operation: string, document: object, requestId: string): string {
  const { output } = model.operations[operation]!;
  const result =
    output === undefined ? "" : `<${operation}Result>${writeForm(forms, output, document)}</${operation}Result>`;
  const metadata = `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
  return `<${operation}Response xmlns="${namespace}">${result}${metadata}</${operation}Response>`;
}

function failureXml({ code, message, fault, shape }: Failure, requestId: string): string {
  // As the older protocol says it.
  const text = shape === "QueueDoesNotExist" ? "The specified queue does not exist for this wsdl version." : message;
  const detail = `<Error><Type>${fault}</Type><Code>${code}</Code><Message>${escaped(text)}</Message><Detail/></Error>`;
  return `<ErrorResponse xmlns="${namespace}">${detail}<RequestId>${requestId}</RequestId></ErrorResponse>`;
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function sendXml(response: ServerResponse, status: number, requestId: string, document: string): void {
  const text = `<?xml version="1.0"?>${document}`;
  response.writeHead(status, {
    "content-type": "text/xml",
    "content-length": Buffer.byteLength(text),
    "x-amzn-requestid": requestId,
  });
  response.end(text);
}
