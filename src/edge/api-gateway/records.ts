import type { NamedDocument, Scope } from "../../registry/index.ts";

/** What an HTTP or WebSocket API is made of, under API Gateway's own names. Moments are ISO 8601 without fractions. */
export interface ApiSettings {
  readonly apiId: string;
  readonly name: string;
  readonly protocolType: "HTTP" | "WEBSOCKET";
  readonly routeSelectionExpression: string;
  readonly apiKeySelectionExpression: string;
  readonly createdDate: string;
  readonly corsConfiguration?: CorsConfiguration;
  readonly description?: string;
  readonly disableExecuteApiEndpoint?: boolean;
  readonly disableSchemaValidation?: boolean;
  readonly ipAddressType?: string;
  readonly version?: string;
  readonly importInfo?: readonly string[];
  readonly tags?: Tags;
}

export type Tags = Readonly<Record<string, string>>;
export type Texts = Readonly<Record<string, string>>;

export interface CorsConfiguration {
  readonly allowOrigins?: readonly string[];
  readonly allowMethods?: readonly string[];
  readonly allowHeaders?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  readonly allowCredentials?: boolean;
  readonly maxAge?: number;
}

export interface Route {
  readonly routeId: string;
  readonly routeKey: string;
  readonly authorizationType: "NONE" | "AWS_IAM" | "CUSTOM" | "JWT";
  readonly authorizationScopes?: readonly string[];
  readonly authorizerId?: string;
  readonly apiKeyRequired: boolean;
  readonly operationName?: string;
  readonly routeResponseSelectionExpression?: string;
  /** `integrations/<id>` */
  readonly target?: string;
  readonly apiGatewayManaged?: boolean;
  readonly requestParameters?: Readonly<Record<string, unknown>>;
}

export interface Integration {
  readonly integrationId: string;
  readonly integrationType: "AWS" | "AWS_PROXY" | "HTTP" | "HTTP_PROXY" | "MOCK";
  readonly integrationUri?: string;
  readonly integrationMethod?: string;
  readonly integrationSubtype?: string;
  readonly payloadFormatVersion?: string;
  readonly connectionType?: string;
  readonly credentialsArn?: string;
  readonly timeoutInMillis: number;
  readonly requestParameters?: Texts;
  readonly responseParameters?: Readonly<Record<string, Texts>>;
  readonly requestTemplates?: Texts;
  readonly templateSelectionExpression?: string;
  readonly apiGatewayManaged?: boolean;
}

export interface Authorizer {
  readonly authorizerId: string;
  readonly name: string;
  readonly authorizerType: "REQUEST" | "JWT";
  readonly authorizerUri?: string;
  readonly authorizerCredentialsArn?: string;
  readonly authorizerPayloadFormatVersion?: string;
  readonly authorizerResultTtlInSeconds?: number;
  readonly enableSimpleResponses?: boolean;
  readonly identitySource: readonly string[];
  readonly jwtConfiguration?: { readonly issuer?: string; readonly audience?: readonly string[] };
}

export interface RouteSettings {
  readonly throttlingBurstLimit?: number;
  readonly throttlingRateLimit?: number;
  readonly detailedMetricsEnabled?: boolean;
}

export interface Stage {
  readonly stageName: string;
  readonly autoDeploy?: boolean;
  readonly deploymentId?: string;
  readonly description?: string;
  readonly createdDate: string;
  readonly lastUpdatedDate: string;
  readonly defaultRouteSettings: RouteSettings;
  readonly routeSettings: Readonly<Record<string, RouteSettings>>;
  readonly stageVariables: Texts;
  readonly accessLogSettings?: object;
  readonly tags?: Tags;
  readonly apiGatewayManaged?: boolean;
}

export interface Deployment {
  readonly deploymentId: string;
  readonly autoDeployed: boolean;
  readonly createdDate: string;
  readonly deploymentStatus: "DEPLOYED";
  readonly description?: string;
}

/** A response of a route or an integration (WebSocket), or a model: kept and shown, under its own names. */
export type Part = Readonly<Record<string, unknown>>;

/** What a request is answered by; a deployment is a copy of it. */
export interface Definition {
  readonly routes: Readonly<Record<string, Route>>;
  readonly integrations: Readonly<Record<string, Integration>>;
  readonly authorizers: Readonly<Record<string, Authorizer>>;
}

export interface ApiRecord extends NamedDocument, Scope {
  /** `<region>/<api id>` */
  readonly name: string;
  readonly api: ApiSettings;
  readonly live: Definition;
  readonly stages: Readonly<Record<string, Stage>>;
  readonly deployments: Readonly<Record<string, Deployment>>;
  readonly models: Readonly<Record<string, Part>>;
  /** by route or integration, then by their own ids */
  readonly responses: Readonly<Record<string, Readonly<Record<string, Part>>>>;
}

/** A domain of one's own, by its name in lower case; nothing is asked of any DNS. */
export interface DomainRecord extends NamedDocument, Scope {
  readonly domain: Readonly<Record<string, unknown>>;
  readonly tags: Tags;
  readonly mappings: Readonly<Record<string, ApiMapping>>;
}

export interface ApiMapping {
  readonly apiMappingId: string;
  readonly apiId: string;
  readonly stage: string;
  /** path that stands before the API's own; empty: none */
  readonly apiMappingKey: string;
}
