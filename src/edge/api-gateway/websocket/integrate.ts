import { randomUUID } from "node:crypto";
import { limits, monotonicMs } from "../../../model/index.ts";
import { callFunction } from "../../proxy/call.ts";
import { one } from "../../proxy/parts.ts";
import { isDocument, parsed } from "../../proxy/result-2.ts";
import type { Arrival } from "../arrival.ts";
import { inTime } from "../authorizers/authorizers.ts";
import { exchange } from "../http/proxy.ts";
import type { GatewayNeeds } from "../needs.ts";
import type { Integration, Route } from "../records.ts";
import { functionTarget, mayCall, withVariables } from "../targets.ts";

/** What an integration has answered. */
export interface Integrated {
  readonly status: number;
  /** for the client, where the route has a response; undefined: nothing */
  readonly body: Buffer | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** Something for a route to be done with: the event of a Lambda proxy, and the message itself for all others. */
export interface Work {
  readonly arrival: Arrival;
  readonly route: Route;
  readonly event: object;
  readonly message: Buffer;
  readonly requestId: string;
}

/** Runs a route's integration. Undefined: it failed, was not allowed, or did not answer in time. Rejects with ServiceError. */
export async function integrate(needs: GatewayNeeds, work: Work): Promise<Integrated | undefined> {
  const { arrival, route, message } = work;
  const id = route.target?.replace(/^integrations\//, "") ?? "";
  const { integrations } = arrival.definition;
  const integration = Object.hasOwn(integrations, id) ? integrations[id] : undefined;
  if (integration === undefined) return route.target === undefined ? done(200) : undefined;
  switch (integration.integrationType) {
    case "MOCK":
      return done(200, mocked(arrival, route, integration));
    case "HTTP":
    case "HTTP_PROXY":
      return called(arrival, integration, message);
    case "AWS":
      return invoked(needs, work, integration, message.length === 0 ? Buffer.from("{}") : message);
    case "AWS_PROXY":
      return invoked(needs, work, integration, Buffer.from(JSON.stringify(work.event)));
  }
}

const done = (status: number, body?: Buffer, headers: Integrated["headers"] = {}): Integrated => ({
  status,
  body,
  headers,
});

async function invoked(needs: GatewayNeeds, work: Work, integration: Integration, payload: Buffer) {
  const { arrival, route, requestId } = work;
  const { record, stage, parts } = arrival;
  const target = functionTarget(integration.integrationUri ?? "", stage.stageVariables);
  if (target === undefined || payload.length > limits.syncPayloadBytes) return undefined;
  const api = { ...record, apiId: record.api.apiId };
  const byRole = integration.credentialsArn !== undefined;
  if (!byRole && !mayCall(needs.registry, target, api, `${stage.stageName}/${route.routeKey}`)) return undefined;
  const traceId = one(parts.headers, "x-amzn-trace-id");
  const running = callFunction(needs, { ...target, payload, requestId, traceId, received: monotonicMs() });
  const result = await inTime(running, integration.timeoutInMillis);
  if (result?.outcome.kind !== "returned") return undefined;
  return integration.integrationType === "AWS"
    ? done(200, result.outcome.payload)
    : proxyResult(result.outcome.payload);
}

/** A Lambda proxy's `statusCode` and `body`. Where it says no status, all went well. */
function proxyResult(payload: Buffer): Integrated | undefined {
  const document = parsed(payload)?.value;
  if (!isDocument(document)) return done(200);
  const { statusCode = 200, body, headers, isBase64Encoded } = document;
  const status = Number(statusCode);
  if (!Number.isInteger(status)) return undefined;
  const bytes = typeof body === "string" ? Buffer.from(body, isBase64Encoded === true ? "base64" : "utf8") : undefined;
  return done(status, bytes, isDocument(headers) ? headers : {});
}

async function called(arrival: Arrival, integration: Integration, message: Buffer): Promise<Integrated | undefined> {
  const url = URL.parse(withVariables(integration.integrationUri ?? "", arrival.stage.stageVariables));
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
  try {
    const { status, body } = await exchange(url, {
      method: integration.integrationMethod ?? "POST",
      headers: { "content-type": ["application/json"], "content-length": message.length },
      body: message,
      timeoutMs: integration.timeoutInMillis,
    });
    return done(status, body);
  } catch {
    return undefined;
  }
}

/** The template of the integration's response, with its simplest references filled in. */
function mocked(
  { record, parts, stage }: Arrival,
  { routeKey }: Route,
  { integrationId }: Integration,
): Buffer | undefined {
  for (const response of Object.values(record.responses[integrationId] ?? {})) {
    const { responseTemplates } = response;
    const template = isDocument(responseTemplates) ? Object.values(responseTemplates)[0] : undefined;
    if (typeof template !== "string") continue;
    const known: Readonly<Record<string, string>> = {
      routeKey,
      requestId: randomUUID(),
      apiId: record.api.apiId,
      stage: stage.stageName,
      "identity.sourceIp": parts.sourceIp,
    };
    return Buffer.from(
      template.replace(/\$context\.([a-zA-Z.]*[a-zA-Z])/g, (whole, name: string) =>
        Object.hasOwn(known, name) ? known[name]! : whole,
      ),
    );
  }
  return undefined;
}
