import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { logMoment } from "../../proxy/moment.ts";
import { hopByHop, queryOf, type RequestParts, tableOf } from "../../proxy/parts.ts";
import type { Arrival } from "../arrival.ts";

/** What all events of a connection tell about it. */
export interface Connected {
  readonly id: string;
  readonly arrival: Arrival;
  readonly connectedAt: number;
  readonly authorizer: object | undefined;
}

/** How a client has gone. */
export interface Gone {
  readonly code: number;
  readonly reason: string;
}

type Kind = "CONNECT" | "MESSAGE" | "DISCONNECT";

/** Source: API Gateway Developer Guide, "Working with AWS Lambda proxy integrations for WebSocket APIs", and events as functions get them. */
export function connectEvent(connected: Connected, routeKey: string, request: IncomingMessage): object {
  const { parts, stage } = connected.arrival;
  return {
    ...requestTables(request, parts),
    requestContext: contextOf(connected, "CONNECT", routeKey),
    ...variables(stage.stageVariables),
    isBase64Encoded: false,
  };
}

export function messageEvent(connected: Connected, routeKey: string, body: Buffer, isBinary: boolean): object {
  return {
    requestContext: { ...contextOf(connected, "MESSAGE", routeKey), messageId: messageId() },
    ...variables(connected.arrival.stage.stageVariables),
    body: body.toString(isBinary ? "base64" : "utf8"),
    isBase64Encoded: isBinary,
  };
}

export function disconnectEvent(connected: Connected, routeKey: string, { code, reason }: Gone): object {
  const { host } = connected.arrival.parts;
  const headers = { Host: host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": "" };
  return {
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    requestContext: {
      ...contextOf(connected, "DISCONNECT", routeKey),
      disconnectStatusCode: code,
      disconnectReason: reason,
    },
    ...variables(connected.arrival.stage.stageVariables),
    isBase64Encoded: false,
  };
}

/** What a Lambda authorizer of `$connect` is given. */
export function authorizerEvent(connected: Connected, routeKey: string, request: IncomingMessage, arn: string): object {
  return {
    type: "REQUEST",
    methodArn: arn,
    ...requestTables(request, connected.arrival.parts),
    stageVariables: connected.arrival.stage.stageVariables,
    requestContext: contextOf(connected, "CONNECT", routeKey),
  };
}

function contextOf({ id, arrival, connectedAt, authorizer }: Connected, eventType: Kind, routeKey: string): object {
  const { record, stage, parts } = arrival;
  const now = Date.now();
  const requestId = randomUUID();
  return {
    routeKey,
    ...(authorizer === undefined ? {} : { authorizer }),
    eventType,
    extendedRequestId: requestId,
    requestTime: logMoment(now),
    messageDirection: "IN",
    stage: stage.stageName,
    connectedAt,
    requestTimeEpoch: now,
    identity: { userAgent: parts.userAgent, sourceIp: parts.sourceIp },
    requestId,
    domainName: parts.domain,
    connectionId: id,
    apiId: record.api.apiId,
  };
}

const messageId = (): string => `${randomUUID().replaceAll("-", "").slice(0, 15)}=`;

const variables = (values: Readonly<Record<string, string>>): object =>
  Object.keys(values).length === 0 ? {} : { stageVariables: values };

/** Headers as the client spelled them, and the query, each with its last and with all its values. */
function requestTables({ rawHeaders }: IncomingMessage, parts: RequestParts): object {
  const headers = new Map<string, string[]>();
  const add = (name: string, value: string) => headers.set(name, [...(headers.get(name) ?? []), value]);
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    if (!hopByHop.has(name.toLowerCase())) add(name, rawHeaders[index + 1]!);
  }
  for (const name of ["X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"]) {
    headers.set(name, [...(parts.headers.get(name.toLowerCase()) ?? [])]);
  }
  const query = queryOf(parts.query);
  return {
    headers: tableOf(headers, last),
    multiValueHeaders: tableOf(headers, (values) => values),
    ...(query.size === 0
      ? {}
      : {
          queryStringParameters: tableOf(query, last),
          multiValueQueryStringParameters: tableOf(query, (values) => values),
        }),
  };
}

const last = (values: readonly string[]): string => values.at(-1)!;
