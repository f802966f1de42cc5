import { logMoment } from "../../proxy/moment.ts";
import { joined, queryOf } from "../../proxy/parts.ts";
import type { RestArrival } from "./arrival.ts";

/** What `$context.x` is of a request; undefined: nothing. */
export function contextOf({ record, stage, path, parts }: RestArrival, name: string): string | undefined {
  const known: Readonly<Record<string, string>> = {
    accountId: record.account,
    apiId: record.api.id,
    domainName: parts.domain,
    extendedRequestId: parts.requestId,
    httpMethod: parts.method,
    "identity.sourceIp": parts.sourceIp,
    "identity.userAgent": parts.userAgent,
    path: `/${stage.stageName}${path}`,
    protocol: parts.protocol,
    requestId: parts.requestId,
    requestTime: logMoment(parts.at),
    requestTimeEpoch: String(parts.at),
    stage: stage.stageName,
  };
  return Object.hasOwn(known, name) ? known[name] : undefined;
}

/** What `method.request.header.x` and its like stand for; undefined: the request has nothing of it. */
export function methodValue(
  arrival: RestArrival,
  pathParameters: Readonly<Record<string, string>>,
  expression: string,
): string | undefined {
  const [, source = "", name = ""] =
    /^(method\.request\.(?:multivalue)?(?:header|querystring)|method\.request\.path|stageVariables|context)\.(.+)$/.exec(
      expression,
    ) ?? [];
  if (source === "stageVariables") return ofTable(arrival.stage.variables ?? {}, name);
  if (source === "context") return contextOf(arrival, name);
  if (source.endsWith("header")) return joined(arrival.parts.headers, name.toLowerCase());
  if (source.endsWith("querystring")) return queryOf(arrival.parts.query).get(name)?.join(",");
  return source === "method.request.path" ? ofTable(pathParameters, name) : undefined;
}

const ofTable = (table: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;
