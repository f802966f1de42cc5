import type {
  MethodSetting,
  RestApiRecord,
  RestDefinition,
  RestDeployment,
  RestStage,
} from "../../api-gateway/rest/records.ts";
import {
  apiOf,
  bad,
  conflict,
  given,
  type InApi,
  newId,
  oneOf,
  type Paged,
  type Patches,
  type PatchOperation,
  page,
  type RestCall,
  type RestContext,
  seconds,
  stageOf,
  without,
} from "./context.ts";
import { patched, pathOf, unsupported } from "./patch.ts";

type InStage = InApi & { readonly stageName: string };
type InDeployment = InApi & { readonly deploymentId: string };
type StageInput = InStage & Partial<RestStage> & { readonly deploymentId: string };
type DeploymentInput = InApi & {
  readonly stageName?: string;
  readonly stageDescription?: string;
  readonly description?: string;
  readonly variables?: Readonly<Record<string, string>>;
  readonly tracingEnabled?: boolean;
};

export function createDeployment(context: RestContext, { input, scope }: RestCall<DeploymentInput>) {
  const record = apiOf(context, scope, input);
  checkDeployable(record.live);
  const { stageName, stageDescription, description, variables, tracingEnabled } = input;
  const id = newId(6);
  const deployment: RestDeployment = {
    id,
    ...(description === undefined ? {} : { description }),
    createdDate: seconds(context),
  };
  let changed: RestApiRecord = { ...record, deployments: { ...record.deployments, [id]: deployment } };
  if (stageName !== undefined && stageName !== "") {
    const old = Object.hasOwn(record.stages, stageName) ? record.stages[stageName] : undefined;
    const stage = {
      ...(old ?? newStage(context, stageName, id)),
      deploymentId: id,
      lastUpdatedDate: seconds(context),
      ...(stageDescription === undefined ? {} : { description: stageDescription }),
      ...(variables === undefined ? {} : { variables: { ...old?.variables, ...checkedVariables(variables) } }),
      ...(tracingEnabled === undefined ? {} : { tracingEnabled }),
    };
    changed = { ...changed, stages: { ...changed.stages, [stageName]: stage } };
  }
  const { binaryMediaTypes = [], apiKeySource, policy } = record.api;
  const settings = { binaryMediaTypes, apiKeySource, ...(policy === undefined ? {} : { policy }) };
  context.rest.deploy(record, id, { ...record.live, settings });
  context.rest.put(changed);
  if (stageName !== undefined) context.forgetAuthorizations(record.api.id, stageName);
  return deployment;
}

/** Throws BadRequestException. */
function checkDeployable({ resources }: RestDefinition): void {
  const methods = Object.values(resources).flatMap(({ resourceMethods = {} }) => Object.values(resourceMethods));
  if (methods.length === 0) throw bad("The REST API doesn't contain any methods");
  if (methods.some(({ methodIntegration }) => methodIntegration === undefined)) {
    throw bad("No integration defined for method");
  }
}

export function getDeployment(context: RestContext, { input, scope }: RestCall<InDeployment>) {
  return oneOf(apiOf(context, scope, input).deployments, input.deploymentId, "Deployment");
}

export function getDeployments(context: RestContext, { input, scope }: RestCall<InApi & Paged>) {
  return page(Object.values(apiOf(context, scope, input).deployments), input);
}

export function updateDeployment(context: RestContext, { input, scope }: RestCall<InDeployment & Patches>) {
  const record = apiOf(context, scope, input);
  const old = oneOf(record.deployments, input.deploymentId, "Deployment");
  const changed = patched("Deployment", old, input, ["id", "createdDate", "apiSummary"]);
  context.rest.put({ ...record, deployments: { ...record.deployments, [old.id]: changed } });
  return changed;
}

