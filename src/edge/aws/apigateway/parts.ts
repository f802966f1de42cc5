import type {
  GatewayResponse,
  RequestValidator,
  RestApiRecord,
  RestAuthorizer,
  RestModel,
} from "../../api-gateway/rest/records.ts";
import {
  apiOf,
  bad,
  changeLive,
  conflict,
  given,
  type InApi,
  newId,
  oneOf,
  type Paged,
  type Patches,
  page,
  type RestCall,
  type RestContext,
  without,
} from "./context.ts";
import { patched } from "./patch.ts";

type InAuthorizer = InApi & { readonly authorizerId: string };
type InModel = InApi & { readonly modelName: string };
type InValidator = InApi & { readonly requestValidatorId: string };
type InResponse = InApi & { readonly responseType: string };
type AuthorizerInput = Partial<RestAuthorizer> & Pick<RestAuthorizer, "name" | "type">;

export function createAuthorizer(context: RestContext, { input, scope }: RestCall<InApi & AuthorizerInput>) {
  const record = apiOf(context, scope, input);
  const authorizer = newAuthorizer(given(input, "restApiId"));
  if (Object.values(record.live.authorizers).some(({ name }) => name === authorizer.name)) {
    throw bad(`Authorizer name must be unique. Authorizer ${authorizer.name} already exists in this RestApi.`);
  }
  putAuthorizer(context, record, authorizer);
  return authorizer;
}

/** Throws BadRequestException. */
export function newAuthorizer(input: AuthorizerInput): RestAuthorizer {
  const byToken = input.type === "TOKEN" || input.type === "COGNITO_USER_POOLS";
  const authorizer: RestAuthorizer = {
    ...(input.type === "TOKEN" || input.type === "REQUEST" ? { authorizerResultTtlInSeconds: 300 } : {}),
    ...(byToken ? { identitySource: "method.request.header.Authorization" } : {}),
    ...(input.type === "COGNITO_USER_POOLS" ? { authType: "cognito_user_pools" } : { authType: "custom" }),
    ...input,
    id: newId(6),
  };
  checkAuthorizer(authorizer);
  return authorizer;
}

function checkAuthorizer(authorizer: RestAuthorizer): void {
  const { type, authorizerUri = "", identitySource = "", providerARNs = [] } = authorizer;
  const { authorizerResultTtlInSeconds: ttl = 0, identityValidationExpression: expression = "" } = authorizer;
  const calls = type === "TOKEN" || type === "REQUEST";
  if (calls && !/^arn:[^:]+:apigateway:[^:]*:lambda:path\/.+$/.test(authorizerUri)) {
    throw bad(
      "Invalid Authorizer URI: Authorizer URI should be a valid API Gateway ARN that represents a Lambda function invocation.",
    );
  }
  if (ttl < 0 || ttl > 3600) throw bad("Authorizer result TTL must be between 0 and 3600 seconds");
  if (type === "COGNITO_USER_POOLS" && providerARNs.length === 0) {
    throw bad("Invalid Provider ARNs: at least one Cognito user pool is required");
  }
  if (type === "REQUEST" && ttl > 0 && identitySource === "") {
    throw bad("Identity source is required for REQUEST authorizers when caching is enabled");
  }
  for (const source of identitySource.split(",").map((one) => one.trim())) {
    if (
      source === "" ||
      /^(?:method\.request\.(?:header|querystring|path|multivalueheader|multivaluequerystring)|stageVariables|context)\..+$/.test(
        source,
      )
    )
      continue;
    throw bad(`Invalid identity source: ${source}`);
  }
  try {
    new RegExp(expression);
  } catch {
    throw bad(`Invalid identity validation expression: ${expression}`);
  }
}

const putAuthorizer = (context: RestContext, record: RestApiRecord, authorizer: RestAuthorizer) =>
  changeLive(context, record, { authorizers: { ...record.live.authorizers, [authorizer.id]: authorizer } });

export function getAuthorizer(context: RestContext, { input, scope }: RestCall<InAuthorizer>) {
  return oneOf(apiOf(context, scope, input).live.authorizers, input.authorizerId, "Authorizer");
}

export function getAuthorizers(context: RestContext, { input, scope }: RestCall<InApi & Paged>) {
  return page(Object.values(apiOf(context, scope, input).live.authorizers), input);
}

export function updateAuthorizer(context: RestContext, { input, scope }: RestCall<InAuthorizer & Patches>) {
  const record = apiOf(context, scope, input);
  const old = oneOf(record.live.authorizers, input.authorizerId, "Authorizer");
  const changed = patched("Authorizer", old, input, ["id"]);
  checkAuthorizer(changed);
  putAuthorizer(context, record, changed);
  return changed;
}

export function deleteAuthorizer(context: RestContext, { input, scope }: RestCall<InAuthorizer>): undefined {
  const record = apiOf(context, scope, input);
  oneOf(record.live.authorizers, input.authorizerId, "Authorizer");
  const methods = Object.values(record.live.resources).flatMap(({ resourceMethods = {} }) =>
    Object.values(resourceMethods),
  );
  if (methods.some(({ authorizerId }) => authorizerId === input.authorizerId)) {
    throw conflict(`Cannot delete authorizer '${input.authorizerId}', is referenced in method`);
  }
  changeLive(context, record, { authorizers: without(record.live.authorizers, input.authorizerId) });
  return undefined;
}

