import { event2 } from "../../proxy/event-2.ts";
import { type EventBody, eventBody } from "../../proxy/event-body.ts";
import { logMoment } from "../../proxy/moment.ts";
import { joined, queryOf, type RequestParts, tableOf } from "../../proxy/parts.ts";
import type { Arrival } from "../arrival.ts";
import type { Granted } from "../authorizers/granted.ts";
import type { Selected } from "./select.ts";

/** What is known of a request to an HTTP API before its integration is called. */
export interface HttpCall {
  readonly arrival: Arrival;
  readonly selected: Selected;
  readonly granted: Granted | undefined;
}

/** The event of an HTTP API for a function. `version`: of the integration's payload format. */
export function toEvent(call: HttpCall, body: Buffer, version: string | undefined): Buffer {
  const content = eventBody(call.arrival.parts.headers, body);
  return version === "2.0" ? eventOf2(call, content) : Buffer.from(JSON.stringify(eventOf1(call, content)));
}

function eventOf2({ arrival, selected, granted }: HttpCall, content: EventBody): Buffer {
  const { record, stage, parts } = arrival;
  return event2({
    parts,
    content,
    routeKey: selected.route.routeKey,
    rawPath: arrival.shownPath,
    accountId: record.account,
    apiId: record.api.apiId,
    stage: stage.stageName,
    authorizer: granted?.shown,
    pathParameters: selected.pathParameters,
    stageVariables: stage.stageVariables,
    // Cookies have a member of their own.
    hidden: ["cookie"],
  });
}

/** Source: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs", format 1.0. */
function eventOf1({ arrival, selected, granted }: HttpCall, content: EventBody): object {
  const { record, stage, parts } = arrival;
  const { routeKey } = selected.route;
  const query = queryOf(parts.query);
  return {
    version: "1.0",
    resource: routeKey === "$default" ? "$default" : (routeKey.split(" ")[1] ?? ""),
    path: arrival.shownPath,
    httpMethod: parts.method,
    headers: tableOf(parts.headers, (values) => values.at(-1)!),
    multiValueHeaders: tableOf(parts.headers, (values) => values),
    queryStringParameters: orNull(tableOf(query, (values) => values.at(-1)!)),
    multiValueQueryStringParameters: orNull(tableOf(query, (values) => values)),
    requestContext: {
      accountId: record.account,
      apiId: record.api.apiId,
      ...(granted?.shown1 === undefined ? {} : { authorizer: granted.shown1 }),
      domainName: parts.domain,
      domainPrefix: parts.domain.split(".", 1)[0],
      extendedRequestId: parts.requestId,
      httpMethod: parts.method,
      identity: { ...nobody, ...granted?.identity, sourceIp: parts.sourceIp, userAgent: parts.userAgent },
      path: arrival.shownPath,
      protocol: parts.protocol,
      requestId: parts.requestId,
      requestTime: logMoment(parts.at),
      requestTimeEpoch: parts.at,
      resourceId: routeKey,
      resourcePath: routeKey === "$default" ? "$default" : (routeKey.split(" ")[1] ?? ""),
      stage: stage.stageName,
    },
    pathParameters: orNull(selected.pathParameters),
    stageVariables: orNull(stage.stageVariables),
    body: content.body ?? null,
    isBase64Encoded: content.isBase64Encoded,
  };
}

const nobody = {
  accessKey: null,
  accountId: null,
  caller: null,
  cognitoAmr: null,
  cognitoAuthenticationProvider: null,
  cognitoAuthenticationType: null,
  cognitoIdentityId: null,
  cognitoIdentityPoolId: null,
  principalOrgId: null,
  user: null,
  userArn: null,
};

const orNull = <T extends object>(values: T): T | null => (Object.keys(values).length === 0 ? null : values);

/** What `$request.header.x` and its like stand for in identity sources and parameter mappings; undefined: nothing. */
export function requestValue(
  expression: string,
  parts: RequestParts,
  { arrival, selected }: Pick<HttpCall, "arrival" | "selected">,
): string | undefined {
  const [, source = "", name = ""] =
    /^\$(request\.header|request\.querystring|request\.path|stageVariables|context)\.?(.*)$/.exec(expression) ?? [];
  switch (source) {
    case "request.header":
      return joined(parts.headers, name.toLowerCase());
    case "request.querystring":
      return queryOf(parts.query).get(name)?.join(",");
    case "request.path":
      return name === "" ? arrival.path : selected.pathParameters[name];
    case "stageVariables":
      return arrival.stage.stageVariables[name];
    case "context":
      return contextValue(name, parts, arrival, selected);
    default:
      return undefined;
  }
}

function contextValue(name: string, parts: RequestParts, { record, stage, path }: Arrival, { route }: Selected) {
  const known: Readonly<Record<string, string>> = {
    accountId: record.account,
    apiId: record.api.apiId,
    domainName: parts.domain,
    httpMethod: parts.method,
    "identity.sourceIp": parts.sourceIp,
    "identity.userAgent": parts.userAgent,
    path,
    protocol: parts.protocol,
    requestId: parts.requestId,
    requestTime: logMoment(parts.at),
    requestTimeEpoch: String(parts.at),
    routeKey: route.routeKey,
    stage: stage.stageName,
  };
  return Object.hasOwn(known, name) ? known[name] : undefined;
}
