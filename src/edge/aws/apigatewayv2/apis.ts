import { apiName } from "../../api-gateway/apis.ts";
import type { ApiRecord, ApiSettings } from "../../api-gateway/records.ts";
import {
  apiOf,
  autoDeployment,
  bad,
  changeLive,
  type GatewayCall,
  type GatewayContext,
  given,
  type InApi,
  moment,
  newId,
  type Paged,
  page,
} from "./context.ts";
import { newIntegration } from "./integrations.ts";
import { newRoute } from "./routes.ts";

type Settings = Partial<Omit<ApiSettings, "apiId" | "createdDate">> & Pick<ApiSettings, "name" | "protocolType">;
type Quick = { readonly target?: string; readonly routeKey?: string; readonly credentialsArn?: string };

const httpSelection = "$request.method $request.path";
const apiKeySelection = "$request.header.x-api-key";

export function createApi(context: GatewayContext, { input, scope, origin }: GatewayCall<Settings & Quick>) {
  const record = newApi(context, scope, input);
  context.apis.put(record);
  if (input.target !== undefined) quickCreate(context, record, input);
  return apiView(apiOf(context, scope, record.api.apiId), origin);
}

/** An API with nothing in it; not yet kept. Throws BadRequestException. */
export function newApi(context: GatewayContext, scope: ApiRecordScope, input: Settings): ApiRecord {
  const { name, protocolType, routeSelectionExpression = httpSelection } = input;
  if (protocolType === "WEBSOCKET" && input.routeSelectionExpression === undefined) {
    throw bad("Route selection expression is required for WebSocket APIs");
  }
  if (protocolType === "HTTP" && !/^\$\{?request\.method\}? \$\{?request\.path\}?$/.test(routeSelectionExpression)) {
    throw bad('Route selection expression must be "$request.method $request.path" for HTTP APIs');
  }
  checkCors(input);
  const apiId = newId(10);
  const api: ApiSettings = {
    ...given(input, "target", "routeKey", "credentialsArn"),
    apiId,
    name,
    protocolType,
    routeSelectionExpression,
    apiKeySelectionExpression: input.apiKeySelectionExpression ?? apiKeySelection,
    disableExecuteApiEndpoint: input.disableExecuteApiEndpoint ?? false,
    ipAddressType: input.ipAddressType ?? "ipv4",
    createdDate: moment(context.clock()),
  };
  return {
    account: scope.account,
    region: scope.region,
    name: apiName(scope.region, apiId),
    api,
    live: { routes: {}, integrations: {}, authorizers: {} },
    stages: {},
    deployments: {},
    models: {},
    responses: {},
  };
}

type ApiRecordScope = { readonly account: string; readonly region: string };

/** An integration, a route that catches everything, and a stage that deploys by itself. */
function quickCreate(
  context: GatewayContext,
  record: ApiRecord,
  { target = "", routeKey = "$default", credentialsArn }: Quick,
) {
  const { protocolType } = record.api;
  if (protocolType !== "HTTP") throw bad("Target is supported only for HTTP APIs");
  const isFunction = target.startsWith("arn:");
  const integration = newIntegration(protocolType, {
    integrationType: isFunction ? "AWS_PROXY" : "HTTP_PROXY",
    integrationUri: target,
    payloadFormatVersion: isFunction ? "2.0" : "1.0",
    ...(isFunction ? {} : { integrationMethod: "ANY" }),
    ...(credentialsArn === undefined ? {} : { credentialsArn }),
  });
  const { integrationId } = integration;
  const live = {
    ...record.live,
    integrations: { [integrationId]: { ...integration, apiGatewayManaged: true } },
  };
  const route = newRoute({ ...record, live }, { routeKey, target: `integrations/${integrationId}` });
  const now = moment(context.clock());
  const { deploymentId, deployment } = autoDeployment(context, { stageName: "$default" });
  context.apis.put({
    ...record,
    live: { ...live, routes: { [route.routeId]: { ...route, apiGatewayManaged: true } } },
    deployments: { [deploymentId]: deployment },
    stages: {
      $default: {
        stageName: "$default",
        autoDeploy: true,
        deploymentId,
        createdDate: now,
        lastUpdatedDate: now,
        defaultRouteSettings: { detailedMetricsEnabled: false },
        routeSettings: {},
        stageVariables: {},
        apiGatewayManaged: true,
      },
    },
  });
}

