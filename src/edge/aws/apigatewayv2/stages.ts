import type { ApiRecord, Deployment, RouteSettings, Stage } from "../../api-gateway/records.ts";
import {
  apiOf,
  autoDeployment,
  bad,
  conflict,
  type GatewayCall,
  type GatewayContext,
  given,
  type InApi,
  moment,
  newId,
  oneOf,
  type Paged,
  page,
  refusal,
  without,
} from "./context.ts";

type StageInput = Partial<Omit<Stage, "createdDate" | "lastUpdatedDate">>;
type InStage = InApi & { readonly stageName: string };
type InDeployment = InApi & { readonly deploymentId: string };

export function createStage(context: GatewayContext, { input, scope }: GatewayCall<InStage & StageInput>) {
  const record = apiOf(context, scope, input.apiId);
  const stageName = checkedName(record, input.stageName);
  if (Object.hasOwn(record.stages, stageName)) throw conflict("Stage already exists");
  const now = moment(context.clock());
  const stage: Stage = {
    ...given(input, "apiId"),
    stageName,
    createdDate: now,
    lastUpdatedDate: now,
    defaultRouteSettings: { detailedMetricsEnabled: false, ...input.defaultRouteSettings },
    routeSettings: input.routeSettings ?? {},
    stageVariables: input.stageVariables ?? {},
  };
  return putStage(context, record, stage);
}

export function getStage(context: GatewayContext, { input, scope }: GatewayCall<InStage>) {
  return stageView(oneOf(apiOf(context, scope, input.apiId).stages, input.stageName, "stage"));
}

export function getStages(context: GatewayContext, { input, scope }: GatewayCall<InApi & Paged>) {
  return page(Object.values(apiOf(context, scope, input.apiId).stages).map(stageView), input);
}

export function updateStage(context: GatewayContext, { input, scope }: GatewayCall<InStage & StageInput>) {
  const record = apiOf(context, scope, input.apiId);
  const old = oneOf(record.stages, input.stageName, "stage");
  const stage: Stage = {
    ...old,
    ...given(input, "apiId", "stageName", "tags"),
    defaultRouteSettings: { ...old.defaultRouteSettings, ...input.defaultRouteSettings },
    routeSettings: { ...old.routeSettings, ...input.routeSettings },
    stageVariables: changedTexts(old.stageVariables, input.stageVariables),
    lastUpdatedDate: moment(context.clock()),
  };
  const isFixed = old.autoDeploy === true && stage.autoDeploy !== true;
  // Who no longer deploys by itself stays what it is now.
  if (isFixed && stage.deploymentId !== undefined) context.apis.deploy(record, stage.deploymentId, record.live);
  return putStage(context, record, stage);
}

export function deleteStage(context: GatewayContext, { input, scope }: GatewayCall<InStage>): undefined {
  const record = apiOf(context, scope, input.apiId);
  const { autoDeploy, deploymentId = "" } = oneOf(record.stages, input.stageName, "stage");
  const deployments = autoDeploy === true ? without(record.deployments, deploymentId) : record.deployments;
  context.apis.put({ ...record, deployments, stages: without(record.stages, input.stageName) });
  return undefined;
}

export function deleteRouteSettings(
  context: GatewayContext,
  { input, scope }: GatewayCall<InStage & { readonly routeKey: string }>,
): undefined {
  const record = apiOf(context, scope, input.apiId);
  const stage = oneOf(record.stages, input.stageName, "stage");
  oneOf<RouteSettings>(stage.routeSettings, input.routeKey, "route settings");
  putStage(context, record, { ...stage, routeSettings: without(stage.routeSettings, input.routeKey) });
  return undefined;
}

export function deleteAccessLogSettings(context: GatewayContext, { input, scope }: GatewayCall<InStage>): undefined {
  const record = apiOf(context, scope, input.apiId);
  putStage(context, record, given(oneOf(record.stages, input.stageName, "stage"), "accessLogSettings"));
  return undefined;
}

export function resetAuthorizersCache(context: GatewayContext, { input, scope }: GatewayCall<InStage>): undefined {
  oneOf(apiOf(context, scope, input.apiId).stages, input.stageName, "stage");
  context.forgetAuthorizations(input.apiId, input.stageName);
  return undefined;
}

