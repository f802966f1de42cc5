import type { IncomingMessage, ServerResponse } from "node:http";

/** Aborts when the reader of an answer has gone, or the platform stops. */
export function goneOf(request: IncomingMessage, response: ServerResponse, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const abort = () => {
    closing.removeEventListener("abort", abort);
    gone.abort();
  };
  request.on("close", abort);
  response.on("close", abort);
  if (closing.aborted) abort();
  else closing.addEventListener("abort", abort);
  return gone.signal;
}

/** Resolves when more may be written, or when the reader is gone. */
export function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    response.once("drain", resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
