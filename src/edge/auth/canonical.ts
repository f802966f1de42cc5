import type { IncomingMessage } from "node:http";

/** The SHA-256 of nothing, which is what requests without a body are signed with. */
export const emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** What of a request goes into its signature. `target`: path and query as they stood in the request line. */
export interface CanonicalInput {
  readonly method: string;
  readonly target: string;
  /** names and values in turn */
  readonly rawHeaders: readonly string[];
  readonly signedHeaders: readonly string[];
  /** hexadecimal SHA-256 of the body, or what stands for it (`UNSIGNED-PAYLOAD` …) */
  readonly payload: string;
  /** S3 signs a path as it is; everybody else normalises it and encodes it twice */
  readonly isS3: boolean;
}

export const canonicalInput = (
  { method = "GET", url = "/", rawHeaders }: IncomingMessage,
  rest: Pick<CanonicalInput, "signedHeaders" | "payload" | "isS3">,
): CanonicalInput => ({ method, target: url, rawHeaders, ...rest });

/**
 * The canonical request, one byte a character (Latin-1, as Node.js has headers).
 * Source: IAM User Guide, "Create a signed AWS API request", step 1.
 */
export function canonicalRequest(input: CanonicalInput): string {
  const mark = input.target.indexOf("?");
  const path = mark === -1 ? input.target : input.target.slice(0, mark);
  const query = mark === -1 ? "" : input.target.slice(mark + 1);
  const values = headerValues(input.rawHeaders);
  const headers = input.signedHeaders.map((name) => `${name}:${values.get(name) ?? ""}\n`);
  return [
    input.method,
    input.isS3 ? canonicalPath(path) : encodedTwice(path),
    canonicalQuery(query),
    headers.join(""),
    input.signedHeaders.join(";"),
    input.payload,
  ].join("\n");
}

/** Each header's values, joined by commas, without spaces around them and with single ones inside. */
function headerValues(raw: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    const value = raw[index + 1]!.trim().replace(/\s+/g, " ");
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before},${value}`);
  }
  return values;
}

/** S3: every segment in the one canonical encoding, and nothing else changed (`a//b` is a key of its own). */
function canonicalPath(path: string): string {
  return path
    .split("/")
    .map((segment) => encode(decode(segment)))
    .join("/");
}

/** The path as it was sent, normalised by RFC 3986, and encoded once more. */
function encodedTwice(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment === "..") kept.pop();
    else kept.push(encode(segment));
  }
  const slash = kept.length > 0 && path.endsWith("/") ? "/" : "";
  return `/${kept.join("/")}${slash}`;
}

function canonicalQuery(query: string): string {
  if (query === "") return "";
  return query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const equals = pair.indexOf("=");
      const [name, value] = equals === -1 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
      return [encode(decode(name, true)), encode(decode(value, true))] as const;
    })
    .filter(([name]) => name !== "X-Amz-Signature")
    .sort(([one, a], [other, b]) => compare(one, other) || compare(a, b))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** Percent-decoding to one character a byte. What is not well encoded stays as it is: its signature will not match. */
function decode(text: string, plusIsSpace = false): string {
  const plain = plusIsSpace ? text.replaceAll("+", " ") : text;
  return plain.replace(/%([0-9a-fA-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Everything but A-Z a-z 0-9 - . _ ~, byte by byte. */
function encode(bytes: string): string {
  return bytes.replace(
    /[^A-Za-z0-9._~-]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
