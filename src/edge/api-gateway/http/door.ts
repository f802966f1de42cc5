import type { IncomingMessage, ServerResponse } from "node:http";
import { limits, ServiceError } from "../../../model/index.ts";
import { Refusal } from "../../auth/index.ts";
import { holdBody } from "../../body.ts";
import { type ProxyAnswer, sendAnswer } from "../../proxy/answer.ts";
import { bodyOf } from "../../proxy/body-of.ts";
import { callFunction } from "../../proxy/call.ts";
import { type CorsRules, corsHeaders, isPreflight, preflightHeaders, withCors } from "../../proxy/cors.ts";
import { one } from "../../proxy/parts.ts";
import type { Arrival } from "../arrival.ts";
import { type Authorizers, inTime } from "../authorizers/authorizers.ts";
import type { Denied, Granted } from "../authorizers/granted.ts";
import type { GatewayNeeds } from "../needs.ts";
import type { CorsConfiguration, Integration } from "../records.ts";
import { functionTarget, mayCall } from "../targets.ts";
import type { Throttle } from "../throttle.ts";
import { authorizerEvent } from "./authorizer-event.ts";
import { fromResult, gatewayAnswer, internalError } from "./from-result.ts";
import { forwarded } from "./proxy.ts";
import { type Selected, selectRoute } from "./select.ts";
import { type HttpCall, requestValue, toEvent } from "./to-event.ts";

export interface HttpDoorNeeds extends GatewayNeeds {
  readonly authorizers: Authorizers;
  readonly throttle: Throttle;
}

/** Answers a request that has arrived at a stage of an HTTP API; never rejects. */
export type HttpApiDoor = (request: IncomingMessage, response: ServerResponse, arrival: Arrival) => Promise<void>;

/** "Payload size: 10 MB" (Quotas for HTTP APIs) */
const mostBytes = 10 * 1024 * 1024;

const denials: Readonly<Record<Denied, ProxyAnswer>> = {
  unauthorized: {
    ...gatewayAnswer(401, "Unauthorized"),
    headers: [
      ["content-type", "application/json"],
      ["www-authenticate", "Bearer"],
    ],
  },
  forbidden: gatewayAnswer(403, "Forbidden"),
  failed: internalError,
};

