import type {
  RestApiRecord,
  RestAuthorizer,
  RestDefinition,
  RestIntegration,
  RestMethod,
  RestResource,
  RestSettings,
} from "../../api-gateway/rest/records.ts";
import { bad, newId } from "./context.ts";
import { newIntegration } from "./integrations.ts";
import { newAuthorizer, newModel } from "./parts.ts";
import { newMethod, newResource } from "./resources.ts";

type Json = Readonly<Record<string, unknown>>;

/** An OpenAPI document as a REST API. */
export interface Imported {
  readonly settings: Partial<RestSettings>;
  readonly live: RestDefinition;
  /** what of it means nothing here */
  readonly warnings: readonly string[];
}

const methodWords: Readonly<Record<string, string>> = {
  get: "GET",
  head: "HEAD",
  options: "OPTIONS",
  patch: "PATCH",
  post: "POST",
  put: "PUT",
  delete: "DELETE",
  "x-amazon-apigateway-any-method": "ANY",
};

/**
 * Reads an OpenAPI 3.0 or Swagger 2.0 document with API Gateway's extensions. `record`: the API it is for; `onto`: what it is added to.
 * Throws BadRequestException. Source: API Gateway Developer Guide, "Develop REST APIs using OpenAPI", "OpenAPI extensions for API Gateway".
 */
export function readOpenApi(document: unknown, record: RestApiRecord, onto?: RestDefinition): Imported {
  const root = objectOf(document);
  if (root === undefined || !(/^3\.\d/.test(String(root.openapi)) || String(root.swagger) === "2.0")) {
    throw bad("Invalid OpenAPI input: only OpenAPI 3.0 and Swagger 2.0 definitions are supported");
  }
  const rootResource = { id: record.api.rootResourceId, path: "/" };
  const live = onto ?? emptyBut(rootResource);
  const reader = new Reading(root, { ...record, live });
  reader.models();
  reader.validators();
  reader.authorizers();
  reader.gatewayResponses();
  reader.paths();
  return { settings: settingsOf(root), live: reader.draft.live, warnings: reader.warnings };
}

const emptyBut = (root: RestResource): RestDefinition => ({
  resources: { [root.id]: root },
  authorizers: {},
  models: {},
  validators: {},
  gatewayResponses: {},
});

class Reading {
  draft: RestApiRecord;
  readonly warnings: string[] = [];
  private readonly root: Json;
  private readonly schemes: Json;
  private readonly authorizerIds = new Map<string, string>();
  private readonly validatorIds = new Map<string, string>();

  constructor(root: Json, draft: RestApiRecord) {
    this.root = root;
    this.draft = draft;
    this.schemes = objectOf(root.securityDefinitions) ?? objectOf(objectOf(root.components)?.securitySchemes) ?? {};
  }

  private keep(live: Partial<RestDefinition>): void {
    this.draft = { ...this.draft, live: { ...this.draft.live, ...live } };
  }

  models(): void {
    const schemas = objectOf(this.root.definitions) ?? objectOf(objectOf(this.root.components)?.schemas) ?? {};
    for (const [name, schema] of Object.entries(schemas)) {
      if (!/^[A-Za-z0-9]+$/.test(name)) {
        this.warnings.push(`Model ${name} was left out: its name is not alphanumeric`);
        continue;
      }
      const model = newModel({ name, contentType: "application/json", schema: JSON.stringify(schema) });
      this.keep({ models: { ...this.draft.live.models, [name]: model } });
    }
  }

  validators(): void {
    for (const [name, given] of Object.entries(objectOf(this.root["x-amazon-apigateway-request-validators"]) ?? {})) {
      const { validateRequestBody: body, validateRequestParameters: parameters } = objectOf(given) ?? {};
      const old = Object.values(this.draft.live.validators).find((one) => one.name === name);
      const validator = {
        id: old?.id ?? newId(6),
        name,
        validateRequestBody: body === true,
        validateRequestParameters: parameters === true,
      };
      this.validatorIds.set(name, validator.id);
      this.keep({ validators: { ...this.draft.live.validators, [validator.id]: validator } });
    }
  }

