import { isUtf8 } from "node:buffer";
import { joined, type RequestParts } from "./parts.ts";

export interface EventBody {
  /** left out of the event when undefined */
  readonly body: string | undefined;
  readonly isBase64Encoded: boolean;
}

/** Types whose bytes are text. Forms are not among them: AWS's front ends encode them. */
const textual = /^\s*(?:text\/[^;]*|application\/(?:json|javascript|xml|(?:[^;\s]+\+(?:json|xml))))\s*(?:;|$)/i;

/**
 * A request's body as events carry it: text as it is, everything else in base64. Compressed text is no text (Content-Encoding), and what
 * calls itself text and is no UTF-8 would be damaged by being taken for it.
 */
export function eventBody(headers: RequestParts["headers"], bytes: Buffer): EventBody {
  if (bytes.length === 0) return { body: undefined, isBase64Encoded: false };
  const type = joined(headers, "content-type");
  const encoding = joined(headers, "content-encoding");
  const isText = (type === undefined || textual.test(type)) && (encoding === undefined || encoding === "identity");
  return isText && isUtf8(bytes)
    ? { body: bytes.toString("utf8"), isBase64Encoded: false }
    : { body: bytes.toString("base64"), isBase64Encoded: true };
}
