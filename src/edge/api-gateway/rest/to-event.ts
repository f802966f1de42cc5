import { logMoment } from "../../proxy/moment.ts";
import { queryOf, type RequestParts, tableOf } from "../../proxy/parts.ts";
import { nameOf, type RestArrival } from "./arrival.ts";
import type { SelectedMethod } from "./select.ts";

/** What is known of a request to a REST API before its integration is called. */
export interface RestExchange {
  readonly arrival: RestArrival;
  readonly selected: SelectedMethod;
  /** `requestContext.authorizer` */
  readonly authorizer?: object | undefined;
  /** members of `requestContext.identity` that are known of the caller */
  readonly identity?: Identity | undefined;
}

/** What is known of who has signed, or whose API key it is. */
export interface Identity {
  readonly accountId?: string;
  readonly caller?: string;
  readonly accessKey?: string;
  readonly userArn?: string;
  readonly user?: string;
  readonly apiKey?: string;
  readonly apiKeyId?: string;
}

/**
 * The event of a REST API for a function, its members in the order in which AWS writes them.
 * Source: API Gateway Developer Guide, "Input format of a Lambda function for proxy integration".
 */
export function toEvent(call: RestExchange, body: Buffer): Buffer {
  const { stage, path } = call.arrival;
  const { resource, pathParameters } = call.selected;
  const isBinary = body.length > 0 && isBinaryType(call.arrival, typeOf(call.arrival.parts));
  const tables = requestTables(call.arrival);
  // Member by member: spreading objects into others costs more than all of JSON.stringify.
  return Buffer.from(
    JSON.stringify({
      resource: resource.path,
      path,
      httpMethod: call.arrival.parts.method,
      headers: tables.headers,
      multiValueHeaders: tables.multiValueHeaders,
      queryStringParameters: tables.queryStringParameters,
      multiValueQueryStringParameters: tables.multiValueQueryStringParameters,
      pathParameters: orNull(pathParameters),
      stageVariables: orNull(stage.variables ?? {}),
      requestContext: requestContext(call),
      body: body.length === 0 ? null : body.toString(isBinary ? "base64" : "utf8"),
      isBase64Encoded: isBinary,
    }),
  );
}

/** What a REQUEST authorizer is given. Source: API Gateway Developer Guide, "Input to an API Gateway Lambda authorizer". */
export function authorizerEvent(call: RestExchange, methodArn: string): object {
  const { stage, path, parts } = call.arrival;
  return {
    type: "REQUEST",
    methodArn,
    resource: call.selected.resource.path,
    path,
    httpMethod: parts.method,
    ...requestTables(call.arrival),
    pathParameters: call.selected.pathParameters,
    stageVariables: stage.variables ?? {},
    requestContext: requestContext(call),
  };
}

function requestTables(arrival: RestArrival) {
  const { parts } = arrival;
  const named = new Map<string, readonly string[]>();
  for (const [lower, values] of parts.headers) named.set(nameOf(arrival, lower), values);
  const query = queryOf(parts.query);
  return {
    headers: tableOf(named, (values) => values.at(-1)!),
    multiValueHeaders: tableOf(named, (values) => values),
    queryStringParameters: orNull(tableOf(query, (values) => values.at(-1)!)),
    multiValueQueryStringParameters: orNull(tableOf(query, (values) => values)),
  };
}

function requestContext({ arrival, selected, authorizer, identity }: RestExchange): object {
  const { record, stage, path, parts } = arrival;
  return {
    resourceId: selected.resource.id,
    authorizer,
    resourcePath: selected.resource.path,
    httpMethod: parts.method,
    extendedRequestId: parts.requestId,
    requestTime: logMoment(parts.at),
    path: `/${stage.stageName}${path}`,
    accountId: record.account,
    protocol: parts.protocol,
    stage: stage.stageName,
    domainPrefix: parts.domain.split(".", 1)[0],
    requestTimeEpoch: parts.at,
    requestId: parts.requestId,
    identity: identityOf(parts, identity),
    domainName: parts.domain,
    deploymentId: stage.deploymentId,
    apiId: record.api.id,
  };
}

const identityOf = ({ sourceIp, userAgent }: RequestParts, known: Identity | undefined): object => ({
  cognitoIdentityPoolId: null,
  accountId: known?.accountId ?? null,
  apiKey: known?.apiKey,
  apiKeyId: known?.apiKeyId,
  cognitoIdentityId: null,
  caller: known?.caller ?? null,
  sourceIp,
  principalOrgId: null,
  accessKey: known?.accessKey ?? null,
  cognitoAuthenticationType: null,
  cognitoAuthenticationProvider: null,
  userArn: known?.userArn ?? null,
  userAgent,
  user: known?.user ?? null,
});

const orNull = <T extends object>(values: T): T | null => (Object.keys(values).length === 0 ? null : values);

const typeOf = ({ headers }: RequestParts): string => headers.get("content-type")?.[0] ?? "";

/** Is content of this type bytes for this API? Its binaryMediaTypes say so, and nothing else does. */
export function isBinaryType({ definition }: RestArrival, type: string): boolean {
  const [bare = ""] = type.split(";");
  const wanted = bare.trim().toLowerCase();
  return (definition.settings?.binaryMediaTypes ?? []).some((given) => {
    const known = given.toLowerCase();
    return known === "*/*" || known === wanted || (known.endsWith("/*") && wanted.startsWith(known.slice(0, -1)));
  });
}
