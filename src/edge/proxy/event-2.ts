import type { EventBody } from "./event-body.ts";
import { logMoment } from "./moment.ts";
import { cookiesOf, joined, queryOf, type RequestParts, tableOf } from "./parts.ts";

/** What payload format 2.0 says beside the request itself. */
export interface Event2 {
  readonly parts: RequestParts;
  readonly content: EventBody;
  readonly routeKey: string;
  /** as the event is to show it */
  readonly rawPath: string;
  readonly accountId: string;
  readonly apiId: string;
  readonly stage: string;
  /** `iam`, `jwt` or `lambda`, and what that authorizer found out */
  readonly authorizer?: object | undefined;
  readonly pathParameters?: Readonly<Record<string, string>> | undefined;
  readonly stageVariables?: Readonly<Record<string, string>> | undefined;
  /** headers that are not to be shown */
  readonly hidden?: readonly string[];
}

/**
 * An event of payload format 2.0, which function URLs and HTTP APIs share. Its members stand in the order in which AWS writes
 * them. Source: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs"; Lambda Developer Guide,
 * "Invoking Lambda function URLs".
 */
export function event2(event: Event2): Buffer {
  const { parts, content } = event;
  const cookies = cookiesOf(parts.headers);
  return Buffer.from(
    JSON.stringify({
      version: "2.0",
      routeKey: event.routeKey,
      rawPath: event.rawPath,
      rawQueryString: parts.query,
      ...(cookies.length === 0 ? {} : { cookies }),
      headers: singleHeaders(parts, event.hidden ?? []),
      ...querySection(parts.query),
      requestContext: {
        accountId: event.accountId,
        apiId: event.apiId,
        ...(event.authorizer === undefined ? {} : { authorizer: event.authorizer }),
        domainName: parts.domain,
        domainPrefix: parts.domain.split(".", 1)[0],
        http: {
          method: parts.method,
          path: event.rawPath,
          protocol: parts.protocol,
          sourceIp: parts.sourceIp,
          userAgent: parts.userAgent,
        },
        requestId: parts.requestId,
        routeKey: event.routeKey,
        stage: event.stage,
        time: logMoment(parts.at),
        timeEpoch: parts.at,
      },
      ...nonEmpty("pathParameters", event.pathParameters),
      ...nonEmpty("stageVariables", event.stageVariables),
      ...(content.body === undefined ? {} : { body: content.body }),
      isBase64Encoded: content.isBase64Encoded,
    }),
  );
}

/** Each header once, its values joined. */
export function singleHeaders(
  { headers }: Pick<RequestParts, "headers">,
  hidden: readonly string[],
): Record<string, string> {
  if (hidden.some((name) => headers.has(name))) {
    const shown = new Map(headers);
    for (const name of hidden) shown.delete(name);
    return singleHeaders({ headers: shown }, []);
  }
  return tableOf(headers, (values, name) => (values.length === 1 ? values[0]! : joined(headers, name)!));
}

function querySection(query: string): object {
  if (query === "") return {};
  return nonEmpty(
    "queryStringParameters",
    tableOf(queryOf(query), (values) => values.join(",")),
  );
}

const nonEmpty = (name: string, values: Readonly<Record<string, string>> | undefined): object =>
  values === undefined || Object.keys(values).length === 0 ? {} : { [name]: values };
