import { isUtf8 } from "node:buffer";
import { joined, type RequestParts, tableOf } from "../proxy/parts.ts";
import { pairsOf } from "./select.ts";

/** Types whose bytes are text; everything else, and whatever has a Content-Encoding, comes in base64. */
const textual = /^\s*(?:text\/|application\/(?:json|javascript|xml)\s*(?:;|$))/i;

/**
 * The event of a load balancer, nothing of path and query decoded. `many`: lambda.multi_value_headers.enabled.
 * Source: ELB User Guide for Application Load Balancers, "Use Lambda functions as targets".
 */
export function toEvent(parts: RequestParts, body: Buffer, targetGroupArn: string, many: boolean): Buffer {
  const query = new Map<string, string[]>();
  for (const [name, value] of pairsOf(parts.query)) query.set(name, [...(query.get(name) ?? []), value]);
  const type = joined(parts.headers, "content-type") ?? "";
  const isText = textual.test(type) && !parts.headers.has("content-encoding") && isUtf8(body);
  const isBase64Encoded = body.length > 0 && !isText;
  return Buffer.from(
    JSON.stringify({
      requestContext: { elb: { targetGroupArn } },
      httpMethod: parts.method,
      path: parts.path,
      ...(many
        ? {
            multiValueQueryStringParameters: tableOf(query, (values) => values),
            multiValueHeaders: tableOf(parts.headers, (values) => values),
          }
        : {
            queryStringParameters: tableOf(query, (values) => values.at(-1)!),
            headers: tableOf(parts.headers, (values) => values.at(-1)!),
          }),
      body: body.toString(isBase64Encoded ? "base64" : "utf8"),
      isBase64Encoded,
    }),
  );
}