  authorizers(): void {
    for (const [name, scheme] of Object.entries(this.schemes)) {
      const given = authorizerOf(name, objectOf(scheme));
      if (given === undefined) continue;
      const old = Object.values(this.draft.live.authorizers).find((one) => one.name === name);
      const made = newAuthorizer(given);
      const authorizer = { ...made, id: old?.id ?? made.id };
      this.authorizerIds.set(name, authorizer.id);
      this.keep({ authorizers: { ...this.draft.live.authorizers, [authorizer.id]: authorizer } });
    }
  }

  gatewayResponses(): void {
    for (const [responseType, given] of Object.entries(
      objectOf(this.root["x-amazon-apigateway-gateway-responses"]) ?? {},
    )) {
      const { statusCode, responseParameters, responseTemplates } = objectOf(given) ?? {};
      const response = {
        responseType,
        ...(statusCode === undefined ? {} : { statusCode: String(statusCode) }),
        ...textTable("responseParameters", responseParameters),
        ...textTable("responseTemplates", responseTemplates),
      };
      this.keep({ gatewayResponses: { ...this.draft.live.gatewayResponses, [responseType]: response } });
    }
  }

  paths(): void {
    for (const [path, item] of Object.entries(objectOf(this.root.paths) ?? {})) {
      const operations = objectOf(item) ?? {};
      let resource = this.resourceAt(path);
      for (const [word, operation] of Object.entries(operations)) {
        const httpMethod = Object.hasOwn(methodWords, word) ? methodWords[word] : undefined;
        const given = objectOf(operation);
        if (httpMethod === undefined || given === undefined) continue;
        const method = this.methodOf(resource, httpMethod, given, operations.parameters);
        resource = { ...resource, resourceMethods: { ...resource.resourceMethods, [httpMethod]: method } };
      }
      this.keep({ resources: { ...this.draft.live.resources, [resource.id]: resource } });
    }
  }

  /** The resource of a path, made with all above it where there is none. */
  private resourceAt(path: string): RestResource {
    let resource = this.draft.live.resources[this.draft.api.rootResourceId]!;
    for (const part of path.split("/").filter((one) => one !== "")) {
      const { resources } = this.draft.live;
      const known = Object.values(resources).find((one) => one.parentId === resource.id && one.pathPart === part);
      resource = known ?? newResource(this.draft, resource, part);
      if (known === undefined) this.keep({ resources: { ...resources, [resource.id]: resource } });
    }
    return resource;
  }

  private methodOf({ id, path }: RestResource, httpMethod: string, operation: Json, shared: unknown): RestMethod {
    const parameters = [...listOf(shared), ...listOf(operation.parameters)];
    const validator =
      operation["x-amazon-apigateway-request-validator"] ?? this.root["x-amazon-apigateway-request-validator"];
    const requestValidatorId = this.validatorIds.get(String(validator));
    const requestParameters = requestParametersOf(parameters, this.root);
    const requestModels = requestModelsOf(parameters, operation);
    const method = newMethod(this.draft, {
      httpMethod,
      ...(typeof operation.operationId === "string" ? { operationName: operation.operationId } : {}),
      ...(requestValidatorId === undefined ? {} : { requestValidatorId }),
      ...(Object.keys(requestParameters).length === 0 ? {} : { requestParameters }),
      ...(Object.keys(requestModels).length === 0 ? {} : { requestModels }),
      ...methodResponsesOf(operation.responses),
      ...this.authorizationOf(operation),
    });
    const given = objectOf(operation["x-amazon-apigateway-integration"]);
    if (given === undefined) {
      this.warnings.push(`No integration for ${httpMethod} ${path}: the method was made without one`);
      return method;
    }
    return { ...method, methodIntegration: newIntegration(id, integrationOf(given)) };
  }

