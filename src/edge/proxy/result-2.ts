import { isStatus, type ProxyAnswer } from "./answer.ts";

/**
 * What a function's result means in payload format 2.0: an answer where it names a `statusCode`, else 200 with the result itself as
 * JSON. `type`: the content type of an answer that names none. Undefined: malformed.
 * Source: API Gateway Developer Guide, "Lambda function response for format 2.0".
 */
export function answerOf2(payload: Buffer, type: string): ProxyAnswer | undefined {
  const result = parsed(payload);
  if (result === undefined) return undefined;
  if (!isDocument(result.value) || !("statusCode" in result.value)) {
    const body = typeof result.value === "string" ? result.value : payload;
    return { status: 200, headers: [["content-type", "application/json"]], body };
  }
  return fullAnswer(result.value, type);
}

/** An answer that is written out: `statusCode`, `headers`, `multiValueHeaders`, `cookies`, `body`, `isBase64Encoded`. */
export function fullAnswer(document: Readonly<Record<string, unknown>>, type: string): ProxyAnswer | undefined {
  const { statusCode, headers, multiValueHeaders, cookies, body, isBase64Encoded } = document;
  const status = typeof statusCode === "string" && /^\d{3}$/.test(statusCode) ? Number(statusCode) : statusCode;
  const list = headerList(headers, multiValueHeaders, cookies);
  if (typeof status !== "number" || !isStatus(status) || list === undefined) return undefined;
  if (body !== undefined && body !== null && typeof body !== "string") return undefined;
  if (!list.some(([name]) => name.toLowerCase() === "content-type")) list.unshift(["content-type", type]);
  return { status, headers: list, body: isBase64Encoded === true ? Buffer.from(body ?? "", "base64") : (body ?? "") };
}

/** Undefined: not what headers are. Many values take the place of one of the same name. */
export function headerList(headers: unknown, many: unknown, cookies: unknown): [string, string][] | undefined {
  const list: [string, string][] = [];
  const repeated = new Set<string>();
  if (many !== undefined && many !== null) {
    if (!isDocument(many)) return undefined;
    for (const [name, values] of Object.entries(many)) {
      if (!Array.isArray(values) || !values.every(isScalar)) return undefined;
      repeated.add(name.toLowerCase());
      for (const value of values) list.push([name, String(value)]);
    }
  }
  if (headers !== undefined && headers !== null) {
    if (!isDocument(headers)) return undefined;
    for (const [name, value] of Object.entries(headers)) {
      if (value === null || repeated.has(name.toLowerCase())) continue;
      if (!isScalar(value)) return undefined;
      list.push([name, String(value)]);
    }
  }
  if (cookies === undefined || cookies === null) return list;
  if (!Array.isArray(cookies) || !cookies.every((cookie) => typeof cookie === "string")) return undefined;
  for (const cookie of cookies) list.push(["set-cookie", cookie]);
  return list;
}

/** Undefined: no JSON. */
export function parsed(payload: Buffer): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(payload.toString("utf8")) };
  } catch {
    return undefined;
  }
}

export const isDocument = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isScalar = (value: unknown): boolean =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean";
