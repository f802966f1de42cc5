import type { IncomingMessage } from "node:http";
import type { ServiceError } from "../../model/index.ts";
import { readBody } from "../body.ts";
import { hasBody } from "./parts.ts";

/** Milliseconds that a client may let pass between two pieces of a body: an idle load balancer's connection lasts as long. */
const patienceMs = 60_000;

const nothing = Buffer.alloc(0);

/**
 * The body of a request to a front door, whose clients are anybody. Rejects as readBody() does; a client that says nothing for `patience`
 * loses its connection, for whoever sends a byte a minute would keep it for ever.
 */
export async function bodyOf(
  request: IncomingMessage,
  limit: number,
  tooLarge: () => ServiceError,
  patience = patienceMs,
): Promise<Buffer> {
  if (!hasBody(request)) return nothing;
  const timer = setTimeout(() => request.destroy(), patience);
  const heard = () => void timer.refresh();
  request.on("data", heard);
  try {
    return await readBody(request, limit, tooLarge);
  } finally {
    clearTimeout(timer);
    request.off("data", heard);
  }
}
