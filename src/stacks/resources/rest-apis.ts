import { isMapping, type Mapping } from "../../templates/index.ts";
import { bodyOf, camel, input, standing } from "./api-documents.ts";
import {
  documentText,
  type Existing,
  encoded,
  type Handler,
  type Handlers,
  type Made,
  tagsOf,
  text,
  type Work,
  without,
} from "./handler.ts";
import { method, ofApi, patches, rest } from "./rest-api-parts.ts";

const restApiApart = ["Body", "BodyS3Location", "FailOnWarnings", "Mode", "Parameters", "Tags", "Policy", "CloneFrom"];

const restApi: Handler = {
  replaces: [],
  async create(work) {
    const { calls, properties } = work;
    const body = await bodyOf(work);
    const policy = properties.Policy === undefined ? {} : { policy: documentText(properties.Policy) };
    const name = properties.Name ?? (body === undefined ? work.name : undefined);
    let answer: Mapping;
    if (body === undefined) {
      answer = await calls.rest("apigateway", "POST", "/restapis", {
        name,
        ...input(properties, ...restApiApart),
        ...policy,
        tags: tagsOf(work),
      });
    } else {
      const sent = {
        service: "apigateway",
        method: "POST",
        path: "/restapis?mode=import",
        headers: { "content-type": "application/json" },
        body,
      };
      answer = JSON.parse((await calls.raw(sent)).body) as Mapping;
      work.exists({ physicalId: text(answer.id) });
      const changes = patches(
        {},
        without({ ...properties, Policy: policy.policy }, ...restApiApart.filter((each) => each !== "Policy")),
      ) as { patchOperations: unknown[] };
      if (changes.patchOperations.length > 0)
        await calls.rest("apigateway", "PATCH", `/restapis/${text(answer.id)}`, changes);
    }
    return restApiMade(work, text(answer.id), answer);
  },
  async update(work) {
    const { calls, properties, physicalId, before } = work;
    const body = await bodyOf(work);
    const path = `/restapis/${encoded(physicalId)}`;
    if (body !== undefined) {
      const mode = text(properties.Mode) || "overwrite";
      await calls.raw({
        service: "apigateway",
        method: "PUT",
        path: `${path}?mode=${mode}`,
        headers: { "content-type": "application/json" },
        body,
      });
    }
    const changes = patches(without(before, ...restApiApart), without(properties, ...restApiApart)) as {
      patchOperations: unknown[];
    };
    if (changes.patchOperations.length > 0) await calls.rest("apigateway", "PATCH", path, changes);
    return restApiMade(work, physicalId, await calls.rest("apigateway", "GET", path));
  },
  async delete({ calls, physicalId }) {
    await calls.rest("apigateway", "DELETE", `/restapis/${encoded(physicalId)}`);
  },
};

/** The resource `/`, which every API has, is GetAtt's. */
async function restApiMade({ calls }: Work, id: string, answer: Mapping): Promise<Made> {
  const root = answer.rootResourceId ?? (await rootOf(calls, id));
  return { physicalId: id, attributes: { RootResourceId: root, RestApiId: id } };
}

async function rootOf(calls: Work["calls"], id: string): Promise<unknown> {
  const { item, items } = await calls.rest("apigateway", "GET", `/restapis/${encoded(id)}/resources`);
  const all = [items ?? [], (isMapping(item) ? [item] : item) ?? []].flat().filter(isMapping);
  return all.find(({ path }) => path === "/")?.id;
}

/** The stage that a deployment made goes with it, unless a later one has taken it. */
async function ownStageGone({ calls, properties, physicalId }: Existing): Promise<void> {
  const { StageName } = properties;
  if (StageName === undefined) return;
  const stages = ofApi("/stages")(properties);
  const { item } = await calls.rest("apigateway", "GET", `${stages}?deploymentId=${encoded(physicalId)}`);
  const own = (Array.isArray(item) ? item : []).some((one) => isMapping(one) && one.stageName === StageName);
  if (own) await calls.rest("apigateway", "DELETE", `${stages}/${encoded(text(StageName))}`);
}

