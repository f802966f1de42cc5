import { isUtf8 } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  checkTenant,
  type FunctionVersion,
  type Invocation,
  type InvocationResult,
  limits,
  monotonicMs,
  ServiceError,
} from "../../model/index.ts";
import { aliasNotFound, functionArn } from "../../registry/index.ts";
import { sendJson } from "../answer.ts";
import { readBody } from "../body.ts";
import { checkFunctionAccess } from "./access.ts";
import { brokenConstraints } from "./constraints.ts";
import { isDurable, refuseExecutionName } from "./durable-target.ts";
import { type FunctionRef, functionRef } from "./function-ref.ts";
import { recursiveInvocation, traced } from "./lineage.ts";
import { serviceModel } from "./model.ts";
import type { Identify, LambdaApiNeeds } from "./needs.ts";
import type { Preparation } from "./preparation.ts";
import { validationError, violation } from "./validate.ts";

const prefix = "/2015-03-31/functions/";
const suffix = "/invocations";
const emptyEvent = Buffer.from("{}");
const notJson = "Could not parse request body into json: Could not parse payload into json: ";

/** The function's name, as it stands in the path, when a request invokes one; undefined for every other request. */
export function invokedName(method: string, path: string): string | undefined {
  if (method !== "POST" || !path.startsWith(prefix) || !path.endsWith(suffix)) return undefined;
  const name = path.slice(prefix.length, -suffix.length);
  return name === "" || name.includes("/") ? undefined : name;
}

export interface InvokeNeeds extends LambdaApiNeeds {
  readonly preparation: Preparation;
  readonly identify: Identify;
}

export type InvocationType = "RequestResponse" | "DryRun" | "Event";

/** A request that has been read and may run. */
export interface ReadInvocation {
  readonly type: InvocationType;
  readonly invocation: Invocation;
  /** version or alias, as the caller gave it */
  readonly qualifier: string | undefined;
  /** an event that must not run: the function runs in a loop */
  readonly looping: boolean;
  /** the request had no event: the invocation's is `{}` */
  readonly empty: boolean;
}

/** Serves `POST /2015-03-31/functions/{name}/invocations`. Rejects with ServiceError; the caller writes it. */
export async function serveInvocation(
  needs: InvokeNeeds,
  request: IncomingMessage,
  response: ServerResponse,
  name: string,
  query: string,
  requestId: string,
): Promise<void> {
  const read = await readInvocation(needs, request, name, query, requestId);
  const { type, invocation } = read;
  if (needs.durable !== undefined && isDurable(invocation.target)) {
    const { serveDurable } = await import("./invoke-durable.ts");
    await serveDurable(needs.durable, request, response, type, invocation);
    return;
  }
  refuseExecutionName(request);
  if (type === "DryRun") {
    sendJson(response, 204, requestId, undefined);
    return;
  }
  if (type === "Event") {
    await acceptEvent(needs, read);
    sendJson(response, 202, requestId, undefined);
    return;
  }
  const result = await needs.invoke(invocation);
  sendResult(response, result, invocation.traceId ?? "", request.headers["x-thaw-timing"] === "1");
}

/**
 * Everything between the socket and `invoke()`: who, what, with which event; and the wait for a version in the making.
 * `given`: the type where it is not the request that says it.
 */
export async function readInvocation(
  needs: InvokeNeeds,
  request: IncomingMessage,
  name: string,
  query: string,
  requestId: string,
  given?: InvocationType,
): Promise<ReadInvocation> {
  const received = monotonicMs();
  const { headers } = request;
  const type = given ?? invocationType(headers["x-amz-invocation-type"]);
  const limit = type === "Event" ? limits.asyncPayloadBytes : limits.syncPayloadBytes;
  const payload = await readBody(request, limit, (bytes) => tooLarge(type, limit, bytes));
  const caller = needs.identify(request);
  const ref = functionRef(decode(name), query === "" ? undefined : qualifierOf(query), caller);
  checkFunctionAccess(needs.registry, caller, ref, "lambda:InvokeFunction");
  const target = resolveTarget(needs, ref);
  const tenantId = given === undefined ? tenantOf(headers["x-amz-tenant-id"]) : undefined;
  checkTenant(target, tenantId);
  checkPayload(payload);
  const clientContext = headers["x-amz-client-context"];
  const traceId = headers["x-amzn-trace-id"];
  const trace = traced(typeof traceId === "string" ? traceId : undefined, requestId, target);
  const looping = trace.looping && needs.registry.recursion.get(target, target.name)?.recursiveLoop !== "Allow";
  // An event is accepted and then dropped: its failure has a destination, perhaps.
  if (looping && (type !== "Event" || isDurable(target))) throw recursiveInvocation();
  const invocation: Invocation = {
    requestId,
    target,
    invokedArn: invokedArn(target, ref),
    payload: payload.length === 0 ? emptyEvent : payload,
    tail: tailWanted(headers["x-amz-log-type"]),
    received,
    clientContext: typeof clientContext === "string" ? decodeContext(clientContext) : undefined,
    traceId: trace.header,
    tenantId,
  };
  const waiting = needs.preparation.wait(target);
  if (waiting !== undefined) await waiting;
  return { type, invocation, qualifier: ref.qualifier, looping, empty: payload.length === 0 };
}

