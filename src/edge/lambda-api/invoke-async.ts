import type { IncomingMessage, ServerResponse } from "node:http";
import { ServiceError } from "../../model/index.ts";
import { sendJson } from "../answer.ts";
import { acceptEvent, type InvokeNeeds, readInvocation } from "./invoke.ts";

const prefix = "/2014-11-13/functions/";
const suffix = "/invoke-async";

/** As invokedName(), for InvokeAsync. */
export function asyncName(method: string, path: string): string | undefined {
  const trimmed = path.endsWith("/") ? path.slice(0, -1) : path;
  if (method !== "POST" || !trimmed.startsWith(prefix) || !trimmed.endsWith(suffix)) return undefined;
  const name = trimmed.slice(prefix.length, -suffix.length);
  return name === "" || name.includes("/") ? undefined : name;
}

/**
 * Serves InvokeAsync, deprecated since 2014: an event for the function, with nothing of what Invoke's headers say. Rejects
 * with ServiceError.
 */
export async function serveInvokeAsync(
  needs: InvokeNeeds,
  request: IncomingMessage,
  response: ServerResponse,
  name: string,
  requestId: string,
): Promise<void> {
  const read = await readInvocation(needs, request, name, "", requestId, "Event");
  if (read.empty) {
    throw new ServiceError(
      "InvalidRequestContentException",
      "Could not parse request body into json: No content to map due to end-of-input",
    );
  }
  await acceptEvent(needs, read);
  sendJson(response, 202, requestId, { Status: 202 });
}
