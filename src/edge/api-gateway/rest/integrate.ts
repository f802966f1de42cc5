import { limits } from "../../../model/index.ts";
import type { ProxyAnswer } from "../../proxy/answer.ts";
import { callFunction } from "../../proxy/call.ts";
import { hopByHop, one } from "../../proxy/parts.ts";
import { isDocument, parsed } from "../../proxy/result-2.ts";
import { inTime } from "../authorizers/authorizers.ts";
import { exchange } from "../http/proxy.ts";
import type { GatewayNeeds } from "../needs.ts";
import { functionTarget, mayCall, withVariables } from "../targets.ts";
import { Faulty } from "./answers.ts";
import { methodValue } from "./context.ts";
import { fromResult } from "./from-result.ts";
import { mappedBody, partOf, templateFor } from "./mapping.ts";
import { fits } from "./pattern.ts";
import type { IntegrationResponse, RestIntegration } from "./records.ts";
import { type RestExchange, toEvent } from "./to-event.ts";

/** What an integration has answered, before it is mapped. `pattern`: what selection patterns are held against. */
interface Answered {
  readonly pattern: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** Has the integration of a method answer a request. Throws Faulty; rejects with ServiceError when the platform could not. */
export async function integrated(needs: GatewayNeeds, call: RestExchange, body: Buffer): Promise<ProxyAnswer> {
  const integration = call.selected.method.methodIntegration;
  if (integration === undefined) throw new Faulty("API_CONFIGURATION_ERROR");
  switch (integration.type) {
    case "AWS_PROXY":
      return fromResult(await invoked(needs, call, integration, toEvent(call, body)), call.arrival);
    case "HTTP_PROXY": {
      const { status, headers, body: answered } = await forwarded(call, integration, body);
      return { status, headers, body: answered };
    }
    case "HTTP": {
      const sent = requestBody(call, integration, body);
      const { status, headers, body: answered } = await forwarded(call, integration, sent);
      const table = new Map(headers.map(([name, value]) => [name.toLowerCase(), value]));
      return mapped(call, integration, { pattern: String(status), headers: table, body: answered });
    }
    case "AWS": {
      const asked = requestBody(call, integration, body);
      const payload = asked.length === 0 ? Buffer.from("{}") : asked;
      const { outcome } = await invoked(needs, call, integration, payload);
      const failure = outcome.kind === "failed" ? outcome.failure.payload : undefined;
      const told = outcome.kind === "returned" ? outcome.payload : (failure ?? Buffer.alloc(0));
      const document = failure === undefined ? undefined : parsed(failure)?.value;
      const pattern = isDocument(document) ? String(document.errorMessage ?? "") : "";
      return mapped(call, integration, { pattern, headers: new Map(), body: told });
    }
    default: {
      const text = requestBody(call, integration, Buffer.alloc(0)).toString("utf8");
      // CDK's template is no JSON: `{ statusCode: 200 }`.
      const pattern = /["']?statusCode["']?\s*:\s*["']?(\d{3})/.exec(text)?.[1];
      if (pattern === undefined) throw new Faulty("API_CONFIGURATION_ERROR");
      return mapped(call, integration, { pattern, headers: new Map(), body: Buffer.alloc(0) });
    }
  }
}

async function invoked(needs: GatewayNeeds, call: RestExchange, integration: RestIntegration, payload: Buffer) {
  const { record, stage, parts } = call.arrival;
  const target = functionTarget(integration.uri ?? "", stage.variables ?? {});
  const api = { account: record.account, region: record.region, apiId: record.api.id };
  const part = `${stage.stageName}/${parts.method}${call.selected.resource.path}`;
  const byRole = integration.credentials !== undefined;
  if (target === undefined || (!byRole && !mayCall(needs.registry, target, api, part))) {
    throw new Faulty("API_CONFIGURATION_ERROR");
  }
  if (payload.length > limits.syncPayloadBytes) throw new Faulty("REQUEST_TOO_LARGE");
  const { requestId, received } = parts;
  const traceId = one(parts.headers, "x-amzn-trace-id");
  const running = callFunction(needs, { ...target, payload, requestId, traceId, received });
  const result = await inTime(running, integration.timeoutInMillis);
  if (result === undefined) throw new Faulty("INTEGRATION_TIMEOUT");
  return result;
}

/** A body by the template of its type; without one it is passed on as the integration says. Throws Faulty. */
function requestBody(
  call: RestExchange,
  { requestTemplates, passthroughBehavior }: RestIntegration,
  body: Buffer,
): Buffer {
  const type = one(call.arrival.parts.headers, "content-type") ?? "application/json";
  const template = templateFor(requestTemplates, type);
  const some = Object.keys(requestTemplates ?? {}).length > 0;
  if (template === undefined) {
    const passes = passthroughBehavior === "WHEN_NO_MATCH" || (passthroughBehavior === "WHEN_NO_TEMPLATES" && !some);
    if (!passes) throw new Faulty("UNSUPPORTED_MEDIA_TYPE");
    return body;
  }
  const text = mappedBody(template, call, body.toString("utf8"));
  if (text === undefined) throw new Faulty("API_CONFIGURATION_ERROR");
  return Buffer.from(text);
}

async function forwarded(call: RestExchange, integration: RestIntegration, body: Buffer) {
  const { arrival, selected } = call;
  const { parts, stage } = arrival;
  const { pathParameters } = selected;
  const proxied = integration.type === "HTTP_PROXY";
  const headers = new Map<string, readonly string[]>(proxied ? parts.headers : []);
  const query = new URLSearchParams(proxied ? parts.query : "");
  const path = new Map(Object.entries(pathParameters));
  if (!proxied) headers.set("content-type", [one(parts.headers, "content-type") ?? "application/json"]);
  for (const [to, from] of Object.entries(integration.requestParameters ?? {})) {
    const [, where = "", name = ""] = /^integration\.request\.(header|querystring|path)\.(.+)$/.exec(to) ?? [];
    const value = /^'(.*)'$/s.exec(from)?.[1] ?? methodValue(arrival, pathParameters, from);
    if (value === undefined) continue;
    if (where === "header") headers.set(name.toLowerCase(), [value]);
    else if (where === "querystring") query.set(name, value);
    else if (where === "path") path.set(name, value);
  }
  const filled = withVariables(integration.uri ?? "", stage.variables ?? {}).replace(
    /\{([^{}+]+)\+?\}/g,
    (whole, name) => {
      const value = path.get(name);
      return value === undefined ? whole : value.split("/").map(encodeURIComponent).join("/");
    },
  );
  const url = URL.parse(filled);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Faulty("API_CONFIGURATION_ERROR");
  for (const [name, value] of query) url.searchParams.append(name, value);
  const sent = [...headers].filter(([name]) => name !== "host" && name !== "content-length" && !hopByHop.has(name));
  const { httpMethod = "ANY", timeoutInMillis: timeoutMs } = integration;
  try {
    return await exchange(url, {
      method: httpMethod === "ANY" ? parts.method : httpMethod,
      headers: {
        ...Object.fromEntries(sent.map(([name, values]) => [name, [...values]])),
        "content-length": body.length,
      },
      body,
      timeoutMs,
    });
  } catch (error) {
    const late = (error as Error).name === "TimeoutError" || (error as Error).name === "AbortError";
    throw new Faulty(late ? "INTEGRATION_TIMEOUT" : "INTEGRATION_FAILURE");
  }
}

/** The answer by the integration response whose pattern fits, else by the one without a pattern. Throws Faulty. */
function mapped(call: RestExchange, { integrationResponses }: RestIntegration, answered: Answered): ProxyAnswer {
  const all = Object.values(integrationResponses ?? {});
  const byDefault = all.find(({ selectionPattern = "" }) => selectionPattern === "");
  const response =
    all.find(
      ({ selectionPattern = "" }) => selectionPattern !== "" && fits(`^(?:${selectionPattern})$`, answered.pattern),
    ) ?? byDefault;
  if (response === undefined) throw new Faulty("API_CONFIGURATION_ERROR");
  const [type, template] = chosenTemplate(call, response);
  const text = template === undefined ? undefined : mappedBody(template, call, answered.body.toString("utf8"));
  if (template !== undefined && text === undefined) throw new Faulty("API_CONFIGURATION_ERROR");
  const headers = responseHeaders(response, answered);
  const typed = headers.some(([name]) => name.toLowerCase() === "content-type");
  return {
    status: Number(response.statusCode),
    headers: typed ? headers : [["content-type", type], ...headers],
    body: text ?? answered.body,
  };
}

/** By what the client accepts, else the first that there is. */
function chosenTemplate({ arrival }: RestExchange, { responseTemplates = {} }: IntegrationResponse) {
  const accepted = (one(arrival.parts.headers, "accept") ?? "").split(",").map((type) => type.split(";")[0]?.trim());
  const known = Object.entries(responseTemplates);
  return known.find(([type]) => accepted.includes(type)) ?? known[0] ?? (["application/json", undefined] as const);
}

function responseHeaders({ responseParameters }: IntegrationResponse, { headers, body }: Answered): [string, string][] {
  return Object.entries(responseParameters ?? {}).flatMap(([to, from]): [string, string][] => {
    const name = /^method\.response\.header\.(.+)$/.exec(to)?.[1];
    if (name === undefined) return [];
    const literal = /^'(.*)'$/s.exec(from)?.[1];
    const header = /^integration\.response\.(?:multivalue)?header\.(.+)$/.exec(from)?.[1];
    const path = /^integration\.response\.body\.?(.*)$/.exec(from)?.[1];
    const part = path === undefined ? undefined : partOf(parsed(body)?.value, `$.${path}`);
    const value = literal ?? (header === undefined ? part : headers.get(header.toLowerCase()));
    return value === undefined ? [] : [[name, typeof value === "string" ? value : JSON.stringify(value)]];
  });
}