export function createModel(context: RestContext, { input, scope }: RestCall<InApi & Omit<RestModel, "id">>) {
  const record = apiOf(context, scope, input);
  if (Object.hasOwn(record.live.models, input.name)) throw conflict("Model name already exists for this REST API");
  const model = newModel(given(input, "restApiId"));
  changeLive(context, record, { models: { ...record.live.models, [model.name]: model } });
  return model;
}

/** Throws BadRequestException. */
export function newModel(input: Omit<RestModel, "id">): RestModel {
  if (!/^[A-Za-z0-9]+$/.test(input.name)) throw bad(`Model name must be alphanumeric: ${input.name}`);
  checkSchema(input.schema);
  return { ...input, id: newId(6) };
}

function checkSchema(schema: string | undefined): void {
  try {
    if (schema !== undefined) JSON.parse(schema);
  } catch {
    throw bad("Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified]");
  }
}

export function getModel(context: RestContext, { input, scope }: RestCall<InModel>) {
  return oneOf(apiOf(context, scope, input).live.models, input.modelName, "model name");
}

export function getModels(context: RestContext, { input, scope }: RestCall<InApi & Paged>) {
  return page(Object.values(apiOf(context, scope, input).live.models), input);
}

export function updateModel(context: RestContext, { input, scope }: RestCall<InModel & Patches>) {
  const record = apiOf(context, scope, input);
  const old = oneOf(record.live.models, input.modelName, "model name");
  const changed = patched("Model", old, input, ["id", "name", "contentType"]);
  checkSchema(changed.schema);
  changeLive(context, record, { models: { ...record.live.models, [old.name]: changed } });
  return changed;
}

export function deleteModel(context: RestContext, { input, scope }: RestCall<InModel>): undefined {
  const record = apiOf(context, scope, input);
  oneOf(record.live.models, input.modelName, "model name");
  changeLive(context, record, { models: without(record.live.models, input.modelName) });
  return undefined;
}

export function createRequestValidator(
  context: RestContext,
  { input, scope }: RestCall<InApi & Partial<RequestValidator>>,
) {
  const record = apiOf(context, scope, input);
  const validator: RequestValidator = {
    id: newId(6),
    name: input.name ?? "",
    validateRequestBody: input.validateRequestBody ?? false,
    validateRequestParameters: input.validateRequestParameters ?? false,
  };
  putValidator(context, record, validator);
  return validator;
}

const putValidator = (context: RestContext, record: RestApiRecord, validator: RequestValidator) =>
  changeLive(context, record, { validators: { ...record.live.validators, [validator.id]: validator } });

export function getRequestValidator(context: RestContext, { input, scope }: RestCall<InValidator>) {
  return oneOf(apiOf(context, scope, input).live.validators, input.requestValidatorId, "Request Validator");
}

export function getRequestValidators(context: RestContext, { input, scope }: RestCall<InApi & Paged>) {
  return page(Object.values(apiOf(context, scope, input).live.validators), input);
}

export function updateRequestValidator(context: RestContext, { input, scope }: RestCall<InValidator & Patches>) {
  const record = apiOf(context, scope, input);
  const old = oneOf(record.live.validators, input.requestValidatorId, "Request Validator");
  const changed = patched("RequestValidator", old, input, ["id"]);
  putValidator(context, record, changed);
  return changed;
}

export function deleteRequestValidator(context: RestContext, { input, scope }: RestCall<InValidator>): undefined {
  const record = apiOf(context, scope, input);
  oneOf(record.live.validators, input.requestValidatorId, "Request Validator");
  changeLive(context, record, { validators: without(record.live.validators, input.requestValidatorId) });
  return undefined;
}

export function putGatewayResponse(context: RestContext, { input, scope }: RestCall<InApi & GatewayResponse>) {
  const record = apiOf(context, scope, input);
  const response = given(input, "restApiId");
  putResponse(context, record, response);
  return { defaultResponse: false, ...response };
}

const putResponse = (context: RestContext, record: RestApiRecord, response: GatewayResponse) =>
  changeLive(context, record, {
    gatewayResponses: { ...record.live.gatewayResponses, [response.responseType]: response },
  });

export function getGatewayResponse(context: RestContext, { input, scope }: RestCall<InResponse>) {
  const { gatewayResponses } = apiOf(context, scope, input).live;
  return { defaultResponse: false, ...oneOf(gatewayResponses, input.responseType, "Gateway response type") };
}

export function getGatewayResponses(context: RestContext, { input, scope }: RestCall<InApi & Paged>) {
  const own = Object.values(apiOf(context, scope, input).live.gatewayResponses);
  return page(
    own.map((response) => ({ defaultResponse: false, ...response })),
    input,
  );
}

export function updateGatewayResponse(context: RestContext, { input, scope }: RestCall<InResponse & Patches>) {
  const record = apiOf(context, scope, input);
  const { gatewayResponses } = record.live;
  const { responseType } = input;
  const old = Object.hasOwn(gatewayResponses, responseType) ? gatewayResponses[responseType]! : { responseType };
  const changed = patched("GatewayResponse", old, input, ["responseType", "defaultResponse"]);
  putResponse(context, record, changed);
  return { defaultResponse: false, ...changed };
}

export function deleteGatewayResponse(context: RestContext, { input, scope }: RestCall<InResponse>): undefined {
  const record = apiOf(context, scope, input);
  oneOf(record.live.gatewayResponses, input.responseType, "Gateway response type");
  changeLive(context, record, { gatewayResponses: without(record.live.gatewayResponses, input.responseType) });
  return undefined;
}
