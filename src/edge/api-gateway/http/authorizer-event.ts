import { singleHeaders } from "../../proxy/event-2.ts";
import { logMoment } from "../../proxy/moment.ts";
import { cookiesOf, queryOf, tableOf } from "../../proxy/parts.ts";
import type { Arrival } from "../arrival.ts";
import type { Authorizer } from "../records.ts";
import type { Selected } from "./select.ts";

/** What a Lambda authorizer of an HTTP API is given. Source: API Gateway Developer Guide, "Control access to HTTP APIs with AWS Lambda authorizers". */
export function authorizerEvent(
  arrival: Arrival,
  selected: Selected,
  { authorizerPayloadFormatVersion }: Authorizer,
  identity: readonly string[],
  arn: string,
): object {
  const { record, stage, parts } = arrival;
  const { routeKey } = selected.route;
  const query = tableOf(queryOf(parts.query), (values) => values.join(","));
  const shared = {
    headers: singleHeaders(parts, authorizerPayloadFormatVersion === "2.0" ? ["cookie"] : []),
    queryStringParameters: query,
    pathParameters: selected.pathParameters,
    stageVariables: stage.stageVariables,
  };
  const names = {
    accountId: record.account,
    apiId: record.api.apiId,
    stage: stage.stageName,
    requestId: parts.requestId,
  };
  if (authorizerPayloadFormatVersion !== "2.0") {
    return {
      version: "1.0",
      type: "REQUEST",
      methodArn: arn,
      identitySource: identity.join(","),
      authorizationToken: identity[0] ?? "",
      resource: routeKey.split(" ")[1] ?? routeKey,
      path: arrival.shownPath,
      httpMethod: parts.method,
      ...shared,
      requestContext: {
        ...names,
        httpMethod: parts.method,
        path: arrival.shownPath,
        resourcePath: routeKey.split(" ")[1] ?? routeKey,
        identity: { sourceIp: parts.sourceIp, userAgent: parts.userAgent },
        protocol: parts.protocol,
        requestTime: logMoment(parts.at),
        requestTimeEpoch: parts.at,
      },
    };
  }
  return {
    version: "2.0",
    type: "REQUEST",
    routeArn: arn,
    identitySource: identity,
    routeKey,
    rawPath: arrival.shownPath,
    rawQueryString: parts.query,
    cookies: cookiesOf(parts.headers),
    ...shared,
    requestContext: {
      ...names,
      domainName: parts.domain,
      domainPrefix: parts.domain.split(".", 1)[0],
      http: {
        method: parts.method,
        path: arrival.shownPath,
        protocol: parts.protocol,
        sourceIp: parts.sourceIp,
        userAgent: parts.userAgent,
      },
      routeKey,
      time: logMoment(parts.at),
      timeEpoch: parts.at,
    },
  };
}