  private authorizationOf(operation: Json): Partial<RestMethod> {
    let found: Partial<RestMethod> = { authorizationType: "NONE", apiKeyRequired: false };
    const direct = String(objectOf(operation["x-amazon-apigateway-auth"])?.type).toUpperCase();
    if (direct === "AWS_IAM") found = { ...found, authorizationType: "AWS_IAM" };
    for (const requirement of listOf(operation.security ?? this.root.security)) {
      for (const [name, scopes] of Object.entries(objectOf(requirement) ?? {})) {
        const scheme = objectOf(this.schemes[name]);
        const authorizerId = this.authorizerIds.get(name);
        const authorizer = authorizerId === undefined ? undefined : this.draft.live.authorizers[authorizerId];
        if (String(scheme?.["x-amazon-apigateway-authtype"]).toLowerCase() === "awssigv4") {
          found = { ...found, authorizationType: "AWS_IAM" };
        } else if (authorizerId !== undefined && authorizer !== undefined) {
          const authorizationScopes = listOf(scopes).map(String);
          const authorizationType =
            authorizer.type === "COGNITO_USER_POOLS" || authorizer.type === "JWT" ? authorizer.type : "CUSTOM";
          found = {
            ...found,
            authorizationType,
            authorizerId,
            ...(authorizationScopes.length === 0 ? {} : { authorizationScopes }),
          };
        } else if (scheme?.type === "apiKey" && String(scheme.name).toLowerCase() === "x-api-key") {
          found = { ...found, apiKeyRequired: true };
        }
      }
    }
    return found;
  }
}

function settingsOf(root: Json): Partial<RestSettings> {
  const { title, version, description } = objectOf(root.info) ?? {};
  const types = root["x-amazon-apigateway-binary-media-types"];
  const policy = root["x-amazon-apigateway-policy"];
  const source = root["x-amazon-apigateway-api-key-source"];
  const size = Number(root["x-amazon-apigateway-minimum-compression-size"]);
  const endpoint = objectOf(root["x-amazon-apigateway-endpoint-configuration"]);
  if (typeof title !== "string" || title === "") throw bad("Invalid OpenAPI input: info.title is missing");
  return {
    name: title,
    ...(version === undefined ? {} : { version: String(version) }),
    ...(typeof description === "string" ? { description } : {}),
    ...(Array.isArray(types) ? { binaryMediaTypes: types.map(String) } : {}),
    ...(policy === undefined ? {} : { policy: typeof policy === "string" ? policy : JSON.stringify(policy) }),
    ...(source === "AUTHORIZER" || source === "HEADER" ? { apiKeySource: source } : {}),
    ...(Number.isInteger(size) ? { minimumCompressionSize: size } : {}),
    ...(endpoint?.disableExecuteApiEndpoint === true ? { disableExecuteApiEndpoint: true } : {}),
  };
}

/** Undefined: a scheme that is none of API Gateway's. */
function authorizerOf(
  name: string,
  scheme: Json | undefined,
): (Partial<RestAuthorizer> & Pick<RestAuthorizer, "name" | "type">) | undefined {
  const given = objectOf(scheme?.["x-amazon-apigateway-authorizer"]);
  if (given === undefined) return undefined;
  const {
    authorizerCredentials: credentials,
    identitySource: source,
    identityValidationExpression: expression,
  } = given;
  const ttl = Number(given.authorizerResultTtlInSeconds ?? "none");
  const header = typeof scheme?.name === "string" && scheme.name !== "Unused" ? scheme.name : "Authorization";
  const type = String(given.type ?? "token").toUpperCase();
  if (type === "COGNITO_USER_POOLS") {
    return {
      name,
      type,
      providerARNs: listOf(given.providerARNs).map(String),
      identitySource: `method.request.header.${header}`,
    };
  }
  if (type !== "TOKEN" && type !== "REQUEST") return undefined;
  const identitySource =
    typeof source === "string" ? source : type === "TOKEN" ? `method.request.header.${header}` : undefined;
  return {
    name,
    type,
    authorizerUri: String(given.authorizerUri ?? ""),
    ...(typeof credentials === "string" ? { authorizerCredentials: credentials } : {}),
    ...(identitySource === undefined ? {} : { identitySource }),
    ...(typeof expression === "string" ? { identityValidationExpression: expression } : {}),
    ...(Number.isInteger(ttl) ? { authorizerResultTtlInSeconds: ttl } : {}),
  };
}

