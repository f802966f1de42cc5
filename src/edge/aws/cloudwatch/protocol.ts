import type { ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { ServiceError } from "../../../model/index.ts";
import { readBody } from "../../body.ts";
import type { Shape } from "../../lambda-api/model.ts";
import { validate } from "../../lambda-api/validate.ts";
import { readForm, writeForm } from "../forms.ts";
import type { Exchange } from "../service.ts";
import { writeXml } from "../xml.ts";
import { CborError, decodeCbor, encodeCbor } from "./cbor.ts";
import { CloudWatchError, forms, model } from "./model.ts";

/**
 * CloudWatch is spoken to in three protocols: forms answered in XML (older clients), AWS JSON 1.0 (the JavaScript SDK) and
 * Smithy's RPC v2 in CBOR (boto3). Documents are the same in each; moments are seconds in what comes and Dates in what goes.
 */
export type Wire = "query" | "json" | "cbor";

export interface Request {
  readonly wire: Wire;
  readonly operation: string;
  /** checked against the model */
  readonly input: unknown;
}

const target = "GraniteServiceVersion20100801";
/** A request of 1 MB that was compressed, or written as a form. */
const mostBytes = 8 * 1024 * 1024;
const namespace = "http://monitoring.amazonaws.com/doc/2010-08-01/";
const unzip = promisify(gunzip);

export function wireOf({ request, url }: Pick<Exchange, "request" | "url">): Wire {
  if (url.pathname.startsWith(`/service/${target}/operation/`)) return "cbor";
  return String(request.headers["x-amz-target"] ?? "").startsWith(`${target}.`) ? "json" : "query";
}

/** Throws CloudWatchError and what validate() throws. */
export async function readRequest(exchange: Exchange): Promise<Request> {
  const { request, url } = exchange;
  const wire = wireOf(exchange);
  const body = await bodyOf(exchange);
  if (wire === "query") {
    const fields = new URLSearchParams(body.toString("utf8"));
    for (const [name, value] of url.searchParams) if (!fields.has(name)) fields.set(name, value);
    const operation = fields.get("Action") ?? "";
    const shape = inputOf(operation);
    return { wire, operation, input: validate(model, shape, withSeconds(shape, readForm(forms, shape, fields))) };
  }
  const operation = wire === "json" ? String(request.headers["x-amz-target"]).slice(target.length + 1) : nameIn(url);
  return { wire, operation, input: validate(model, inputOf(operation), wire === "json" ? json(body) : cbor(body)) };
}

const nameIn = (url: URL): string => url.pathname.split("/").at(-1) ?? "";

function inputOf(operation: string): string {
  const shape = Object.hasOwn(model.operations, operation) ? model.operations[operation]?.input : undefined;
  if (shape !== undefined) return shape;
  throw new CloudWatchError("InvalidAction", `Thaw does not implement ${operation} of CloudWatch`);
}

async function bodyOf({ request }: Exchange): Promise<Buffer> {
  const tooLarge = () =>
    new ServiceError("RequestTooLargeException", `Request must be smaller than ${mostBytes} bytes`);
  const body = await readBody(request, mostBytes, tooLarge);
  if (request.headers["content-encoding"] !== "gzip") return body;
  return unzip(body, { maxOutputLength: mostBytes }).catch(() => {
    throw new CloudWatchError("SerializationException", "The request is not compressed as it says.");
  });
}

function json(body: Buffer): unknown {
  try {
    return body.length === 0 ? {} : JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw new CloudWatchError("SerializationException", (error as Error).message);
  }
}

function cbor(body: Buffer): unknown {
  try {
    return body.length === 0 ? {} : decodeCbor(body);
  } catch (error) {
    if (error instanceof CborError) throw new CloudWatchError("SerializationException", error.message);
    throw error;
  }
}

/** A form's document with its moments, which are texts there, as seconds. */
function withSeconds(name: string, value: unknown): unknown {
  const shape: Shape = model.shapes[name]!;
  if (value === undefined || value === null) return value;
  if (shape.type === "timestamp") {
    const ms = typeof value === "string" && /^-?[\d.]+$/.test(value) ? Number(value) * 1e3 : Date.parse(String(value));
    return Number.isNaN(ms) ? value : ms / 1e3;
  }
  if (shape.type === "list") return (value as unknown[]).map((one) => withSeconds(shape.member!.shape, one));
  if (shape.type !== "structure") return value;
  const members = Object.entries(value).map(([member, inner]) => [
    member,
    withSeconds(shape.members![member]!.shape, inner),
  ]);
  return Object.fromEntries(members);
}

export function sendAnswer(
  response: ServerResponse,
  requestId: string,
  { wire, operation }: Request,
  document: object,
) {
  const output = model.operations[operation]?.output;
  if (wire === "query") {
    const inner = output === undefined ? "" : writeForm(forms, output, withTexts(document) as object);
    const result = output === undefined ? "" : `<${operation}Result>${inner}</${operation}Result>`;
    const metadata = writeXml({ ResponseMetadata: { RequestId: requestId } });
    const text = `<${operation}Response xmlns="${namespace}">${result}${metadata}</${operation}Response>`;
    send(response, 200, requestId, { "content-type": "text/xml" }, text);
  } else send(response, 200, requestId, headersOf[wire], wire === "json" ? jsonText(document) : encodeCbor(document));
}

export function sendRefusal(
  response: ServerResponse,
  requestId: string,
  wire: Wire,
  refusal: { readonly shape: string; readonly code: string; readonly status: number; readonly message: string },
): void {
  const { shape, code, status, message } = refusal;
  const fault = status < 500 ? "Sender" : "Receiver";
  if (wire === "query") {
    const Type = fault;
    const content = writeXml({ Error: { Type, Code: code, Message: message }, RequestId: requestId });
    const text = `<ErrorResponse xmlns="${namespace}">${content}</ErrorResponse>`;
    send(response, status, requestId, { "content-type": "text/xml" }, text);
    return;
  }
  const document = { __type: `com.amazonaws.cloudwatch.v2010_08_01#${shape}`, message, Message: message };
  // Clients that knew the Query protocol know errors by the codes they had there.
  const headers = { ...headersOf[wire], "x-amzn-query-error": `${code};${fault}` };
  send(response, status, requestId, headers, wire === "json" ? jsonText(document) : encodeCbor(document));
}

const headersOf = {
  json: { "content-type": "application/x-amz-json-1.0" },
  cbor: { "content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor" },
} as const;

function send(
  response: ServerResponse,
  status: number,
  requestId: string,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer,
): void {
  const length = Buffer.byteLength(body);
  response.writeHead(status, { ...headers, "content-length": length, "x-amzn-requestid": requestId });
  response.end(body);
}

const jsonText = (document: object): string => JSON.stringify(walk(document, (moment) => moment.getTime() / 1e3));
const withTexts = (document: object): unknown => walk(document, (moment) => moment.toISOString());

function walk(value: unknown, each: (moment: Date) => unknown): unknown {
  if (value instanceof Date) return each(value);
  if (Array.isArray(value)) return value.map((one) => walk(one, each));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner, each)]));
}
