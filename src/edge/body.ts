import type { IncomingMessage } from "node:http";
import { ServiceError } from "../model/index.ts";

const nothing = Buffer.alloc(0);
/** Bodies that had to be read before it was known who is to have them. */
const held = new WeakMap<IncomingMessage, Buffer>();

/** Keeps a body that has been read, for readBody() to give out. */
export function holdBody(request: IncomingMessage, body: Buffer): void {
  held.set(request, body);
}

/** The body of a request that was read already; undefined: it is still to come. */
export const heldBody = (request: IncomingMessage): Buffer | undefined => held.get(request);

/**
 * The request's body: the one chunk it came in, or all of them joined. Rejects when it is longer than `limit` bytes with
 * what `tooLarge` makes of its length (undefined when the client did not declare one); the rest is then read and thrown
 * away, because a client that is still writing would not see the answer.
 */
export function readBody(
  request: IncomingMessage,
  limit: number,
  tooLarge: (bytes: number | undefined) => ServiceError,
): Promise<Buffer> {
  const declared = request.headers["content-length"];
  if (declared !== undefined && Number(declared) > limit) {
    request.resume();
    return Promise.reject(tooLarge(Number(declared)));
  }
  const known = held.get(request);
  if (known !== undefined)
    return known.length > limit ? Promise.reject(tooLarge(known.length)) : Promise.resolve(known);
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let more: Buffer[] | undefined;
    let length = 0;
    let ended = false;
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > limit) {
        request.off("data", onData);
        request.resume();
        reject(tooLarge(undefined));
      } else if (first === undefined) {
        first = chunk;
      } else {
        more ??= [first];
        more.push(chunk);
      }
    };
    request.on("data", onData);
    request.on("end", () => {
      ended = true;
      resolve(more === undefined ? (first ?? nothing) : Buffer.concat(more, length));
    });
    // A client that goes away is no failure of ours, and nobody is left to read the answer.
    request.on("error", () => {});
    request.on("close", () => {
      if (!ended) reject(new ServiceError("InvalidRequestContentException", "The request ended before its body did."));
    });
  });
}
