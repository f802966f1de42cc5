import { createPublicKey, type JsonWebKey, type KeyObject, verify } from "node:crypto";
import type { Authorizer } from "../records.ts";
import type { Denied, Granted } from "./granted.ts";

type Claims = Readonly<Record<string, unknown>>;

/** Decides about tokens. An authorizer without an audience takes those for anybody. `scopes`: of the route; the token must have one of them. */
export type JwtAuthorizer = (
  authorizer: Pick<Authorizer, "jwtConfiguration">,
  scopes: readonly string[],
  token: string | undefined,
) => Promise<Granted | Denied>;

/** How long an issuer's keys are used without asking again: "two hours" (Developer Guide, "Control access … JWT authorizers"). */
const keptMs = 2 * 3600_000;
/** An unknown key id makes us ask again, but no client may make us ask all the time. */
const askAgainMs = 10_000;
const fetchMs = 5000;
const largestDocument = 1024 * 1024;
/** "Currently, only RSA-based algorithms are supported." */
const hashes: Readonly<Record<string, string>> = { RS256: "sha256", RS384: "sha384", RS512: "sha512" };

interface Keys {
  readonly at: number;
  readonly keys: ReadonlyMap<string, KeyObject>;
}

/** Source: API Gateway Developer Guide, "Control access to HTTP APIs with JWT authorizers"; RFC 7519. */
export function createJwtAuthorizer(clock: () => number = Date.now): JwtAuthorizer {
  const known = new Map<string, Promise<Keys>>();

  function keysOf(issuer: string): Promise<Keys> {
    const asked = fetchKeys(issuer, clock());
    if (known.size >= 1000) known.delete(known.keys().next().value!);
    known.set(issuer, asked);
    asked.catch(() => {
      if (known.get(issuer) === asked) known.delete(issuer);
    });
    return asked;
  }

  async function keyOf(issuer: string, id: string): Promise<KeyObject | undefined> {
    let { at, keys } = await (known.get(issuer) ?? keysOf(issuer));
    const age = clock() - at;
    if (age > keptMs || (!keys.has(id) && age > askAgainMs)) ({ keys, at } = await keysOf(issuer));
    return keys.get(id);
  }

  return async ({ jwtConfiguration = {} }, scopes, given) => {
    const token = given?.replace(/^Bearer\s+/i, "").trim() ?? "";
    const [head = "", body = "", signature = "", ...rest] = token.split(".");
    const header = documentOf(head);
    const claims = documentOf(body);
    const hash = hashes[String(header?.alg)];
    if (rest.length > 0 || header === undefined || claims === undefined || hash === undefined) return "unauthorized";
    const issuer = jwtConfiguration.issuer ?? "";
    if (!isCurrent(claims, issuer, jwtConfiguration.audience, clock() / 1000)) return "unauthorized";
    let key: KeyObject | undefined;
    try {
      key = await keyOf(issuer, String(header.kid ?? ""));
    } catch {
      // Without its keys nobody can say whose token it is.
      return "unauthorized";
    }
    const signed = Buffer.from(`${head}.${body}`);
    if (key === undefined || !verify(hash, signed, key, Buffer.from(signature, "base64url"))) return "unauthorized";
    const held = scopesOf(claims);
    if (scopes.length > 0 && !scopes.some((scope) => held?.includes(scope))) return "forbidden";
    const jwt = { claims: shownClaims(claims), scopes: scopes.length === 0 ? null : (held ?? null) };
    return { shown: { jwt }, shown1: { claims: jwt.claims, scopes: jwt.scopes } };
  };
}

function isCurrent(claims: Claims, issuer: string, audience: readonly string[] | undefined, now: number): boolean {
  const { iss, aud, client_id: client, exp, nbf, iat } = claims;
  const named = aud === undefined ? [client] : [aud].flat();
  const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
  if (iss !== issuer) return false;
  if (audience !== undefined && !named.some((one) => typeof one === "string" && audience.includes(one))) return false;
  if (!isNumber(exp) || exp <= now) return false;
  return (nbf === undefined || (isNumber(nbf) && nbf <= now)) && (iat === undefined || (isNumber(iat) && iat <= now));
}

function scopesOf({ scope, scp }: Claims): string[] | undefined {
  const given = scope ?? scp;
  if (typeof given === "string") return given.split(" ").filter((one) => one !== "");
  return Array.isArray(given) ? given.map(String) : undefined;
}

/** Claims are text in events, lists as `[a b]`. */
function shownClaims(claims: Claims): Record<string, string> {
  const shown: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(claims)) {
    if (Array.isArray(value)) shown[name] = `[${value.map(String).join(" ")}]`;
    else shown[name] = typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
  }
  return shown;
}

function documentOf(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}

/** By the issuer's own description (OpenID Connect Discovery 1.0, 4). */
async function fetchKeys(issuer: string, at: number): Promise<Keys> {
  const { jwks_uri: uri } = await fetchDocument(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  if (!/^https?:$/.test(URL.parse(String(uri))?.protocol ?? "")) throw new Error(`${issuer} names no jwks_uri`);
  const { keys } = await fetchDocument(String(uri));
  const found = new Map<string, KeyObject>();
  for (const key of Array.isArray(keys) ? (keys as (JsonWebKey & { kid?: string })[]) : []) {
    if (key?.kty !== "RSA") continue;
    try {
      found.set(key.kid ?? "", createPublicKey({ key, format: "jwk" }));
    } catch {
      // A key that cannot be read verifies nothing; the others do.
    }
  }
  return { at, keys: found };
}

async function fetchDocument(url: string): Promise<Claims> {
  const response = await fetch(url, { signal: AbortSignal.timeout(fetchMs), headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > largestDocument) throw new Error(`${url} answered more than ${largestDocument} bytes`);
    chunks.push(chunk);
  }
  const document: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  if (typeof document !== "object" || document === null) throw new Error(`${url} is no document`);
  return document as Claims;
}
