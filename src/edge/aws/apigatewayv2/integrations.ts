import type { ApiSettings, Integration } from "../../api-gateway/records.ts";
import {
  apiOf,
  bad,
  changeLive,
  conflict,
  type GatewayCall,
  type GatewayContext,
  given,
  type InApi,
  newId,
  oneOf,
  type Paged,
  page,
  without,
} from "./context.ts";

type IntegrationInput = Partial<Omit<Integration, "integrationId">>;
type InIntegration = InApi & { readonly integrationId: string };
type Protocol = ApiSettings["protocolType"];

export function createIntegration(context: GatewayContext, { input, scope }: GatewayCall<InApi & IntegrationInput>) {
  const record = apiOf(context, scope, input.apiId);
  const integration = newIntegration(record.api.protocolType, given(input, "apiId"));
  const { integrations } = record.live;
  changeLive(context, record, {
    ...record.live,
    integrations: { ...integrations, [integration.integrationId]: integration },
  });
  return integration;
}

/** Throws BadRequestException for what the protocol does not have. */
export function newIntegration(protocol: Protocol, input: IntegrationInput): Integration {
  const { integrationType = "AWS_PROXY" } = input;
  const integration: Integration = {
    connectionType: "INTERNET",
    ...(protocol === "HTTP" ? { payloadFormatVersion: "1.0" } : {}),
    ...input,
    integrationId: newId(7),
    integrationType,
    timeoutInMillis: input.timeoutInMillis ?? (protocol === "HTTP" ? 30_000 : 29_000),
    ...(integrationType === "AWS_PROXY" ? { integrationMethod: input.integrationMethod ?? "POST" } : {}),
  };
  checkIntegration(protocol, integration);
  return integration;
}

export function getIntegration(context: GatewayContext, { input, scope }: GatewayCall<InIntegration>) {
  return oneOf(apiOf(context, scope, input.apiId).live.integrations, input.integrationId, "Integration");
}

export function getIntegrations(context: GatewayContext, { input, scope }: GatewayCall<InApi & Paged>) {
  return page(Object.values(apiOf(context, scope, input.apiId).live.integrations), input);
}

export function updateIntegration(
  context: GatewayContext,
  { input, scope }: GatewayCall<InIntegration & IntegrationInput>,
) {
  const record = apiOf(context, scope, input.apiId);
  const { integrations } = record.live;
  const old = oneOf(integrations, input.integrationId, "Integration");
  const changed: Integration = { ...old, ...given(input, "apiId", "integrationId") };
  checkIntegration(record.api.protocolType, changed);
  changeLive(context, record, { ...record.live, integrations: { ...integrations, [input.integrationId]: changed } });
  return changed;
}

export function deleteIntegration(context: GatewayContext, { input, scope }: GatewayCall<InIntegration>): undefined {
  const record = apiOf(context, scope, input.apiId);
  const { integrations, routes } = record.live;
  oneOf(integrations, input.integrationId, "Integration");
  const users = Object.values(routes).filter(({ target }) => target === `integrations/${input.integrationId}`);
  if (users.length > 0) {
    const keys = users.map(({ routeKey }) => routeKey).join(", ");
    throw conflict(`Cannot delete Integration ${input.integrationId}. It is referenced by: ${keys}`);
  }
  const changed = { ...record, responses: without(record.responses, input.integrationId) };
  changeLive(context, changed, { ...record.live, integrations: without(integrations, input.integrationId) });
  return undefined;
}

function checkIntegration(protocol: Protocol, integration: Integration): void {
  const { integrationType, integrationUri, payloadFormatVersion, integrationSubtype, timeoutInMillis } = integration;
  if (protocol === "HTTP") {
    if (integrationType !== "AWS_PROXY" && integrationType !== "HTTP_PROXY") {
      throw bad(`Integration type ${integrationType} is not supported for HTTP APIs: use AWS_PROXY or HTTP_PROXY`);
    }
    if (payloadFormatVersion !== "1.0" && payloadFormatVersion !== "2.0") {
      throw bad("The payload format version must be 1.0 or 2.0");
    }
    if (integrationType === "HTTP_PROXY" && integration.integrationMethod === undefined) {
      throw bad("HttpMethod must be specified for HTTP_PROXY integrations");
    }
  }
  if (integration.connectionType === "VPC_LINK") throw bad("VPC links are not supported by Thaw");
  if (integrationSubtype !== undefined) throw bad(`Integration subtype ${integrationSubtype} is not supported by Thaw`);
  if (timeoutInMillis > (protocol === "HTTP" ? 30_000 : 29_000)) {
    throw bad("Timeout should be between 50 ms and 30000 ms for HTTP APIs, and 29000 ms for WebSocket APIs");
  }
  if (integrationType === "MOCK") return;
  if (integrationUri === undefined) throw bad(`Integration URI must be specified for ${integrationType} integrations`);
  const isHttp = integrationType === "HTTP" || integrationType === "HTTP_PROXY";
  // A stage's variable may stand for any part of it.
  const fits = isHttp ? /^https?:\/\/|\$\{stageVariables\./ : /^arn:aws[a-z-]*:(lambda|apigateway):/;
  if (!fits.test(integrationUri)) throw bad(`Invalid integration URI specified: ${integrationUri}`);
}