function integrationOf(given: Json): Partial<RestIntegration> & Pick<RestIntegration, "type"> {
  const { uri, httpMethod, passthroughBehavior, timeoutInMillis, credentials, contentHandling } = given;
  const timeout = Number(timeoutInMillis);
  const type = String(given.type).toUpperCase();
  if (!/^(?:HTTP|AWS|MOCK|HTTP_PROXY|AWS_PROXY)$/.test(type))
    throw bad(`Invalid OpenAPI input: integration type ${type}`);
  const responses = Object.entries(objectOf(given.responses) ?? {}).map(([pattern, response]) => {
    const { statusCode = "200", responseParameters, responseTemplates } = objectOf(response) ?? {};
    const shown = {
      statusCode: String(statusCode),
      ...(pattern === "default" ? {} : { selectionPattern: pattern }),
      ...textTable("responseParameters", responseParameters),
      ...textTable("responseTemplates", responseTemplates),
    };
    return [shown.statusCode, shown] as const;
  });
  return {
    type: type as RestIntegration["type"],
    ...(typeof uri === "string" ? { uri } : {}),
    ...(typeof httpMethod === "string"
      ? { httpMethod: httpMethod === "x-amazon-apigateway-any-method" ? "ANY" : httpMethod.toUpperCase() }
      : {}),
    ...(typeof credentials === "string" ? { credentials } : {}),
    ...(typeof passthroughBehavior === "string" ? { passthroughBehavior: passthroughBehavior.toUpperCase() } : {}),
    ...(typeof contentHandling === "string" ? { contentHandling } : {}),
    ...(Number.isInteger(timeout) ? { timeoutInMillis: timeout } : {}),
    ...textTable("requestParameters", given.requestParameters),
    ...textTable("requestTemplates", given.requestTemplates),
    ...(responses.length === 0 ? {} : { integrationResponses: Object.fromEntries(responses) }),
  };
}

const places: Readonly<Record<string, string>> = { header: "header", query: "querystring", path: "path" };

function requestParametersOf(parameters: readonly unknown[], root: Json): Record<string, boolean> {
  const found: Record<string, boolean> = {};
  for (const each of parameters) {
    const given = referred(objectOf(each), root);
    const place = places[String(given?.in)];
    if (place !== undefined)
      found[`method.request.${place}.${given?.name}`] = given?.required === true || place === "path";
  }
  return found;
}

/** What a `$ref` to one of the document's own parameters means. */
function referred(given: Json | undefined, root: Json): Json | undefined {
  const name = /^#\/(?:components\/)?parameters\/(.+)$/.exec(String(given?.$ref))?.[1];
  if (name === undefined) return given;
  return objectOf((objectOf(root.parameters) ?? objectOf(objectOf(root.components)?.parameters))?.[name]);
}

function requestModelsOf(parameters: readonly unknown[], operation: Json): Record<string, string> {
  const modelOf = (schema: unknown) =>
    /^#\/(?:definitions|components\/schemas)\/(.+)$/.exec(String(objectOf(schema)?.$ref))?.[1];
  const found: [string, string | undefined][] = Object.entries(
    objectOf(objectOf(operation.requestBody)?.content) ?? {},
  ).map(([type, media]) => [type, modelOf(objectOf(media)?.schema)]);
  for (const each of parameters) {
    const given = objectOf(each);
    if (given?.in === "body") found.push(["application/json", modelOf(given.schema)]);
  }
  return Object.fromEntries(found.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

function methodResponsesOf(responses: unknown): Partial<RestMethod> {
  const found = Object.entries(objectOf(responses) ?? {})
    .filter(([statusCode]) => /^[1-5]\d\d$/.test(statusCode))
    .map(([statusCode, response]) => {
      const headers = Object.keys(objectOf(objectOf(response)?.headers) ?? {});
      const responseParameters = Object.fromEntries(headers.map((name) => [`method.response.header.${name}`, false]));
      return [statusCode, { statusCode, ...(headers.length === 0 ? {} : { responseParameters }) }] as const;
    });
  return found.length === 0 ? {} : { methodResponses: Object.fromEntries(found) };
}

function textTable(name: string, value: unknown): object {
  const given = objectOf(value);
  if (given === undefined) return {};
  return { [name]: Object.fromEntries(Object.entries(given).map(([key, one]) => [key, String(one)])) };
}

const objectOf = (value: unknown): Json | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);
