import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { Refusal } from "./refusal.ts";

/** What a request says about its signature; nothing of it is proved yet. */
export interface SignedParts {
  readonly form: "header" | "query";
  readonly keyId: string;
  /** `20261122/eu-west-1/lambda/aws4_request` */
  readonly scope: string;
  /** `20261122` */
  readonly day: string;
  readonly region: string;
  readonly service: string;
  /** `20261122T101112Z` */
  readonly date: string;
  /** the same, milliseconds since the epoch */
  readonly at: number;
  /** lower case, in the order given */
  readonly signedHeaders: readonly string[];
  /** 64 hexadecimal digits */
  readonly signature: string;
  readonly sessionToken: string | undefined;
  /** of a presigned URL: seconds that it is good for */
  readonly expires: number | undefined;
}

export const algorithm = "AWS4-HMAC-SHA256";
/** a week. Source: S3 API Reference, "Authenticating Requests: Using Query Parameters". */
const longestExpiry = 604_800;

/**
 * Reads a request's signature out of its header or query. Undefined: it has none. Throws Refusal for one that cannot be read.
 * Source: IAM User Guide, "Elements of an AWS API request signature".
 */
export function signedParts(headers: IncomingHttpHeaders, query: URLSearchParams | undefined): SignedParts | undefined {
  const { authorization } = headers;
  if (authorization !== undefined) return ofHeader(authorization, headers);
  if (query === undefined || !(query.has("X-Amz-Signature") || query.has("X-Amz-Algorithm"))) return undefined;
  return ofQuery(query);
}

function ofHeader(authorization: string, headers: IncomingHttpHeaders): SignedParts {
  const [kind = "", ...rest] = authorization.trim().split(/\s+/);
  // Proxies log what we answer: the header goes back as its digest, as AWS does it.
  const digest = createHash("sha256").update(authorization).digest("base64");
  const hashed = `(Hashed with SHA-256 and encoded with Base64) Authorization=${digest}`;
  if (kind !== algorithm) throw unsupported(kind, ` ${hashed}`);
  const fields = new Map(
    rest
      .join("")
      .split(",")
      .filter((field) => field !== "")
      .map((field): [string, string] => {
        const equals = field.indexOf("=");
        return [field.slice(0, Math.max(equals, 0)), field.slice(equals + 1)];
      }),
  );
  const date = one(headers["x-amz-date"]) ?? dateOf(headers.date);
  const missing = ["Credential", "Signature", "SignedHeaders"].filter((name) => !fields.get(name));
  const texts = missing.map((name) => `Authorization header requires '${name}' parameter.`);
  if (date === undefined) {
    texts.push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
  }
  if (texts.length > 0) throw new Refusal("incomplete", `${texts.join(" ")} ${hashed}`);
  return parts("header", {
    credential: fields.get("Credential") ?? "",
    signature: fields.get("Signature") ?? "",
    signedHeaders: fields.get("SignedHeaders") ?? "",
    date: date ?? "",
    sessionToken: one(headers["x-amz-security-token"]),
    expires: undefined,
  });
}

function ofQuery(query: URLSearchParams): SignedParts {
  const kind = query.get("X-Amz-Algorithm") ?? "";
  if (kind !== algorithm) throw unsupported(kind, "");
  const names = ["Credential", "Signature", "SignedHeaders", "Date"];
  const missing = names.filter((name) => !query.get(`X-Amz-${name}`));
  if (missing.length > 0) {
    throw new Refusal(
      "incomplete",
      missing.map((name) => `AWS query-string parameters must include 'X-Amz-${name}'.`).join(" "),
    );
  }
  const given = query.get("X-Amz-Expires");
  const expires = given === null ? undefined : Number(given);
  if (expires !== undefined && !(Number.isInteger(expires) && expires > 0 && expires <= longestExpiry)) {
    throw new Refusal("incomplete", `X-Amz-Expires must be between 1 and ${longestExpiry} seconds`);
  }
  return parts("query", {
    credential: query.get("X-Amz-Credential") ?? "",
    signature: query.get("X-Amz-Signature") ?? "",
    signedHeaders: query.get("X-Amz-SignedHeaders") ?? "",
    date: query.get("X-Amz-Date") ?? "",
    sessionToken: query.get("X-Amz-Security-Token") ?? undefined,
    expires,
  });
}

interface Texts {
  readonly credential: string;
  readonly signature: string;
  readonly signedHeaders: string;
  readonly date: string;
  readonly sessionToken: string | undefined;
  readonly expires: number | undefined;
}

function parts(form: SignedParts["form"], texts: Texts): SignedParts {
  const scopeParts = texts.credential.split("/");
  const [end, service = "", region = "", day = ""] = scopeParts.splice(-4).reverse();
  const keyId = scopeParts.join("/");
  if (end !== "aws4_request" || keyId === "" || day === "") {
    throw new Refusal(
      "incomplete",
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${texts.credential}'`,
    );
  }
  const at = instantOf(texts.date);
  if (at === undefined) {
    throw new Refusal("incomplete", `Date must be in ISO-8601 'basic format'. Got '${texts.date}'.`);
  }
  if (texts.date.slice(0, 8) !== day) {
    throw new Refusal(
      "mismatch",
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${day}' != '${texts.date.slice(0, 8)}', from '${texts.date}'.`,
    );
  }
  const signedHeaders = texts.signedHeaders.toLowerCase().split(";");
  if (!signedHeaders.includes("host")) {
    throw new Refusal("mismatch", "'Host' must be a 'SignedHeader' in the AWS Authorization.");
  }
  const { sessionToken, expires, signature, date } = texts;
  const scope = `${day}/${region}/${service}/${end}`;
  return { form, keyId, scope, day, region, service, date, at, signedHeaders, signature, sessionToken, expires };
}

/** `20261122T101112Z` as milliseconds since the epoch. Undefined: it is none. */
export function instantOf(date: string): number | undefined {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(at) ? undefined : at;
}

/** Milliseconds since the epoch as `20261122T101112Z`. */
export const basicDate = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;

/** The Date header, which some clients sign instead of X-Amz-Date. */
function dateOf(header: string | undefined): string | undefined {
  if (header === undefined || instantOf(header) !== undefined) return header;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : basicDate(at);
}

function unsupported(kind: string, rest: string): Refusal {
  const clearer = kind.startsWith("AWS4-ECDSA")
    ? `Thaw does not check signatures of Version 4A ('${kind}'): sign for one region with ${algorithm}.`
    : `Unsupported AWS 'algorithm': '${kind}'.`;
  return new Refusal("incomplete", clearer + rest);
}

const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);