export function deleteDeployment(context: RestContext, { input, scope }: RestCall<InDeployment>): undefined {
  const record = apiOf(context, scope, input);
  oneOf(record.deployments, input.deploymentId, "Deployment");
  if (Object.values(record.stages).some(({ deploymentId }) => deploymentId === input.deploymentId)) {
    throw bad("Active stages pointing to this deployment must be moved or deleted");
  }
  context.rest.put({ ...record, deployments: without(record.deployments, input.deploymentId) });
  context.rest.undeploy(record, input.deploymentId);
  return undefined;
}

export function createStage(context: RestContext, { input, scope }: RestCall<StageInput>) {
  const record = apiOf(context, scope, input);
  const { stageName, deploymentId, variables = {} } = input;
  oneOf(record.deployments, deploymentId, "Deployment");
  if (Object.hasOwn(record.stages, stageName)) throw conflict("Stage already exists");
  const settings = given(input, "restApiId", "methodSettings") as Partial<RestStage>;
  const stage: RestStage = {
    ...newStage(context, stageName, deploymentId),
    ...settings,
    variables: checkedVariables(variables),
  };
  context.rest.put({ ...record, stages: { ...record.stages, [stageName]: stage } });
  return stage;
}

function newStage(context: RestContext, stageName: string, deploymentId: string): RestStage {
  if (!/^\w{1,128}$/.test(stageName.replaceAll("-", "_"))) {
    throw bad("Stage name only allows a-zA-Z0-9_");
  }
  const now = seconds(context);
  return {
    stageName,
    deploymentId,
    cacheClusterEnabled: false,
    cacheClusterStatus: "NOT_AVAILABLE",
    methodSettings: {},
    tracingEnabled: false,
    createdDate: now,
    lastUpdatedDate: now,
  };
}