const stage = rest({
  path: ofApi("/stages"),
  id: "stageName",
  replaces: ["StageName"],
  apart: ["MethodSettings", "AccessLogSetting", "CanarySetting"],
  more: (work) => ({ tags: tagsOf(work) }),
});

const usagePlanKey: Handler = {
  replaces: "all",
  async create({ calls, properties }) {
    const { KeyId, KeyType, UsagePlanId } = properties;
    await calls.rest("apigateway", "POST", `/usageplans/${encoded(text(UsagePlanId))}/keys`, {
      keyId: KeyId,
      keyType: KeyType,
    });
    return { physicalId: `${text(KeyId)}:${text(UsagePlanId)}` };
  },
  async delete({ calls, properties }) {
    await calls.rest(
      "apigateway",
      "DELETE",
      `/usageplans/${encoded(text(properties.UsagePlanId))}/keys/${encoded(text(properties.KeyId))}`,
    );
  },
};

/** One role of the account writes all APIs' logs: nobody takes it here. */
const account: Handler = {
  replaces: [],
  async create({ name }) {
    return { physicalId: name, attributes: { Id: name } };
  },
  async delete() {},
};

/** REST APIs. */
export const restApiHandlers: Handlers = {
  "AWS::ApiGateway::RestApi": restApi,
  "AWS::ApiGateway::Resource": rest({
    path: ({ RestApiId, ParentId }) => `/restapis/${encoded(text(RestApiId))}/resources/${encoded(text(ParentId))}`,
    home: ofApi("/resources"),
    id: "id",
    replaces: ["ParentId"],
    apart: ["ParentId"],
    made: (id) => ({ ResourceId: id }),
  }),
  "AWS::ApiGateway::Method": method,
  "AWS::ApiGateway::Deployment": rest({
    path: ofApi("/deployments"),
    before: ownStageGone,
    id: "id",
    replaces: ["StageName"],
    apart: ["StageDescription", "DeploymentCanarySettings"],
    made: (id) => ({ DeploymentId: id }),
  }),
  "AWS::ApiGateway::Stage": stage,
  "AWS::ApiGateway::Model": rest({
    path: ofApi("/models"),
    id: "name",
    replaces: ["Name", "ContentType"],
    apart: ["Schema"],
    more: ({ properties }) => ({ schema: documentText(properties.Schema ?? {}) }),
  }),
  "AWS::ApiGateway::Authorizer": rest({
    path: ofApi("/authorizers"),
    id: "id",
    replaces: [],
    apart: [],
    made: (id) => ({ AuthorizerId: id }),
  }),
  "AWS::ApiGateway::RequestValidator": rest({
    path: ofApi("/requestvalidators"),
    id: "id",
    replaces: ["Name"],
    apart: [],
    made: (id) => ({ RequestValidatorId: id }),
  }),
  "AWS::ApiGateway::GatewayResponse": rest({
    path: ({ RestApiId, ResponseType }) =>
      `/restapis/${encoded(text(RestApiId))}/gatewayresponses/${encoded(text(ResponseType))}`,
    replaces: ["ResponseType"],
    apart: ["ResponseType"],
  }),
  "AWS::ApiGateway::ApiKey": rest({
    path: () => "/apikeys",
    id: "id",
    replaces: ["Value"],
    apart: ["StageKeys"],
    made: (id) => ({ APIKeyId: id }),
    more: (work) => ({ tags: tagsOf(work), ...without({ stageKeys: camel(work.properties.StageKeys) }) }),
  }),
  "AWS::ApiGateway::UsagePlan": rest({
    path: () => "/usageplans",
    id: "id",
    replaces: [],
    apart: ["UsagePlanName"],
    made: (id) => ({ Id: id }),
    more: (work) => ({ name: work.properties.UsagePlanName ?? work.name }),
  }),
  "AWS::ApiGateway::UsagePlanKey": usagePlanKey,
  "AWS::ApiGateway::DomainName": standing("/domainnames", "DomainName", [], (answer) =>
    without({ RegionalDomainName: answer.regionalDomainName, DistributionDomainName: answer.distributionDomainName }),
  ),
  "AWS::ApiGateway::Account": account,
};
