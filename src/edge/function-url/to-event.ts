import type { FunctionUrlRecord } from "../../registry/index.ts";
import type { Caller } from "../caller.ts";
import { event2 } from "../proxy/event-2.ts";
import { eventBody } from "../proxy/event-body.ts";
import type { RequestParts } from "../proxy/parts.ts";
import { accessKeyOf, iamOf } from "../proxy/signer.ts";

/**
 * The event of a request to a function URL: payload format 2.0, with the path as it came. `caller`: who signed it; undefined: nobody
 * had to. Source: Lambda Developer Guide, "Invoking Lambda function URLs".
 */
export function toEvent(
  parts: RequestParts,
  body: Buffer,
  record: FunctionUrlRecord,
  caller: Caller | undefined,
): Buffer {
  return event2({
    parts,
    content: eventBody(parts.headers, body),
    routeKey: "$default",
    rawPath: parts.path,
    accountId: caller?.account ?? "anonymous",
    apiId: record.urlId,
    stage: "$default",
    authorizer: caller === undefined ? undefined : { iam: iamOf(caller, accessKeyOf(parts)) },
    // A signature is good for minutes: it is not for who only gets to read the request.
    hidden: caller === undefined ? [] : ["authorization"],
  });
}
