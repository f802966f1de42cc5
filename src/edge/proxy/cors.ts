import { one, type RequestParts } from "./parts.ts";

/** Who may read answers in a browser, as function URLs and HTTP APIs are told it. */
export interface CorsRules {
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposed: readonly string[];
  readonly credentials: boolean;
  /** seconds; undefined: the browser decides */
  readonly maxAge: number | undefined;
}

/** Is it a browser's question whether a request may be sent? (Fetch, "CORS-preflight request") */
export const isPreflight = ({ method, headers }: RequestParts): boolean =>
  method === "OPTIONS" && headers.has("origin") && headers.has("access-control-request-method");

/** Headers of every answer to a request of that origin; nothing where the origin is not one of those allowed. */
export function corsHeaders(rules: CorsRules, headers: RequestParts["headers"]): [string, string][] {
  const allowed = allowedOrigin(rules, one(headers, "origin"));
  if (allowed === undefined) return [];
  const list: [string, string][] = [["access-control-allow-origin", allowed]];
  if (allowed !== "*") list.push(["vary", "Origin"]);
  if (rules.credentials) list.push(["access-control-allow-credentials", "true"]);
  if (rules.exposed.length > 0) list.push(["access-control-expose-headers", rules.exposed.join(",")]);
  return list;
}

/** Headers of the answer to a browser's question. */
export function preflightHeaders(rules: CorsRules, headers: RequestParts["headers"]): [string, string][] {
  const list = corsHeaders(rules, headers).filter(([name]) => name !== "access-control-expose-headers");
  if (list.length === 0) return [];
  const asked = one(headers, "access-control-request-headers");
  const method = one(headers, "access-control-request-method") ?? "";
  // With credentials a browser takes `*` for a method or header of that name: what it asked for is named instead.
  const methods = rules.methods.includes("*") && rules.credentials ? method : rules.methods.join(",");
  const names = rules.headers.includes("*") && rules.credentials ? (asked ?? "") : rules.headers.join(",");
  if (methods !== "") list.push(["access-control-allow-methods", methods]);
  if (names !== "") list.push(["access-control-allow-headers", names]);
  if (rules.maxAge !== undefined) list.push(["access-control-max-age", String(rules.maxAge)]);
  return list;
}

/** The answer's headers with the rules' in the place of what the function said of its own. */
export function withCors(
  headers: readonly (readonly [string, string])[],
  cors: readonly (readonly [string, string])[],
): (readonly [string, string])[] {
  return [...headers.filter(([name]) => !name.toLowerCase().startsWith("access-control-")), ...cors];
}

/** `*`, the origin itself, or a scheme's every origin (`https://*`). */
function allowedOrigin({ origins, credentials }: CorsRules, origin: string | undefined): string | undefined {
  if (origin === undefined) return undefined;
  if (origins.includes("*")) return credentials ? origin : "*";
  const isAllowed = origins.some((one) =>
    one.endsWith("://*") ? origin.startsWith(one.slice(0, -1)) : one.toLowerCase() === origin.toLowerCase(),
  );
  return isAllowed ? origin : undefined;
}
