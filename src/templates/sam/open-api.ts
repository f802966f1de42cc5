// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${Name} is CloudFormation's own syntax
import { isMapping, type Mapping } from "../document.ts";
import { given, mappingOf, type Route, SamError } from "./context.ts";

const stackName = { Ref: "AWS::StackName" };
const invocationOf = (partition: string, target: string): Mapping => ({
  "Fn::Sub": `arn:${partition}:apigateway:$\{AWS::Region}:lambda:path/2015-03-31/functions/$\{${target}}/invocations`,
});

/** The description of a REST API whose routes are functions' events (Swagger 2.0). */
export function restBody(id: string, routes: readonly Route[], { Auth, Name }: Mapping): Mapping {
  const { DefaultAuthorizer, Authorizers, ApiKeyRequired } = mappingOf(Auth);
  const paths: Mapping = {};
  for (const route of routes) {
    const method = methodOf(paths, id, route);
    const authorizer = route.auth.Authorizer ?? DefaultAuthorizer;
    const key = route.auth.ApiKeyRequired ?? ApiKeyRequired;
    const security = [
      ...(authorizer === undefined || authorizer === "NONE" ? [] : [{ [String(authorizer)]: [] }]),
      ...(key === true ? [{ api_key: [] }] : []),
    ];
    Object.assign(method, {
      "x-amazon-apigateway-integration": {
        httpMethod: "POST",
        type: "aws_proxy",
        uri: invocationOf("aws", route.target),
      },
      ...(security.length === 0 ? {} : { security }),
      responses: {},
    });
  }
  const schemes = Object.fromEntries(
    Object.entries(mappingOf(Authorizers)).map(([name, authorizer]) => [name, restAuthorizer(mappingOf(authorizer))]),
  );
  return given({
    info: { version: "1.0", title: Name ?? stackName },
    paths,
    swagger: "2.0",
    securityDefinitions: Object.keys(schemes).length === 0 ? undefined : schemes,
  });
}

function restAuthorizer(settings: Mapping): Mapping {
  const { Identity, UserPoolArn, FunctionArn, FunctionPayloadType } = settings;
  const header = mappingOf(Identity).Header ?? "Authorization";
  const scheme = { type: "apiKey", name: header, in: "header" };
  if (UserPoolArn !== undefined) {
    return {
      ...scheme,
      "x-amazon-apigateway-authtype": "cognito_user_pools",
      "x-amazon-apigateway-authorizer": { type: "cognito_user_pools", providerARNs: [UserPoolArn].flat() },
    };
  }
  const request = FunctionPayloadType === "REQUEST";
  return {
    ...scheme,
    name: request ? "Unused" : header,
    "x-amazon-apigateway-authtype": "custom",
    "x-amazon-apigateway-authorizer": given({
      type: request ? "request" : "token",
      authorizerUri: authorizerUri(FunctionArn),
      authorizerResultTtlInSeconds: mappingOf(Identity).ReauthorizeEvery,
      identitySource: request ? identitySources(mappingOf(Identity)) : undefined,
    }),
  };
}

function identitySources(identity: Mapping): string | undefined {
  const of = (names: unknown, where: string) => [names ?? []].flat().map((name) => `method.request.${where}.${name}`);
  const sources = [...of(identity.Headers, "header"), ...of(identity.QueryStrings, "querystring")];
  return sources.length === 0 ? undefined : sources.join(", ");
}

const authorizerUri = (arn: unknown): Mapping => ({
  "Fn::Sub": [
    "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${__FunctionArn__}/invocations",
    { __FunctionArn__: arn },
  ],
});