/** Throws BadRequestException. Source: API Gateway Developer Guide, "Stage variables". */
function checkedVariables(variables: Readonly<Record<string, string>>) {
  for (const [name, value] of Object.entries(variables)) {
    if (!/^\w+$/.test(name) || !/^[\w\-._~:/?#&=,[\]@!$'()*+;% ]*$/.test(value)) {
      throw bad(
        `Stage variable '${name}' has an invalid name or value: only alphanumeric characters, and in values -._~:/?#&=,`,
      );
    }
  }
  return variables;
}

export function getStage(context: RestContext, { input, scope }: RestCall<InStage>) {
  return stageOf(apiOf(context, scope, input), input.stageName);
}

export function getStages(
  context: RestContext,
  { input, scope }: RestCall<InApi & { readonly deploymentId?: string }>,
) {
  const stages = Object.values(apiOf(context, scope, input).stages);
  const { deploymentId } = input;
  return { item: deploymentId === undefined ? stages : stages.filter((stage) => stage.deploymentId === deploymentId) };
}

export function updateStage(context: RestContext, { input, scope }: RestCall<InStage & Patches>) {
  const record = apiOf(context, scope, input);
  const old = stageOf(record, input.stageName);
  const ofMethods = (operation: PatchOperation) => pathOf(operation).length >= 2 && isMethodSetting(operation);
  const operations = input.patchOperations ?? [];
  const fixed = ["stageName", "createdDate", "lastUpdatedDate", "methodSettings", "cacheClusterStatus", "tags"];
  const patchOperations = operations.filter((operation) => !ofMethods(operation));
  let stage: RestStage = patched("Stage", old, { patchOperations }, fixed);
  for (const operation of operations.filter(ofMethods)) {
    stage = { ...stage, methodSettings: changedSettings(stage.methodSettings, operation) };
  }
  checkedVariables(stage.variables ?? {});
  oneOf(record.deployments, stage.deploymentId ?? "", "Deployment");
  stage = { ...stage, lastUpdatedDate: seconds(context) };
  context.rest.put({ ...record, stages: { ...record.stages, [stage.stageName]: stage } });
  if (stage.deploymentId !== old.deploymentId) context.forgetAuthorizations(record.api.id, stage.stageName);
  return stage;
}

export function deleteStage(context: RestContext, { input, scope }: RestCall<InStage>): undefined {
  const record = apiOf(context, scope, input);
  stageOf(record, input.stageName);
  context.rest.put({ ...record, stages: without(record.stages, input.stageName) });
  context.forgetAuthorizations(record.api.id, input.stageName);
  return undefined;
}

export function flushStageAuthorizersCache(context: RestContext, { input, scope }: RestCall<InStage>): undefined {
  const record = apiOf(context, scope, input);
  context.forgetAuthorizations(record.api.id, stageOf(record, input.stageName).stageName);
  return undefined;
}

export function flushStageCache(context: RestContext, { input, scope }: RestCall<InStage>): undefined {
  stageOf(apiOf(context, scope, input), input.stageName);
  return undefined;
}

/** Settings of methods, by the path that patches have for each behind `/{resource}/{method}`. */
const settings: Readonly<Record<string, { readonly name: string; readonly type: "boolean" | "number" | "text" }>> = {
  "metrics/enabled": { name: "metricsEnabled", type: "boolean" },
  "logging/loglevel": { name: "loggingLevel", type: "text" },
  "logging/dataTrace": { name: "dataTraceEnabled", type: "boolean" },
  "throttling/burstLimit": { name: "throttlingBurstLimit", type: "number" },
  "throttling/rateLimit": { name: "throttlingRateLimit", type: "number" },
  "caching/enabled": { name: "cachingEnabled", type: "boolean" },
  "caching/ttlInSeconds": { name: "cacheTtlInSeconds", type: "number" },
  "caching/dataEncrypted": { name: "cacheDataEncrypted", type: "boolean" },
  "caching/requireAuthorizationForCacheControl": { name: "requireAuthorizationForCacheControl", type: "boolean" },
  "caching/unauthorizedCacheControlHeaderStrategy": { name: "unauthorizedCacheControlHeaderStrategy", type: "text" },
};

const settingPath = /^\/(\*|~1[^/]*)\/(\*|[A-Z]+)(?:\/([a-z]+\/[a-zA-Z]+))?$/;

const isMethodSetting = ({ path = "" }: PatchOperation): boolean => settingPath.test(path);

function changedSettings(table: RestStage["methodSettings"], operation: PatchOperation): RestStage["methodSettings"] {
  const { op, path = "", value = "" } = operation;
  const [, resource = "", method = "", name] = settingPath.exec(path) ?? [];
  const key = `${resource}/${method}`;
  if (op === "remove" && name === undefined) return without(table, key);
  const setting = Object.hasOwn(settings, name ?? "") ? settings[name ?? ""] : undefined;
  if (setting === undefined) throw unsupported(operation);
  const old: MethodSetting = (Object.hasOwn(table, key) ? table[key] : undefined) ?? noSettings;
  if (op === "remove") return { ...table, [key]: { ...old, [setting.name]: noSettings[setting.name] } };
  if (op !== "replace" && op !== "add") throw unsupported(operation);
  const typed = setting.type === "boolean" ? value === "true" : setting.type === "number" ? Number(value) : value;
  if (Number.isNaN(typed)) throw bad(`Invalid patch value '${value}' specified for path '${path}'`);
  // -1 takes a limit away.
  const kept = typed === -1 ? undefined : typed;
  return { ...table, [key]: { ...old, [setting.name]: kept } };
}

/** As a method's settings begin. */
const noSettings: MethodSetting = {
  metricsEnabled: false,
  loggingLevel: "OFF",
  dataTraceEnabled: false,
  cachingEnabled: false,
  cacheTtlInSeconds: 300,
  cacheDataEncrypted: false,
  requireAuthorizationForCacheControl: true,
  unauthorizedCacheControlHeaderStrategy: "SUCCEED_WITH_RESPONSE_HEADER",
};