export function createHttpApiDoor(needs: HttpDoorNeeds): HttpApiDoor {
  async function answered(request: IncomingMessage, arrival: Arrival): Promise<ProxyAnswer> {
    const { record, stage, definition, parts, segments } = arrival;
    const selected = selectRoute(definition, parts.method, segments);
    if (selected === undefined) return gatewayAnswer(404, "Not Found");
    if (!needs.throttle.admits(record, stage, selected.route.routeKey)) return gatewayAnswer(429, "Too Many Requests");
    const body = await bodyOf(request, mostBytes, tooLarge);
    if (selected.route.authorizationType === "AWS_IAM") holdBody(request, body);
    const granted = await needs.authorizers.decide(asking(request, arrival, selected));
    if (typeof granted === "string") return denials[granted];
    return integrated({ arrival, selected, granted }, body);
  }

  function asking(request: IncomingMessage, arrival: Arrival, selected: Selected) {
    const { record, stage, definition, parts } = arrival;
    return {
      request,
      parts,
      record,
      stage,
      route: selected.route,
      authorizers: definition.authorizers,
      part: `${stage.stageName}/${parts.method}${arrival.path}`,
      standsFor: (source: string) => requestValue(source, parts, { arrival, selected }),
      eventFor: (authorizer: Parameters<typeof authorizerEvent>[2], identity: readonly string[], arn: string) =>
        authorizerEvent(arrival, selected, authorizer, identity, arn),
    };
  }

  async function integrated(
    call: HttpCall & { readonly granted: Granted | undefined },
    body: Buffer,
  ): Promise<ProxyAnswer> {
    const { arrival, selected } = call;
    const id = selected.route.target?.replace(/^integrations\//, "") ?? "";
    const { integrations } = arrival.definition;
    const integration = Object.hasOwn(integrations, id) ? integrations[id] : undefined;
    if (integration === undefined) return internalError;
    if (integration.integrationType === "HTTP_PROXY") return forwarded(call, integration, body);
    return invoked(call, integration, body);
  }

  async function invoked(call: HttpCall, integration: Integration, body: Buffer): Promise<ProxyAnswer> {
    const { record, stage, parts } = call.arrival;
    const target = functionTarget(integration.integrationUri ?? "", stage.stageVariables);
    const part = routePart(call);
    const api = { ...record, apiId: record.api.apiId };
    const byRole = integration.credentialsArn !== undefined;
    if (target === undefined || (!byRole && !mayCall(needs.registry, target, api, part))) return internalError;
    const version = integration.payloadFormatVersion;
    const payload = toEvent(call, body, version);
    if (payload.length > limits.syncPayloadBytes) return gatewayAnswer(413, "Request Entity Too Large");
    const { requestId, received } = parts;
    const traceId = one(parts.headers, "x-amzn-trace-id");
    const running = callFunction(needs, { ...target, payload, requestId, traceId, received });
    const result = await inTime(running, integration.timeoutInMillis);
    return result === undefined ? gatewayAnswer(503, "Service Unavailable") : fromResult(result, version);
  }

  function failed(error: unknown): ProxyAnswer {
    if (error instanceof Refusal) return denials.forbidden;
    if (!(error instanceof ServiceError)) {
      needs.report(error);
      return internalError;
    }
    if (error.code === "RequestTooLargeException") return gatewayAnswer(413, "Request Entity Too Large");
    if (error.code === "InvalidRequestContentException") return gatewayAnswer(400, "Bad Request");
    const busy = error.code === "TooManyRequestsException" || error.kind.status === 409;
    return busy ? gatewayAnswer(503, "Service Unavailable") : internalError;
  }

  return async (request, response, arrival) => {
    const { record, parts } = arrival;
    const cors = record.api.corsConfiguration === undefined ? undefined : rulesOf(record.api.corsConfiguration);
    const own = ["apigw-requestid", parts.requestId];
    if (cors !== undefined && isPreflight(parts)) {
      const headers = preflightHeaders(cors, parts.headers);
      sendAnswer(response, { status: 204, headers, body: Buffer.alloc(0) }, own);
      return;
    }
    const answer = await answered(request, arrival).catch(failed);
    const headers = cors === undefined ? answer.headers : withCors(answer.headers, corsHeaders(cors, parts.headers));
    if (!sendAnswer(response, { ...answer, headers }, own)) sendAnswer(response, internalError, own);
  };
}

/** `<stage>/<method>/<the route's path>`: permissions name the route, not the request. */
function routePart({ arrival, selected }: HttpCall): string {
  const { routeKey } = selected.route;
  const { stageName } = arrival.stage;
  if (routeKey === "$default") return `${stageName}/$default`;
  return `${stageName}/${arrival.parts.method}${routeKey.split(" ")[1] ?? ""}`;
}

const tooLarge = (): ServiceError => new ServiceError("RequestTooLargeException", "Request Entity Too Large");

const rules = new WeakMap<CorsConfiguration, CorsRules>();

function rulesOf(cors: CorsConfiguration): CorsRules {
  const known = rules.get(cors);
  if (known !== undefined) return known;
  const made: CorsRules = {
    origins: cors.allowOrigins ?? [],
    methods: cors.allowMethods ?? [],
    headers: cors.allowHeaders ?? [],
    exposed: cors.exposeHeaders ?? [],
    credentials: cors.allowCredentials === true,
    maxAge: cors.maxAge === undefined || cors.maxAge < 0 ? undefined : cors.maxAge,
  };
  rules.set(cors, made);
  return made;
}