/** The description of an HTTP API whose routes are functions' events (OpenAPI 3). */
export function httpBody(id: string, routes: readonly Route[], properties: Mapping): Mapping {
  const { DefaultAuthorizer, Authorizers } = mappingOf(properties.Auth);
  const paths: Mapping = {};
  for (const route of routes) {
    const method = methodOf(paths, id, route);
    const authorizer = route.auth.Authorizer ?? DefaultAuthorizer;
    const secured = authorizer !== undefined && authorizer !== "NONE";
    Object.assign(
      method,
      given({
        "x-amazon-apigateway-integration": given({
          httpMethod: "POST",
          type: "aws_proxy",
          uri: invocationOf("${AWS::Partition}", route.target),
          payloadFormatVersion: route.settings.PayloadFormatVersion ?? "2.0",
          timeoutInMillis: route.settings.TimeoutInMillis,
        }),
        isDefaultRoute: route.path === "$default" ? true : undefined,
        security: secured ? [{ [String(authorizer)]: route.auth.AuthorizationScopes ?? [] }] : undefined,
        responses: {},
      }),
    );
  }
  const schemes = Object.fromEntries(
    Object.entries(mappingOf(Authorizers)).map(([name, authorizer]) => [name, httpAuthorizer(mappingOf(authorizer))]),
  );
  const cors = properties.CorsConfiguration;
  return given({
    info: { version: "1.0", title: properties.Name ?? stackName },
    paths,
    "x-amazon-apigateway-cors": cors === undefined ? undefined : httpCors(cors),
    openapi: "3.0.1",
    components: Object.keys(schemes).length === 0 ? undefined : { securitySchemes: schemes },
    tags: [{ name: "httpapi:createdBy", "x-amazon-apigateway-tag-value": "SAM" }],
  });
}

function httpAuthorizer(settings: Mapping): Mapping {
  const { JwtConfiguration, IdentitySource, FunctionArn, AuthorizerPayloadFormatVersion } = settings;
  if (FunctionArn === undefined) {
    return {
      type: "oauth2",
      "x-amazon-apigateway-authorizer": {
        jwtConfiguration: JwtConfiguration,
        identitySource: IdentitySource,
        type: "jwt",
      },
    };
  }
  return {
    type: "apiKey",
    name: "Unused",
    in: "header",
    "x-amazon-apigateway-authorizer": given({
      type: "request",
      authorizerUri: authorizerUri(FunctionArn),
      authorizerPayloadFormatVersion: AuthorizerPayloadFormatVersion,
      enableSimpleResponses: settings.EnableSimpleResponses,
    }),
  };
}

function httpCors(cors: unknown): Mapping {
  if (cors === true) return { allowOrigins: ["*"] };
  return Object.fromEntries(
    Object.entries(mappingOf(cors)).map(([name, value]) => [name.charAt(0).toLowerCase() + name.slice(1), value]),
  );
}

/** The place of a route in a description; two events may not share one. */
function methodOf(paths: Mapping, id: string, { path, method, functionId, eventId }: Route): Mapping {
  const key = method === "any" || method === "*" ? "x-amazon-apigateway-any-method" : method;
  const methods = isMapping(paths[path]) ? paths[path] : {};
  paths[path] = methods;
  if (methods[key] !== undefined) {
    throw new SamError(
      functionId,
      `Event with id [${eventId.slice(functionId.length)}] is invalid. API method "${method}" defined multiple times for path "${path}" of ${id}.`,
    );
  }
  const made: Mapping = {};
  methods[key] = made;
  return made;
}

const everyMethod = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/** What answers preflight requests: no function. Source: AWS SAM Developer Guide, "CorsConfiguration". */
export function corsMethod(id: string, methods: readonly string[], cors: unknown): Mapping {
  const settings = isMapping(cors) && !("Ref" in cors) ? cors : { AllowOrigin: cors };
  if (settings.AllowOrigin === undefined) throw new SamError(id, "Invalid value for 'Cors' property.");
  const names = methods.includes("x-amazon-apigateway-any-method")
    ? everyMethod
    : [...methods.map((method) => method.toUpperCase()), "OPTIONS"].sort();
  const headers = given({
    "Access-Control-Allow-Headers": settings.AllowHeaders,
    "Access-Control-Allow-Origin": settings.AllowOrigin,
    "Access-Control-Allow-Methods": settings.AllowMethods ?? `'${names.join(",")}'`,
    "Access-Control-Allow-Credentials": settings.AllowCredentials === true ? "'true'" : undefined,
    "Access-Control-Max-Age": settings.MaxAge,
  });
  const parameters = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [`method.response.header.${name}`, value]),
  );
  return {
    "x-amazon-apigateway-integration": {
      type: "mock",
      requestTemplates: { "application/json": '{\n  "statusCode" : 200\n}\n' },
      responses: {
        default: {
          statusCode: "200",
          responseTemplates: { "application/json": "{}\n" },
          responseParameters: parameters,
        },
      },
    },
    consumes: ["application/json"],
    summary: "CORS support",
    responses: {
      "200": {
        headers: Object.fromEntries(Object.keys(headers).map((name) => [name, { type: "string" }])),
        description: "Default response for CORS method",
      },
    },
    produces: ["application/json"],
  };
}
