import type { NamedDocument, Scope } from "../../../registry/index.ts";
import type { Tags, Texts } from "../records.ts";

/** What a REST API is made of, under API Gateway's own names. Moments are seconds since the epoch. */
export interface RestSettings {
  readonly id: string;
  readonly name: string;
  readonly createdDate: number;
  readonly rootResourceId: string;
  readonly description?: string;
  readonly version?: string;
  readonly binaryMediaTypes?: readonly string[];
  readonly minimumCompressionSize?: number;
  readonly apiKeySource: "HEADER" | "AUTHORIZER";
  readonly endpointConfiguration: Readonly<Record<string, unknown>>;
  /** a resource policy, as JSON */
  readonly policy?: string;
  readonly tags?: Tags;
  readonly disableExecuteApiEndpoint: boolean;
}

export interface RestIntegration {
  readonly type: "HTTP" | "AWS" | "MOCK" | "HTTP_PROXY" | "AWS_PROXY";
  readonly httpMethod?: string;
  readonly uri?: string;
  readonly credentials?: string;
  readonly requestParameters?: Texts;
  readonly requestTemplates?: Texts;
  readonly passthroughBehavior: string;
  readonly contentHandling?: string;
  readonly timeoutInMillis: number;
  readonly cacheNamespace: string;
  readonly cacheKeyParameters: readonly string[];
  readonly integrationResponses?: Readonly<Record<string, IntegrationResponse>>;
}

export interface IntegrationResponse {
  readonly statusCode: string;
  readonly selectionPattern?: string;
  readonly responseParameters?: Texts;
  readonly responseTemplates?: Texts;
  readonly contentHandling?: string;
}

export interface RestMethod {
  readonly httpMethod: string;
  readonly authorizationType: string;
  readonly authorizerId?: string;
  readonly authorizationScopes?: readonly string[];
  readonly apiKeyRequired: boolean;
  readonly requestValidatorId?: string;
  readonly operationName?: string;
  /** `method.request.header.x`, and whether a request must have it */
  readonly requestParameters?: Readonly<Record<string, boolean>>;
  /** by content type, the model's name */
  readonly requestModels?: Texts;
  readonly methodResponses?: Readonly<Record<string, object>>;
  readonly methodIntegration?: RestIntegration;
}

export interface RestResource {
  readonly id: string;
  readonly parentId?: string;
  readonly pathPart?: string;
  readonly path: string;
  readonly resourceMethods?: Readonly<Record<string, RestMethod>>;
}

export interface RestAuthorizer {
  readonly id: string;
  readonly name: string;
  readonly type: "TOKEN" | "REQUEST" | "COGNITO_USER_POOLS" | "JWT";
  readonly providerARNs?: readonly string[];
  readonly authType?: string;
  readonly authorizerUri?: string;
  readonly authorizerCredentials?: string;
  /** `method.request.header.x`, `method.request.querystring.x` …, separated by commas */
  readonly identitySource?: string;
  readonly identityValidationExpression?: string;
  readonly authorizerResultTtlInSeconds?: number;
  readonly jwtConfiguration?: { readonly issuers?: readonly JwtIssuer[] };
}

export interface JwtIssuer {
  readonly issuer?: string;
  readonly issuerUrl?: string;
  readonly audience?: readonly string[];
}

export interface RestModel {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly schema?: string;
  readonly contentType: string;
}

export interface RequestValidator {
  readonly id: string;
  readonly name: string;
  readonly validateRequestBody: boolean;
  readonly validateRequestParameters: boolean;
}

export interface GatewayResponse {
  readonly responseType: string;
  readonly statusCode?: string;
  readonly responseParameters?: Texts;
  readonly responseTemplates?: Texts;
}

/** What a request is answered by; a deployment is a copy of it. */
export interface RestDefinition {
  readonly resources: Readonly<Record<string, RestResource>>;
  readonly authorizers: Readonly<Record<string, RestAuthorizer>>;
  readonly models: Readonly<Record<string, RestModel>>;
  readonly validators: Readonly<Record<string, RequestValidator>>;
  readonly gatewayResponses: Readonly<Record<string, GatewayResponse>>;
  /** the API's settings that count for requests: in a deployment only */
  readonly settings?: Pick<RestSettings, "binaryMediaTypes" | "apiKeySource" | "policy">;
}

export interface MethodSetting {
  readonly throttlingRateLimit?: number;
  readonly throttlingBurstLimit?: number;
  readonly [name: string]: unknown;
}

export interface RestStage {
  readonly stageName: string;
  readonly deploymentId: string;
  readonly description?: string;
  readonly variables?: Texts;
  /** by `~1pets/GET`, or `*` for either part */
  readonly methodSettings: Readonly<Record<string, MethodSetting>>;
  readonly createdDate: number;
  readonly lastUpdatedDate: number;
  readonly tags?: Tags;
  readonly [name: string]: unknown;
}

export interface RestDeployment {
  readonly id: string;
  readonly description?: string;
  readonly createdDate: number;
}

export interface RestApiRecord extends NamedDocument, Scope {
  /** `<region>/<api id>` */
  readonly name: string;
  readonly api: RestSettings;
  readonly live: RestDefinition;
  readonly stages: Readonly<Record<string, RestStage>>;
  readonly deployments: Readonly<Record<string, RestDeployment>>;
}

export interface ApiKey {
  readonly id: string;
  readonly value: string;
  readonly name?: string;
  readonly customerId?: string;
  readonly description?: string;
  readonly enabled: boolean;
  readonly createdDate: number;
  readonly lastUpdatedDate: number;
  readonly tags?: Tags;
}

export interface ApiKeyRecord extends NamedDocument, Scope {
  readonly key: ApiKey;
}

export interface UsagePlan {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly apiStages?: readonly PlannedStage[];
  readonly throttle?: Limits;
  readonly quota?: { readonly limit?: number; readonly offset?: number; readonly period?: "DAY" | "WEEK" | "MONTH" };
  readonly tags?: Tags;
}

export interface PlannedStage {
  readonly apiId: string;
  readonly stage: string;
  /** by `/pets/GET` */
  readonly throttle?: Readonly<Record<string, Limits>>;
}

export interface Limits {
  readonly burstLimit?: number;
  /** requests a second */
  readonly rateLimit?: number;
}

export interface UsagePlanRecord extends NamedDocument, Scope {
  readonly plan: UsagePlan;
  /** ids */
  readonly keys: readonly string[];
}

/** How much of a plan's quota a key has used, in the period that `since` (a day) began. */
export interface UsageRecord extends NamedDocument {
  readonly since: string;
  readonly used: number;
}
