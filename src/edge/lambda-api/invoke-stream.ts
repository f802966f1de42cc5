import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type FunctionFailure, type InvocationResult, ServiceError, type StreamSink } from "../../model/index.ts";
import { sendJson } from "../answer.ts";
import { isDurable } from "./durable-target.ts";
import { invokeComplete, payloadChunk } from "./event-stream.ts";
import { type InvokeNeeds, readInvocation } from "./invoke.ts";

const prefix = "/2021-11-15/functions/";
const suffix = "/response-streaming-invocations";

/** As invokedName(), for InvokeWithResponseStream. */
export function streamedName(method: string, path: string): string | undefined {
  if (method !== "POST" || !path.startsWith(prefix) || !path.endsWith(suffix)) return undefined;
  const name = path.slice(prefix.length, -suffix.length);
  return name === "" || name.includes("/") ? undefined : name;
}

/** Serves InvokeWithResponseStream: events PayloadChunk as the function writes, InvokeComplete at the end. */
export async function serveStream(
  needs: InvokeNeeds,
  request: IncomingMessage,
  response: ServerResponse,
  name: string,
  query: string,
  requestId: string,
): Promise<void> {
  const { type, invocation } = await readInvocation(needs, request, name, query, requestId);
  if (isDurable(invocation.target)) {
    throw new ServiceError(
      "InvalidParameterValueException",
      "You cannot invoke a durable function with a streamed response.",
    );
  }
  if (type === "DryRun") {
    sendJson(response, 204, requestId, undefined);
    return;
  }
  if (type === "Event") {
    throw new ServiceError(
      "ValidationException",
      "1 validation error detected: Value 'Event' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [RequestResponse, DryRun]",
    );
  }
  const begin = (): void => {
    if (response.headersSent) return;
    response.writeHead(200, {
      "content-type": "application/vnd.amazon.eventstream",
      "x-amzn-requestid": requestId,
      "x-amz-executed-version": invocation.target.version,
    });
  };
  const onStream: StreamSink = {
    start: begin,
    write(chunk) {
      begin();
      if (response.write(payloadChunk(chunk)) || response.destroyed) return undefined;
      return drained(response);
    },
  };
  const result = await needs.invoke({ ...invocation, onStream });
  begin();
  if (result.outcome.kind === "returned") response.write(payloadChunk(result.outcome.payload));
  response.end(completion(result));
}

function completion(result: InvocationResult): Buffer {
  const { outcome, logTail } = result;
  const failure: FunctionFailure | undefined =
    outcome.kind === "failed" ? outcome.failure : outcome.kind === "streamed" ? outcome.error : undefined;
  return invokeComplete({
    ...(failure === undefined
      ? {}
      : { ErrorCode: failure.functionError, ErrorDetails: failure.payload.toString("utf8") }),
    ...(logTail === undefined ? {} : { LogResult: logTail.toString("base64") }),
  });
}

/** Resolves when the client has read enough, or is gone. */
async function drained(response: ServerResponse): Promise<void> {
  const settled = new AbortController();
  try {
    await Promise.race([
      once(response, "drain", { signal: settled.signal }),
      once(response, "close", { signal: settled.signal }),
    ]);
  } finally {
    settled.abort();
  }
}
