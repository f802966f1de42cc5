import type {
  ApiRecord,
  Authorizer,
  CorsConfiguration,
  Definition,
  Integration,
  Route,
  Tags,
} from "../../api-gateway/records.ts";
import { newAuthorizer } from "./authorizers.ts";
import { bad } from "./context.ts";
import { newIntegration } from "./integrations.ts";
import { newRoute } from "./routes.ts";

type Json = Readonly<Record<string, unknown>>;

/** An OpenAPI document as an HTTP API. */
export interface Imported {
  readonly settings: {
    readonly name: string;
    readonly version?: string;
    readonly description?: string;
    readonly corsConfiguration?: CorsConfiguration;
    readonly tags?: Tags;
  };
  readonly live: Definition;
  /** what of it means nothing here */
  readonly warnings: readonly string[];
}

const methods: Readonly<Record<string, string>> = {
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
 * Reads an OpenAPI 3.0 document with API Gateway's extensions. `record`: the API it is for, with nothing in it. Throws BadRequestException.
 * Source: API Gateway Developer Guide, "Working with OpenAPI definitions for HTTP APIs", "OpenAPI extensions for API Gateway".
 */
export function readOpenApi(document: unknown, record: ApiRecord): Imported {
  const root = objectOf(document);
  if (root === undefined || !/^3\.\d/.test(String(root.openapi))) {
    throw bad("Unable to import: only OpenAPI 3.0 definitions are supported for HTTP APIs");
  }
  const warnings: string[] = [];
  const schemes = objectOf(objectOf(root.components)?.securitySchemes) ?? {};
  const authorizers: Record<string, Authorizer> = {};
  const authorizerIds = new Map<string, string>();
  let draft: ApiRecord = { ...record, live: { routes: {}, integrations: {}, authorizers: {} } };

  const keep = (live: Partial<Definition>) => {
    draft = { ...draft, live: { ...draft.live, ...live } };
  };
  for (const [name, scheme] of Object.entries(schemes)) {
    const given = authorizerOf(name, objectOf(scheme));
    if (given === undefined) continue;
    const authorizer = newAuthorizer(draft, given);
    authorizers[authorizer.authorizerId] = authorizer;
    authorizerIds.set(name, authorizer.authorizerId);
    keep({ authorizers });
  }
  for (const [path, item] of Object.entries(objectOf(root.paths) ?? {})) {
    for (const [word, operation] of Object.entries(objectOf(item) ?? {})) {
      const method = Object.hasOwn(methods, word) ? methods[word] : undefined;
      const given = objectOf(operation);
      if (method === undefined || given === undefined) continue;
      const routeKey = /^\/?\$default$/.test(path) ? "$default" : `${method} ${path}`;
      const integration = integrationOf(root, given);
      if (integration === undefined) warnings.push(`No integration for ${routeKey}: the route was made without one`);
      const made = integration === undefined ? undefined : newIntegration("HTTP", integration);
      if (made !== undefined) keep({ integrations: { ...draft.live.integrations, [made.integrationId]: made } });
      const route = newRoute(draft, {
        routeKey,
        ...(made === undefined ? {} : { target: `integrations/${made.integrationId}` }),
        ...(typeof given.operationId === "string" ? { operationName: given.operationId } : {}),
        ...authorizationOf(given.security ?? root.security, schemes, authorizerIds, draft.live.authorizers),
      });
      keep({ routes: { ...draft.live.routes, [route.routeId]: route } });
    }
  }
  return { settings: settingsOf(root), live: draft.live, warnings };
}

function settingsOf(root: Json): Imported["settings"] {
  const info = objectOf(root.info) ?? {};
  if (typeof info.title !== "string" || info.title === "") throw bad("Unable to import: info.title is missing");
  const cors = objectOf(root["x-amazon-apigateway-cors"]);
  const tags = (Array.isArray(root.tags) ? root.tags : []).flatMap((tag): [string, string][] => {
    const { name, "x-amazon-apigateway-tag-value": value } = objectOf(tag) ?? {};
    return typeof name === "string" && typeof value === "string" ? [[name, value]] : [];
  });
  return {
    name: info.title,
    ...(info.version === undefined ? {} : { version: String(info.version) }),
    ...(typeof info.description === "string" ? { description: info.description } : {}),
    ...(cors === undefined ? {} : { corsConfiguration: corsOf(cors) }),
    ...(tags.length === 0 ? {} : { tags: Object.fromEntries(tags) }),
  };
}

function corsOf(cors: Json): CorsConfiguration {
  const { allowCredentials, maxAge } = cors;
  const lists = ["allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders"].flatMap((name) =>
    cors[name] === undefined ? [] : [[name, texts(cors[name])]],
  );
  return {
    ...(Object.fromEntries(lists) as CorsConfiguration),
    ...(allowCredentials === undefined ? {} : { allowCredentials: String(allowCredentials) === "true" }),
    ...(maxAge === undefined || Number.isNaN(Number(maxAge)) ? {} : { maxAge: Number(maxAge) }),
  };
}

/** Undefined: a scheme that is none of API Gateway's. */
function authorizerOf(name: string, scheme: Json | undefined): Partial<Omit<Authorizer, "authorizerId">> | undefined {
  const given = objectOf(scheme?.["x-amazon-apigateway-authorizer"]);
  if (given === undefined) return undefined;
  const { type, identitySource, authorizerCredentials: credentials } = given;
  const sources =
    typeof identitySource === "string" ? identitySource.split(",").map((one) => one.trim()) : texts(identitySource);
  if (String(type).toLowerCase() === "jwt") {
    const { issuer, audience } = objectOf(given.jwtConfiguration) ?? {};
    return {
      name,
      authorizerType: "JWT",
      identitySource: sources.length === 0 ? ["$request.header.Authorization"] : sources,
      jwtConfiguration: { issuer: String(issuer ?? ""), audience: texts(audience) },
    };
  }
  const seconds = Number(given.authorizerResultTtlInSeconds);
  return {
    name,
    authorizerType: "REQUEST",
    identitySource: sources,
    authorizerUri: String(given.authorizerUri ?? ""),
    authorizerPayloadFormatVersion: String(given.authorizerPayloadFormatVersion ?? "1.0"),
    ...(given.enableSimpleResponses === undefined
      ? {}
      : { enableSimpleResponses: String(given.enableSimpleResponses) === "true" }),
    ...(Number.isInteger(seconds) && seconds >= 0 && seconds <= 3600 ? { authorizerResultTtlInSeconds: seconds } : {}),
    ...(typeof credentials === "string" ? { authorizerCredentialsArn: credentials } : {}),
  };
}

function integrationOf(root: Json, operation: Json): Partial<Omit<Integration, "integrationId">> | undefined {
  let given = objectOf(operation["x-amazon-apigateway-integration"]);
  const reference = /^#\/components\/x-amazon-apigateway-integrations\/(.+)$/.exec(String(given?.$ref))?.[1];
  if (reference !== undefined) {
    given = objectOf(objectOf(objectOf(root.components)?.["x-amazon-apigateway-integrations"])?.[reference]);
  }
  if (given === undefined) return undefined;
  const { type, uri, httpMethod, payloadFormatVersion, timeoutInMillis, connectionType, credentials } = given;
  const requestParameters = objectOf(given.requestParameters) as Integration["requestParameters"];
  const responseParameters = objectOf(given.responseParameters) as Integration["responseParameters"];
  const timeout = Number(timeoutInMillis);
  return {
    integrationType: String(type).toUpperCase() as Integration["integrationType"],
    ...(typeof uri === "string" ? { integrationUri: uri } : {}),
    ...(typeof httpMethod === "string"
      ? { integrationMethod: httpMethod === "x-amazon-apigateway-any-method" ? "ANY" : httpMethod }
      : {}),
    ...(payloadFormatVersion === undefined ? {} : { payloadFormatVersion: versionOf(payloadFormatVersion) }),
    ...(Number.isInteger(timeout) && timeout >= 50 ? { timeoutInMillis: timeout } : {}),
    ...(typeof connectionType === "string" ? { connectionType } : {}),
    ...(typeof credentials === "string" ? { credentialsArn: credentials } : {}),
    ...(requestParameters === undefined ? {} : { requestParameters }),
    ...(responseParameters === undefined ? {} : { responseParameters }),
  };
}

/** In YAML `2.0` without quotes is a number. */
const versionOf = (value: unknown): string => (typeof value === "number" ? value.toFixed(1) : String(value));

function authorizationOf(
  security: unknown,
  schemes: Json,
  ids: ReadonlyMap<string, string>,
  authorizers: Definition["authorizers"],
): Partial<Route> {
  for (const requirement of Array.isArray(security) ? security : []) {
    for (const [name, scopes] of Object.entries(objectOf(requirement) ?? {})) {
      if (objectOf(schemes[name])?.["x-amazon-apigateway-authtype"] === "awsSigv4")
        return { authorizationType: "AWS_IAM" };
      const authorizerId = ids.get(name);
      const authorizer = authorizerId === undefined ? undefined : authorizers[authorizerId];
      if (authorizerId === undefined || authorizer === undefined) continue;
      if (authorizer.authorizerType === "REQUEST") return { authorizationType: "CUSTOM", authorizerId };
      const authorizationScopes = texts(scopes);
      return {
        authorizationType: "JWT",
        authorizerId,
        ...(authorizationScopes.length === 0 ? {} : { authorizationScopes }),
      };
    }
  }
  return {};
}

const objectOf = (value: unknown): Json | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)];
