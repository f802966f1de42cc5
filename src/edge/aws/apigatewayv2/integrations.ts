import type { ApiSettings, Integration } from "../../api-gateway/records.ts";
import { bad, conflict, newId, without } from "./context.ts";
import { inDefinition, operationsOf } from "./tables.ts";

type Protocol = ApiSettings["protocolType"];

export const integrationOperations = operationsOf<Integration>({
  name: "Integration",
  id: "integrationId",
  ...inDefinition("integrations"),
  make: ({ api }, settings) => newIntegration(api.protocolType, settings),
  check: ({ api }, integration) => checkIntegration(api.protocolType, integration),
  release(record, id) {
    const users = Object.values(record.live.routes).filter(({ target }) => target === `integrations/${id}`);
    if (users.length > 0) {
      const keys = users.map(({ routeKey }) => routeKey).join(", ");
      throw conflict(`Cannot delete Integration ${id}. It is referenced by: ${keys}`);
    }
    return { ...record, responses: without(record.responses, id) };
  },
});

/** Throws BadRequestException for what the protocol does not have. */
export function newIntegration(protocol: Protocol, input: Partial<Omit<Integration, "integrationId">>): Integration {
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
