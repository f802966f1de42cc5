import type { IncomingMessage } from "node:http";
import type { BucketRecord } from "../../../objects/index.ts";
import { S3Error } from "./errors.ts";
import type { Tree } from "./read-xml.ts";

type Headers = Record<string, string>;

/** What a browser is told about a request that it has made. Source: S3 User Guide, "Using cross-origin resource sharing". */
export function corsHeaders(bucket: BucketRecord | undefined, request: IncomingMessage): Headers {
  const origin = request.headers.origin;
  if (origin === undefined || bucket === undefined) return {};
  return headersOf(ruleFor(bucket, origin, request.method ?? "", []), origin) ?? {};
}

/** Answers a browser that asks before it makes a request. Throws AccessDenied. */
export function preflight(bucket: BucketRecord | undefined, request: IncomingMessage): Headers {
  const origin = request.headers.origin;
  const method = request.headers["access-control-request-method"];
  if (origin === undefined || method === undefined) {
    throw new S3Error("AccessDenied", "Insufficient information. Origin request header needed.");
  }
  const asked = (request.headers["access-control-request-headers"] ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  const rule = bucket === undefined ? undefined : ruleFor(bucket, origin, method, asked);
  const headers = headersOf(rule, origin);
  if (headers === undefined) {
    const none = bucket?.configurations.cors === undefined;
    throw new S3Error(
      "AccessDenied",
      none
        ? "CORSResponse: CORS is not enabled for this bucket."
        : "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
    );
  }
  return asked.length === 0 ? headers : { ...headers, "access-control-allow-headers": asked.join(", ") };
}

function ruleFor(bucket: BucketRecord, origin: string, method: string, headers: readonly string[]): Tree | undefined {
  const { CORSRule } = (bucket.configurations.cors ?? {}) as Tree;
  return listOf(CORSRule).find((rule): rule is Tree => {
    if (typeof rule === "string") return false;
    if (!texts(rule.AllowedOrigin).some((pattern) => matches(pattern, origin))) return false;
    if (!texts(rule.AllowedMethod).includes(method)) return false;
    const allowed = texts(rule.AllowedHeader).map((pattern) => pattern.toLowerCase());
    return headers.every((name) => allowed.some((pattern) => matches(pattern, name)));
  }) as Tree | undefined;
}

function headersOf(rule: Tree | undefined, origin: string): Headers | undefined {
  if (rule === undefined) return undefined;
  const anybody = texts(rule.AllowedOrigin).includes("*");
  const exposed = texts(rule.ExposeHeader);
  const [age] = texts(rule.MaxAgeSeconds);
  return {
    "access-control-allow-origin": anybody ? "*" : origin,
    "access-control-allow-methods": texts(rule.AllowedMethod).join(", "),
    ...(anybody ? {} : { "access-control-allow-credentials": "true" }),
    ...(exposed.length === 0 ? {} : { "access-control-expose-headers": exposed.join(", ") }),
    ...(age === undefined ? {} : { "access-control-max-age": age }),
    vary: "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
  };
}

/** One `*` stands for anything. */
function matches(pattern: string, text: string): boolean {
  const star = pattern.indexOf("*");
  if (star === -1) return pattern === text;
  const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after);
}

const listOf = (value: Tree[string] | undefined): readonly (string | Tree)[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value as string | Tree];
const texts = (value: Tree[string] | undefined): string[] =>
  listOf(value).filter((one): one is string => typeof one === "string");
