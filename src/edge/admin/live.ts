import type { IncomingMessage, ServerResponse } from "node:http";
import { drained, goneOf } from "./reader.ts";

export interface LiveNeeds {
  /** Everything that changes from moment to moment, with what was recorded from `since` (ms since the epoch) on. */
  moment(since: number): { readonly at: number };
}

/** How often somebody who watches is told. Often enough to look alive; nobody watches for most of a platform's life. */
const everyMs = 500;

/**
 * Answers with one JSON document a line, the first at once with all that is known, then one every half second for as long as
 * the reader stays. A stream of lines and not of server-sent events: `EventSource` cannot sign its request.
 */
export async function sendLive(
  needs: LiveNeeds,
  request: IncomingMessage,
  response: ServerResponse,
  closing: AbortSignal,
): Promise<void> {
  const gone = goneOf(request, response, closing);
  response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
  let since = 0;
  while (!gone.aborted) {
    const moment = needs.moment(since);
    since = moment.at;
    if (!response.write(`${JSON.stringify(moment)}\n`)) await drained(response, gone);
    await next(gone);
  }
  response.end();
}

/** Resolves after a while, or at once when the reader is gone. */
function next(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, everyMs);
    signal.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
