import { isMapping, type Mapping } from "../document.ts";
import {
  attributesOf,
  conditionOf,
  digestOf,
  given,
  mappingOf,
  objectOf,
  picked,
  type Route,
  type SamContext,
  SamError,
  type SamResource,
} from "./context.ts";
import { corsMethod, httpBody, restBody } from "./open-api.ts";
import { implicitHttp, implicitRest } from "./routes.ts";

const restSettings =
  "Name Description ApiKeySourceType BinaryMediaTypes MinimumCompressionSize DisableExecuteApiEndpoint FailOnWarnings Mode Policy".split(
    " ",
  );
const restStageSettings =
  "CacheClusterEnabled CacheClusterSize MethodSettings AccessLogSetting CanarySetting TracingEnabled Variables".split(
    " ",
  );

/** AWS::Serverless::Api: an API described by OpenAPI, a deployment that is named after it, a stage. */
export function transformRestApi(context: SamContext, { id, body, properties }: SamResource): void {
  const stage = id === implicitRest ? "Prod" : context.plain(properties.StageName);
  if (stage === undefined) throw new SamError(id, "Missing required property 'StageName'.");
  const routes = context.rest.get(id) ?? [];
  context.rest.delete(id);
  const description = definitionOf(id, properties, () => restBody(id, routes, properties));
  if (isMapping(description.Body) && properties.Cors !== undefined) addCors(id, description.Body, properties.Cors);
  const endpoint = properties.EndpointConfiguration;
  const { Type, VPCEndpointIds } = mappingOf(endpoint);
  const settings = given({
    ...picked(properties, restSettings),
    ...description,
    BinaryMediaTypes: undefined,
    EndpointConfiguration:
      endpoint === undefined ? undefined : given({ Types: [Type ?? endpoint], VpcEndpointIds: VPCEndpointIds }),
  });
  if (isMapping(settings.Body) && Array.isArray(properties.BinaryMediaTypes)) {
    settings.Body["x-amazon-apigateway-binary-media-types"] = properties.BinaryMediaTypes.map((type) =>
      typeof type === "string" ? type.replaceAll("~1", "/") : type,
    );
  }
  context.add(id, "AWS::ApiGateway::RestApi", settings, attributesOf(body));

  const digest = digestOf(description);
  const deployment = `${id}Deployment${digest.slice(0, 10)}`;
  const about = { Description: `RestApi deployment id: ${digest}`, RestApiId: { Ref: id }, StageName: "Stage" };
  context.add(deployment, "AWS::ApiGateway::Deployment", about, conditionOf(body));
  const stageId = typeof stage === "string" ? `${id}${stage.replace(/[^A-Za-z0-9]/g, "")}Stage` : `${id}Stage`;
  context.add(
    stageId,
    "AWS::ApiGateway::Stage",
    given({
      ...picked(properties, restStageSettings),
      DeploymentId: { Ref: deployment },
      RestApiId: { Ref: id },
      StageName: stage,
      Tags: properties.Tags === undefined ? undefined : tagsAsList(properties.Tags),
    }),
    conditionOf(body),
  );
  context.alias(id, "Stage", stageId);
  context.alias(id, "Deployment", deployment);
}

/** AWS::Serverless::HttpApi. */
export function transformHttpApi(context: SamContext, { id, body, properties }: SamResource): void {
  const routes = context.http.get(id) ?? [];
  context.http.delete(id);
  const description = definitionOf(id, properties, () => httpBody(id, routes, properties));
  const settings = given({
    ...picked(properties, ["Name", "Description", "DisableExecuteApiEndpoint", "FailOnWarnings"]),
    ...description,
  });
  context.add(id, "AWS::ApiGatewayV2::Api", settings, attributesOf(body));
  const stage = context.plain(properties.StageName) ?? "$default";
  const stageId =
    stage === "$default"
      ? `${id}ApiGatewayDefaultStage`
      : `${id}${typeof stage === "string" ? stage.replace(/[^A-Za-z0-9]/g, "") : ""}Stage`;
  context.add(
    stageId,
    "AWS::ApiGatewayV2::Stage",
    given({
      ApiId: { Ref: id },
      StageName: stage,
      Tags: { "httpapi:createdBy": "SAM", ...mappingOf(properties.Tags) },
      AutoDeploy: true,
      AccessLogSettings: properties.AccessLogSettings,
      DefaultRouteSettings: properties.DefaultRouteSettings,
      RouteSettings: properties.RouteSettings,
      StageVariables: properties.StageVariables,
    }),
    conditionOf(body),
  );
  context.alias(id, "Stage", stageId);
}

/** The description of an API: given, in S3, or made of the events of functions. */
function definitionOf(id: string, properties: Mapping, made: () => Mapping): Mapping {
  if (properties.DefinitionUri !== undefined) {
    const { Bucket, Key, Version } = objectOf(id, "DefinitionUri", properties.DefinitionUri, "");
    return { BodyS3Location: given({ Bucket, Key, Version }) };
  }
  return { Body: properties.DefinitionBody ?? made() };
}

function addCors(id: string, body: Mapping, cors: unknown): void {
  const paths = mappingOf(body.paths);
  for (const path of Object.values(paths)) {
    if (isMapping(path) && path.options === undefined) path.options = corsMethod(id, Object.keys(path), cors);
  }
}

/** The APIs that events ask for without naming one. */
export function implicitApis(context: SamContext, globals: Mapping): SamResource[] {
  const made: SamResource[] = [];
  const add = (id: string, apis: Map<string, Route[]>, settings: unknown) => {
    if (apis.has(id)) made.push({ id, body: {}, properties: mappingOf(settings) });
  };
  add(implicitRest, context.rest, globals.Api);
  add(implicitHttp, context.http, globals.HttpApi);
  return made;
}

const tagsAsList = (tags: unknown): unknown => Object.entries(mappingOf(tags)).map(([Key, Value]) => ({ Key, Value }));