/** Resolves when the event is durable. Rejects with ServiceError; nothing was accepted then. */
export async function acceptEvent(needs: LambdaApiNeeds, read: ReadInvocation): Promise<void> {
  if (needs.accept === undefined) {
    throw new ServiceError("NotImplementedException", "This platform takes no asynchronous invocations");
  }
  await needs.accept(read.invocation, read.qualifier, read.looping);
}

function tenantOf(header: string | string[] | undefined): string | undefined {
  if (typeof header !== "string") return undefined;
  const broken = brokenConstraints(serviceModel().shapes.TenantId!, header);
  if (broken.length === 0) return header;
  throw validationError(broken.map((text) => violation(header, "tenantId", text)));
}

function sendResult(response: ServerResponse, result: InvocationResult, trace: string, withTiming: boolean): void {
  const { outcome } = result;
  if (outcome.kind === "streamed") throw new Error("a buffered invocation was answered as a stream");
  const payload = outcome.kind === "returned" ? outcome.payload : outcome.failure.payload;
  // Names and values in turn: Node.js writes a list as it is, and would copy an object first.
  const headers = [
    "content-type",
    "application/json",
    "content-length",
    String(payload.length),
    "x-amzn-requestid",
    result.requestId,
    "x-amzn-remapped-content-length",
    "0",
    "x-amz-executed-version",
    result.executedVersion,
    "x-amzn-trace-id",
    trace,
  ];
  if (outcome.kind === "failed") headers.push("x-amz-function-error", outcome.failure.functionError);
  if (result.logTail !== undefined) headers.push("x-amz-log-result", result.logTail.toString("base64"));
  if (withTiming) headers.push("x-thaw-timing", JSON.stringify(result.timing));
  response.writeHead(200, headers);
  response.end(payload);
}

function resolveTarget(needs: InvokeNeeds, ref: FunctionRef): FunctionVersion {
  try {
    return needs.registry.resolve(ref.account, ref.region, ref.name, ref.qualifier);
  } catch (error) {
    const only = ref.name === "function" ? onlyFunction(needs) : undefined;
    if (only !== undefined) return only;
    const { qualifier } = ref;
    if (qualifier === undefined || /^(\d+|\$LATEST)$/.test(qualifier)) throw error;
    // Of all that take a qualifier, invocations alone tell an alias from a version.
    if (needs.registry.functions.find(ref, ref.name) === undefined) throw error;
    throw aliasNotFound(ref, ref.name, qualifier);
  }
}

/** AWS's Runtime Interface Emulator calls whatever it runs `function`; so may a client of a server with one function. */
function onlyFunction(needs: InvokeNeeds): FunctionVersion | undefined {
  const [first, second] = needs.registry.functions.everything();
  if (first === undefined || second !== undefined) return undefined;
  const { account, region, name } = first.record;
  return needs.registry.resolve(account, region, name);
}

function invokedArn(target: FunctionVersion, ref: FunctionRef): string {
  if (ref.qualifier === undefined) return target.version === "$LATEST" ? target.arn : functionArn(target, target.name);
  return `${functionArn(target, target.name)}:${ref.qualifier}`;
}

function invocationType(header: string | string[] | undefined): InvocationType {
  if (header === undefined || header === "RequestResponse") return "RequestResponse";
  if (header === "DryRun" || header === "Event") return header;
  throw enumError(String(header), "invocationType", "Event, RequestResponse, DryRun");
}

function tailWanted(header: string | string[] | undefined): boolean {
  if (header === undefined || header === "None") return false;
  if (header === "Tail") return true;
  throw enumError(String(header), "logType", "None, Tail");
}

function enumError(value: string, member: string, values: string): ServiceError {
  return new ServiceError(
    "ValidationException",
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: Member must satisfy enum value set: [${values}]`,
  );
}

function tooLarge(type: InvocationType, limit: number, bytes: number | undefined): ServiceError {
  const text =
    bytes === undefined
      ? `Request must be smaller than ${limit} bytes for the InvokeFunction operation`
      : `${bytes} byte payload is too large for the ${type} invocation type (limit ${limit} bytes)`;
  return new ServiceError("RequestTooLargeException", text);
}

/** Lambda lets nothing but JSON through; the bytes themselves go on as they came. */
function checkPayload(payload: Buffer): void {
  if (payload.length === 0) return;
  if (!isUtf8(payload)) throw new ServiceError("InvalidRequestContentException", `${notJson}Invalid UTF-8`);
  try {
    JSON.parse(payload.toString("utf8"));
  } catch (error) {
    throw new ServiceError("InvalidRequestContentException", notJson + (error as Error).message);
  }
}

function decodeContext(header: string): string {
  if (header.length > limits.clientContextBytes) {
    throw new ServiceError(
      "InvalidRequestContentException",
      `Client context must have length less than or equal to ${limits.clientContextBytes}; this one has ${header.length}`,
    );
  }
  const text = Buffer.from(header, "base64").toString("utf8");
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new ServiceError(
      "InvalidRequestContentException",
      "Client context must be a valid Base64-encoded JSON object.",
      {},
      { cause },
    );
  }
  return text;
}

/** The label of a path. Throws InvalidRequestContentException for broken percent-encoding. */
export function decode(label: string): string {
  if (!label.includes("%")) return label;
  try {
    return decodeURIComponent(label);
  } catch (cause) {
    throw new ServiceError(
      "InvalidRequestContentException",
      `The path is not well percent-encoded: ${label}`,
      {},
      { cause },
    );
  }
}

function qualifierOf(query: string): string | undefined {
  const given = new URLSearchParams(query).get("Qualifier");
  return given === null ? undefined : given;
}