export function createDeployment(
  context: GatewayContext,
  { input, scope }: GatewayCall<InApi & { readonly description?: string; readonly stageName?: string }>,
) {
  const record = apiOf(context, scope, input.apiId);
  if (Object.keys(record.live.routes).length === 0)
    throw bad("At least one route is required before deploying the Api.");
  const stage = input.stageName === undefined ? undefined : oneOf(record.stages, input.stageName, "stage");
  if (stage?.autoDeploy === true) throw bad("A deployment cannot be made for a stage that deploys automatically");
  const deployment: Deployment = {
    deploymentId: newId(6),
    autoDeployed: false,
    createdDate: moment(context.clock()),
    deploymentStatus: "DEPLOYED",
    ...(input.description === undefined ? {} : { description: input.description }),
  };
  const { deploymentId } = deployment;
  context.apis.deploy(record, deploymentId, record.live);
  context.apis.put({
    ...record,
    deployments: { ...record.deployments, [deploymentId]: deployment },
    stages: stage === undefined ? record.stages : { ...record.stages, [stage.stageName]: { ...stage, deploymentId } },
  });
  return deployment;
}

export function getDeployment(context: GatewayContext, { input, scope }: GatewayCall<InDeployment>) {
  return oneOf(apiOf(context, scope, input.apiId).deployments, input.deploymentId, "Deployment");
}

export function getDeployments(context: GatewayContext, { input, scope }: GatewayCall<InApi & Paged>) {
  return page(Object.values(apiOf(context, scope, input.apiId).deployments), input);
}

export function updateDeployment(
  context: GatewayContext,
  { input, scope }: GatewayCall<InDeployment & { readonly description?: string }>,
) {
  const record = apiOf(context, scope, input.apiId);
  const old = oneOf(record.deployments, input.deploymentId, "Deployment");
  const changed = input.description === undefined ? old : { ...old, description: input.description };
  context.apis.put({ ...record, deployments: { ...record.deployments, [input.deploymentId]: changed } });
  return changed;
}

export function deleteDeployment(context: GatewayContext, { input, scope }: GatewayCall<InDeployment>): undefined {
  const record = apiOf(context, scope, input.apiId);
  oneOf(record.deployments, input.deploymentId, "Deployment");
  if (Object.values(record.stages).some(({ deploymentId }) => deploymentId === input.deploymentId)) {
    throw bad("Active stages with this deployment must be moved or deleted");
  }
  context.apis.undeploy(record, input.deploymentId);
  context.apis.put({ ...record, deployments: without(record.deployments, input.deploymentId) });
  return undefined;
}

function putStage(context: GatewayContext, record: ApiRecord, given: Stage) {
  let stage = given;
  let { deployments } = record;
  for (const key of Object.keys(stage.routeSettings)) {
    if (!Object.values(record.live.routes).some(({ routeKey }) => routeKey === key)) {
      throw refusal("NotFoundException", `Unable to find Route by key ${key} within the provided RouteSettings`);
    }
  }
  if (stage.autoDeploy === true) {
    if (record.stages[stage.stageName]?.autoDeploy !== true) {
      const { deploymentId, deployment } = autoDeployment(context, stage);
      stage = { ...stage, deploymentId };
      deployments = { ...deployments, [deploymentId]: deployment };
    }
  } else if (stage.deploymentId !== undefined && !Object.hasOwn(deployments, stage.deploymentId)) {
    throw refusal("NotFoundException", "Invalid Deployment identifier specified");
  }
  context.apis.put({ ...record, deployments, stages: { ...record.stages, [stage.stageName]: stage } });
  return stageView(stage);
}

const stageView = (stage: Stage) => ({ ...stage, tags: stage.tags ?? {} });

function checkedName({ api }: ApiRecord, name: string): string {
  if (name === "$default" && api.protocolType === "HTTP") return name;
  if (/^[A-Za-z0-9_-]{1,128}$/.test(name)) return name;
  throw bad("Stage name should only contain alphanumeric characters, hyphens, and underscores");
}

/** A variable that is set to nothing is taken away. */
function changedTexts(old: Stage["stageVariables"], given: Stage["stageVariables"] = {}): Stage["stageVariables"] {
  return Object.fromEntries(Object.entries({ ...old, ...given }).filter(([, value]) => value !== ""));
}
