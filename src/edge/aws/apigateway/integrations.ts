import { randomUUID } from "node:crypto";
import type { IntegrationResponse, RestIntegration } from "../../api-gateway/rest/records.ts";
import type { TestRequest } from "../../api-gateway/rest/test-invoke.ts";
import {
  apiOf,
  bad,
  given,
  type InMethod,
  methodOf,
  type Patches,
  putMethodIn,
  type RestCall,
  type RestContext,
  refusal,
  resourceOf,
  without,
} from "./context.ts";
import { patched } from "./patch.ts";

type Input = Partial<Omit<RestIntegration, "httpMethod" | "type">> & {
  readonly type: RestIntegration["type"];
  readonly integrationHttpMethod?: string;
};
type Status = { readonly statusCode: string };

/** "50 milliseconds - 29 seconds"; longer ones are AWS's to grant (Quotas for REST APIs). */
export const integrationMs = 29_000;

export function putIntegration(context: RestContext, { input, scope }: RestCall<InMethod & Input>) {
  const record = apiOf(context, scope, input);
  const resource = resourceOf(record, input);
  const method = methodOf(resource, input);
  const { integrationHttpMethod, ...rest } = given(input, "restApiId", "resourceId", "httpMethod") as Input;
  const made = newIntegration(resource.id, {
    ...rest,
    ...(integrationHttpMethod === undefined ? {} : { httpMethod: integrationHttpMethod }),
  });
  putMethodIn(context, record, resource, { ...method, methodIntegration: made });
  return made;
}

/** Throws BadRequestException. */
export function newIntegration(
  resourceId: string,
  input: Partial<RestIntegration> & Pick<RestIntegration, "type">,
): RestIntegration {
  const integration: RestIntegration = {
    ...input,
    passthroughBehavior: input.passthroughBehavior ?? "WHEN_NO_MATCH",
    timeoutInMillis: input.timeoutInMillis ?? integrationMs,
    cacheNamespace: input.cacheNamespace ?? resourceId,
    cacheKeyParameters: input.cacheKeyParameters ?? [],
  };
  checkIntegration(integration);
  return integration;
}

function checkIntegration({ type, httpMethod, uri, timeoutInMillis: ms, passthroughBehavior }: RestIntegration): void {
  if (type !== "MOCK") {
    if (httpMethod === undefined) throw bad("Enumeration value for HttpMethod must be non-empty");
    if (uri === undefined || uri === "") throw bad("Uri is required for this integration type");
  }
  if (type.startsWith("AWS") && !/^arn:[^:]+:apigateway:[^:]*:[^:]+:(?:path|action)\/.+$/.test(uri ?? "")) {
    throw bad("Invalid ARN specified in the request");
  }
  if (type.startsWith("HTTP") && !/^(?:https?:\/\/|\$\{stageVariables)/.test(uri ?? "")) {
    throw bad("Invalid HTTP endpoint specified for URI");
  }
  // AWS raises it above 29 seconds for who asks; here it may be as long as a function.
  if (ms < 50 || ms > 900_000) throw bad("Timeout should be between 50 ms and 29000 ms");
  if (!/^(?:WHEN_NO_MATCH|WHEN_NO_TEMPLATES|NEVER)$/.test(passthroughBehavior)) {
    throw bad("Invalid passthrough behavior. Valid options are WHEN_NO_MATCH, WHEN_NO_TEMPLATES, and NEVER.");
  }
}

/** The method that an integration belongs to, and a way to change it. Throws NotFoundException. */
function opened(context: RestContext, { input, scope }: RestCall<InMethod>) {
  const record = apiOf(context, scope, input);
  const resource = resourceOf(record, input);
  const method = methodOf(resource, input);
  const integration = method.methodIntegration;
  if (integration === undefined) throw refusal("NotFoundException", "Invalid Integration identifier specified");
  const put = (methodIntegration: RestIntegration) =>
    putMethodIn(context, record, resource, { ...method, methodIntegration });
  const remove = () => {
    const { methodIntegration: _gone, ...rest } = method;
    putMethodIn(context, record, resource, rest);
  };
  return { method, integration, put, remove };
}

/** Answers as the method does now, deployed or not; nobody is asked whether they may. */
export function testInvokeMethod(context: RestContext, { input, scope }: RestCall<InMethod & TestInput>) {
  const record = apiOf(context, scope, input);
  const resource = resourceOf(record, input);
  const { resourceMethods = {} } = resource;
  const method = Object.hasOwn(resourceMethods, input.httpMethod) ? resourceMethods[input.httpMethod] : undefined;
  const taken = method ?? methodOf(resource, { httpMethod: "ANY" });
  return context.testMethod({ ...input, record, resource, method: taken }, randomUUID());
}

type TestInput = Omit<TestRequest, "record" | "resource" | "method">;

export function getIntegration(context: RestContext, call: RestCall<InMethod>) {
  return opened(context, call).integration;
}

export function updateIntegration(context: RestContext, call: RestCall<InMethod & Patches>) {
  const { integration, put } = opened(context, call);
  const changed = patched("Integration", integration, call.input, ["integrationResponses"]);
  const { id } = resourceOf(apiOf(context, call.scope, call.input), call.input);
  const made = newIntegration(id, changed);
  put(made);
  return made;
}

export function deleteIntegration(context: RestContext, call: RestCall<InMethod>): undefined {
  opened(context, call).remove();
  return undefined;
}

export function putIntegrationResponse(context: RestContext, call: RestCall<InMethod & IntegrationResponse>) {
  const { method, integration, put } = opened(context, call);
  const response = given(call.input, "restApiId", "resourceId", "httpMethod") as IntegrationResponse;
  if (!Object.hasOwn(method.methodResponses ?? {}, response.statusCode)) {
    throw refusal("NotFoundException", "Invalid Response status code specified");
  }
  checkResponse(response);
  put({
    ...integration,
    integrationResponses: { ...integration.integrationResponses, [response.statusCode]: response },
  });
  return response;
}

export function getIntegrationResponse(context: RestContext, call: RestCall<InMethod & Status>) {
  return responseOf(opened(context, call).integration, call.input);
}

export function updateIntegrationResponse(context: RestContext, call: RestCall<InMethod & Status & Patches>) {
  const { integration, put } = opened(context, call);
  const response = patched("IntegrationResponse", responseOf(integration, call.input), call.input, ["statusCode"]);
  checkResponse(response);
  put({
    ...integration,
    integrationResponses: { ...integration.integrationResponses, [response.statusCode]: response },
  });
  return response;
}

export function deleteIntegrationResponse(context: RestContext, call: RestCall<InMethod & Status>): undefined {
  const { integration, put } = opened(context, call);
  responseOf(integration, call.input);
  put({ ...integration, integrationResponses: without(integration.integrationResponses ?? {}, call.input.statusCode) });
  return undefined;
}

function checkResponse({ selectionPattern = "" }: IntegrationResponse): void {
  try {
    new RegExp(selectionPattern);
  } catch {
    throw bad(`Invalid selection pattern specified: ${selectionPattern}`);
  }
}

function responseOf({ integrationResponses = {} }: RestIntegration, { statusCode }: Status): IntegrationResponse {
  const found = Object.hasOwn(integrationResponses, statusCode) ? integrationResponses[statusCode] : undefined;
  if (found === undefined) throw refusal("NotFoundException", "Invalid Response status code specified");
  return found;
}
