import type { IncomingMessage } from "node:http";
import { monotonicMs } from "../../model/index.ts";

/** A request as events of the front doors tell of it. */
export interface RequestParts {
  readonly method: string;
  /** as it came: percent-encoded, without the query; `/` where the target is none */
  readonly path: string;
  /** without `?` */
  readonly query: string;
  /** names in lower case, each with its values in the order they came */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** with the port */
  readonly host: string;
  /** the same without it */
  readonly domain: string;
  /** `HTTP/1.1` */
  readonly protocol: string;
  readonly sourceIp: string;
  readonly userAgent: string;
  readonly requestId: string;
  /** milliseconds since the epoch */
  readonly at: number;
  /** monotonicMs() */
  readonly received: number;
}

/** They speak of one connection only (RFC 9110, 7.6.1). */
export const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** Reads everything but the body. `X-Forwarded-*` and `X-Amzn-Trace-Id` are added, as AWS's front ends do. */
export function partsOf(request: IncomingMessage, requestId: string): RequestParts {
  const { path, query } = splitTarget(request.url ?? "/");
  const headers = headersOf(request);
  const host = one(headers, "host") ?? "localhost";
  const sourceIp = (request.socket.remoteAddress ?? "127.0.0.1").replace(/^::ffff:/, "");
  const encrypted = "encrypted" in request.socket;
  const colon = portMark(host);
  const port = colon === -1 ? (encrypted ? "443" : "80") : host.slice(colon + 1);
  const at = Date.now();
  const before = headers.get("x-forwarded-for");
  headers.set("x-forwarded-for", [before === undefined ? sourceIp : [...before, sourceIp].join(", ")]);
  headers.set("x-forwarded-port", [port]);
  headers.set("x-forwarded-proto", [encrypted ? "https" : "http"]);
  if (!headers.has("x-amzn-trace-id")) headers.set("x-amzn-trace-id", [newRoot(at, requestId)]);
  return {
    method: request.method ?? "GET",
    path,
    query,
    headers,
    host,
    domain: colon === -1 ? host : host.slice(0, colon),
    protocol: `HTTP/${request.httpVersion}`,
    sourceIp,
    userAgent: one(headers, "user-agent") ?? "",
    requestId,
    at,
    received: monotonicMs(),
  };
}

/** Where a host's port begins: at its colon; -1: it has none. */
const portMark = (host: string): number => {
  const colon = host.lastIndexOf(":");
  return colon !== -1 && /^\d+$/.test(host.slice(colon + 1)) ? colon : -1;
};

/** The only or first value of a header. */
export const one = (headers: RequestParts["headers"], name: string): string | undefined => headers.get(name)?.[0];

/** All that a client sent under one name, as one value (RFC 9110, 5.3; cookies: RFC 6265, 5.4). */
export function joined(headers: RequestParts["headers"], name: string): string | undefined {
  const values = headers.get(name);
  return values === undefined || values.length === 1 ? values?.[0] : values.join(name === "cookie" ? "; " : ",");
}

/** Cookies, each `name=value`. */
export function cookiesOf(headers: RequestParts["headers"]): string[] {
  const given = headers.get("cookie");
  return given === undefined ? [] : given.flatMap((line) => line.split(";")).flatMap((cookie) => cookie.trim() || []);
}

/** Every query parameter with all its values, decoded, in the order they came; `+` is a space. */
export function queryOf(query: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  if (query === "") return found;
  for (const [name, value] of new URLSearchParams(query)) {
    const known = found.get(name);
    if (known === undefined) found.set(name, [value]);
    else known.push(value);
  }
  return found;
}

/** Names that clients choose as an object's members; one of them may be `__proto__`, which is no member by assignment. */
export function tableOf<K, T>(
  values: Iterable<readonly [string, K]>,
  shown: (value: K, name: string) => T,
): Record<string, T> {
  // No object without a prototype: JSON.stringify is several times slower with those.
  const table: Record<string, T> = {};
  for (const [name, value] of values) {
    if (name !== "__proto__") table[name] = shown(value, name);
    else
      Object.defineProperty(table, name, {
        value: shown(value, name),
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
  return table;
}

/** Has a request a body at all? (RFC 9112, 6.3; of HTTP/2 nobody knows before its end) */
export const hasBody = ({ headers, httpVersionMajor }: IncomingMessage): boolean =>
  httpVersionMajor === 2 || headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";

function headersOf({ rawHeaders, httpVersionMajor }: IncomingMessage): Map<string, readonly string[]> {
  const all = new Map<string, string[]>();
  const named: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    const value = rawHeaders[index + 1]!;
    const known = all.get(name);
    if (name === "connection") named.push(...value.split(","));
    if (hopByHop.has(name)) continue;
    if (known === undefined) all.set(name, [value]);
    else known.push(value);
  }
  for (const name of named) all.delete(name.trim().toLowerCase());
  // Of HTTP/2 the request's line comes as headers, too.
  if (httpVersionMajor === 2) {
    if (!all.has("host") && all.has(":authority")) all.set("host", all.get(":authority")!);
    for (const name of all.keys()) if (name.startsWith(":")) all.delete(name);
  }
  return all;
}

/** A proxy's client may send a whole URL; `OPTIONS *` names no path at all. */
function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const rest = target.startsWith("/") ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, "");
  const mark = rest.indexOf("?");
  const path = mark === -1 ? rest : rest.slice(0, mark);
  return { path: path.startsWith("/") ? path : "/", query: mark === -1 ? "" : rest.slice(mark + 1) };
}

function newRoot(at: number, requestId: string): string {
  const seconds = Math.floor(at / 1000).toString(16);
  // The first 24 digits of the UUID, cut out between its hyphens: this runs for every request.
  const digits = requestId.slice(0, 8) + requestId.slice(9, 13) + requestId.slice(14, 18) + requestId.slice(19, 23);
  return `Root=1-${seconds}-${digits}${requestId.slice(24, 28)}`;
}