export function getApi(context: GatewayContext, { input, scope, origin }: GatewayCall<InApi>) {
  return apiView(apiOf(context, scope, input.apiId), origin);
}

export function getApis(context: GatewayContext, { input, scope, origin }: GatewayCall<Paged>) {
  return page(
    context.apis.list(scope).map((record) => apiView(record, origin)),
    input,
  );
}

export function updateApi(
  context: GatewayContext,
  { input, scope, origin }: GatewayCall<InApi & Partial<Settings> & Quick>,
) {
  const record = apiOf(context, scope, input.apiId);
  checkCors(input);
  const change = given(input, "apiId", "protocolType", "target", "routeKey", "credentialsArn", "tags");
  const live = quickChange(record, input);
  const changed = { ...record, api: { ...record.api, ...change } };
  if (live === undefined) context.apis.put(changed);
  else changeLive(context, changed, live);
  return apiView(apiOf(context, scope, input.apiId), origin);
}

/** The quick-created integration and route follow their API. */
function quickChange(record: ApiRecord, { target, routeKey, credentialsArn }: Quick): ApiRecord["live"] | undefined {
  if (target === undefined && routeKey === undefined && credentialsArn === undefined) return undefined;
  const { live } = record;
  const integration = Object.values(live.integrations).find(({ apiGatewayManaged }) => apiGatewayManaged);
  const route = Object.values(live.routes).find(({ apiGatewayManaged }) => apiGatewayManaged);
  if (integration === undefined || route === undefined) {
    throw bad("Target, route key and credentials can be updated only for APIs that were created with a target");
  }
  const isFunction = (target ?? integration.integrationUri ?? "").startsWith("arn:");
  const changed = newIntegration("HTTP", {
    integrationType: isFunction ? "AWS_PROXY" : "HTTP_PROXY",
    integrationUri: target ?? integration.integrationUri ?? "",
    payloadFormatVersion: isFunction ? "2.0" : "1.0",
    ...(isFunction ? {} : { integrationMethod: "ANY" }),
    ...(credentialsArn === undefined ? {} : { credentialsArn }),
  });
  const { integrationId } = integration;
  return {
    ...live,
    integrations: { ...live.integrations, [integrationId]: { ...changed, integrationId, apiGatewayManaged: true } },
    routes: { ...live.routes, [route.routeId]: { ...route, routeKey: routeKey ?? route.routeKey } },
  };
}

export function deleteApi(context: GatewayContext, { input, scope }: GatewayCall<InApi>): undefined {
  const record = apiOf(context, scope, input.apiId);
  if (
    context.apis
      .listDomains(scope)
      .some(({ mappings }) => Object.values(mappings).some(({ apiId }) => apiId === input.apiId))
  ) {
    throw bad("Deleting API is not possible while it is mapped to a domain name: remove its API mappings first");
  }
  context.apis.remove(record);
  return undefined;
}

export function deleteCorsConfiguration(context: GatewayContext, { input, scope }: GatewayCall<InApi>): undefined {
  const record = apiOf(context, scope, input.apiId);
  const { corsConfiguration: _gone, ...api } = record.api;
  context.apis.put({ ...record, api });
  return undefined;
}

/** Throws BadRequestException for rules that no browser would follow. */
export function checkCors({ corsConfiguration: cors, protocolType }: Partial<Settings>): void {
  if (cors === undefined) return;
  if (protocolType === "WEBSOCKET") throw bad("CORS configuration is supported only for HTTP APIs");
  if (cors.allowCredentials === true && cors.allowOrigins?.includes("*")) {
    throw bad("Allow credentials is not supported with wildcard origins");
  }
}

/** `http://<api id>.execute-api.<region>.localhost:<port>`: every name below localhost is this machine. */
export function apiView({ api, region }: ApiRecord, origin: string) {
  const { protocol, port } = new URL(origin);
  const scheme = api.protocolType === "HTTP" ? protocol : protocol.replace("http", "ws");
  const apiEndpoint = `${scheme}//${api.apiId}.execute-api.${region}.localhost${port === "" ? "" : `:${port}`}`;
  return { apiEndpoint, ...api, tags: api.tags ?? {} };
}
