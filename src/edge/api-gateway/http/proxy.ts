import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { ProxyAnswer } from "../../proxy/answer.ts";
import { hopByHop } from "../../proxy/parts.ts";
import type { Integration } from "../records.ts";
import { withVariables } from "../targets.ts";
import { gatewayAnswer } from "./from-result.ts";
import { applyParameters, type Changeable } from "./parameters.ts";
import { type HttpCall, requestValue } from "./to-event.ts";

/** "Payload size: 10 MB" (Quotas for HTTP APIs), also of what comes back. */
const mostBytes = 10 * 1024 * 1024;

/** Sends a request on to an HTTP endpoint (HTTP_PROXY). Never rejects: what goes wrong is an answer. */
export async function forwarded(call: HttpCall, integration: Integration, body: Buffer): Promise<ProxyAnswer> {
  const { arrival, selected } = call;
  const { parts, stage } = arrival;
  const standsFor = (expression: string) => requestValue(expression, parts, { arrival, selected });
  const query = new Map<string, readonly string[]>();
  for (const [name, value] of new URLSearchParams(parts.query)) query.set(name, [...(query.get(name) ?? []), value]);
  const sent: Changeable = { headers: new Map(parts.headers), query };
  applyParameters(integration.requestParameters, sent, standsFor);
  const url = URL.parse(targetUrl(call, integration, sent, stage.stageVariables));
  if (url === null || !/^https?:$/.test(url.protocol)) return gatewayAnswer(500, "Internal Server Error");
  for (const [name, values] of sent.query ?? []) for (const value of values) url.searchParams.append(name, value);
  const method = integration.integrationMethod;
  const headers = [...sent.headers].filter(
    ([name]) => name !== "host" && name !== "content-length" && !hopByHop.has(name),
  );
  try {
    const response = await exchange(url, {
      method: method === undefined || method === "ANY" ? parts.method : method,
      headers: {
        ...Object.fromEntries(headers.map(([name, values]) => [name, [...values]])),
        "content-length": body.length,
      },
      body,
      timeoutMs: integration.timeoutInMillis,
    });
    return answerOf(response, integration, standsFor);
  } catch (error) {
    const late = (error as Error).name === "TimeoutError" || (error as Error).name === "AbortError";
    return late ? gatewayAnswer(504, "Gateway Timeout") : gatewayAnswer(503, "Service Unavailable");
  }
}

/** The endpoint with the path's variables filled in; a greedy one that it does not name follows behind it. */
function targetUrl(
  { arrival, selected }: HttpCall,
  { integrationUri = "" }: Integration,
  sent: Changeable,
  variables: Readonly<Record<string, string>>,
): string {
  const { pathParameters, route } = selected;
  const filled = withVariables(integrationUri, variables).replace(/\{([^{}+]+)\+?\}/g, (whole, name: string) => {
    const value = Object.hasOwn(pathParameters, name) ? pathParameters[name] : undefined;
    return value === undefined ? whole : value.split("/").map(encodeURIComponent).join("/");
  });
  if (sent.path !== undefined) return new URL(sent.path, filled).href;
  // Of a route that catches everything the whole path goes on.
  if (route.routeKey !== "$default") return filled;
  const path = arrival.segments.map(encodeURIComponent).join("/");
  return `${filled.replace(/\/$/, "")}/${path}`;
}

interface Received {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

interface Sent {
  readonly method: string;
  readonly headers: Readonly<Record<string, number | string[]>>;
  readonly body: Buffer;
  readonly timeoutMs: number;
}

/** Rejects when nothing came in time, or too much. */
export function exchange(url: URL, { method, headers, body, timeoutMs }: Sent): Promise<Received> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const request = send(url, { method, headers, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > mostBytes) request.destroy(new Error(`the endpoint answered more than ${mostBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 502, headers: headerPairs(response), body: Buffer.concat(chunks) }),
      );
    });
    request.on("error", reject);
    request.end(body);
  });
}

function headerPairs({ rawHeaders }: IncomingMessage): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    pairs.push([rawHeaders[index]!, rawHeaders[index + 1]!]);
  }
  return pairs;
}

function answerOf(
  { status, headers, body }: Received,
  { responseParameters }: Integration,
  standsFor: (expression: string) => string | undefined,
): ProxyAnswer {
  const changes = responseParameters?.[String(status)];
  if (changes === undefined) return { status, headers, body };
  const table = new Map<string, readonly string[]>();
  for (const [name, value] of headers) table.set(name.toLowerCase(), [...(table.get(name.toLowerCase()) ?? []), value]);
  const told: Changeable = { headers: table, status };
  applyParameters(changes, told, (expression) => {
    const header = /^\$response\.header\.(.+)$/.exec(expression)?.[1];
    return header === undefined ? standsFor(expression) : table.get(header.toLowerCase())?.join(",");
  });
  const list = [...told.headers].flatMap(([name, values]) => values.map((value): [string, string] => [name, value]));
  return { status: told.status ?? status, headers: list, body };
}
