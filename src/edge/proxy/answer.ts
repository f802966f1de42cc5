import type { ServerResponse } from "node:http";
import { http } from "../../remote/index.ts";
import { hopByHop } from "./parts.ts";

/** An HTTP answer that a function, or a door, has decided on. */
export interface ProxyAnswer {
  readonly status: number;
  /** a name may come more than once */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer | string;
}

/** A document in JSON as the whole answer. */
export function jsonAnswer(status: number, document: object, headers: ProxyAnswer["headers"] = []): ProxyAnswer {
  return { status, headers: [["content-type", "application/json"], ...headers], body: JSON.stringify(document) };
}

/** Headers as Node.js writes them: without those that are the connection's. Undefined: one of them cannot be written. */
export function writableHeaders(headers: ProxyAnswer["headers"]): string[] | undefined {
  const list: string[] = [];
  try {
    for (const [name, value] of headers) {
      const lower = name.toLowerCase();
      if (hopByHop.has(lower) || lower === "content-length") continue;
      http.validateHeaderName(name);
      http.validateHeaderValue(name, value);
      list.push(name, value);
    }
  } catch {
    return undefined;
  }
  return list;
}

/** Writes the whole answer; false, and nothing written, when a header of it cannot be. */
export function sendAnswer(
  response: ServerResponse,
  { status, headers, body }: ProxyAnswer,
  own: readonly string[] = [],
): boolean {
  const list = writableHeaders(headers);
  if (list === undefined) return false;
  // A client that is still writing would not see the answer.
  if (!response.req.complete) response.req.resume();
  const bodiless = status === 204 || status === 304;
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
  response.writeHead(status, [...list, ...own, ...(bodiless ? [] : ["content-length", String(length)])]);
  // Short text goes out with the head, in one write.
  response.end(bodiless ? undefined : body);
  return true;
}

/** Statuses that a whole answer can have. */
export const isStatus = (status: number): boolean => Number.isInteger(status) && status >= 200 && status <= 599;
