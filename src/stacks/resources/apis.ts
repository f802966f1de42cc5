import { isMapping, type Mapping } from "../../templates/index.ts";
import {
  type Changing,
  documentText,
  type Existing,
  encoded,
  gone,
  type Handler,
  type Handlers,
  type Made,
  tagsOf,
  text,
  type Work,
  without,
} from "./handler.ts";

/** Members whose keys are the customer's, not the API's. */
const foreign = new Set([
  "RequestParameters",
  "RequestTemplates",
  "ResponseParameters",
  "ResponseTemplates",
  "RequestModels",
  "ResponseModels",
  "StageVariables",
  "Variables",
  "Tags",
  "RouteSettings",
  "TemplateSelectionExpression",
  "Parameters",
]);

/** API Gateway's members are CloudFormation's with a small first letter. */
function camel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camel);
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [lower(key), foreign.has(key) ? each : camel(each)]),
  );
}
const lower = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
const input = (properties: Mapping, ...apart: string[]): Mapping => camel(without(properties, ...apart)) as Mapping;

/** A resource of HTTP and WebSocket APIs: one path to all of its kind, one to each. */
function v2(options: {
  /** below the API */
  readonly collection: string;
  readonly id: string;
  readonly replaces: readonly string[];
  /** members that creation or update take of neither kind */
  readonly apart?: readonly string[];
  made?(work: Work, id: string, answer: Mapping): Made;
}): Handler {
  const { collection, id: idName, apart = [] } = options;
  const all = ({ properties }: Work): string => `/v2/apis/${encoded(text(properties.ApiId))}/${collection}`;
  const made = (work: Work, id: string, answer: Mapping): Made =>
    options.made?.(work, id, answer) ?? {
      physicalId: id,
      attributes: { [`${idName.charAt(0).toUpperCase()}${idName.slice(1)}`]: id },
    };
  const idOf = ({ physicalId }: Existing): string => physicalId.split("|").at(-1)!;
  return {
    replaces: ["ApiId", ...options.replaces],
    async create(work) {
      const tags = "Tags" in work.properties ? { tags: tagsOf(work) } : {};
      const answer = await work.calls.rest("apigateway", "POST", all(work), {
        ...input(work.properties, "ApiId", "Tags", ...apart),
        ...tags,
      });
      return made(work, text(answer[idName]), answer);
    },
    async update(work) {
      const had = input(work.before, "ApiId", "Tags", ...apart);
      const wished = input(work.properties, "ApiId", "Tags", ...apart);
      const reset = Object.fromEntries(
        gone(had, wished).map((name) => [name, typeof had[name] === "string" ? "" : emptyOf(had[name])]),
      );
      const answer = await work.calls.rest("apigateway", "PATCH", `${all(work)}/${encoded(idOf(work))}`, {
        ...reset,
        ...wished,
      });
      return made(work, idOf(work), answer);
    },
    async delete(work) {
      await work.calls.rest("apigateway", "DELETE", `${all(work)}/${encoded(idOf(work))}`);
    },
  };
}

const emptyOf = (value: unknown): unknown => (Array.isArray(value) ? [] : isMapping(value) ? {} : undefined);

/** A description: in the template, or an object in S3. */
async function bodyOf({ properties, calls }: Work): Promise<string | undefined> {
  const { Body, BodyS3Location } = properties;
  if (Body !== undefined) return documentText(Body);
  if (!isMapping(BodyS3Location)) return undefined;
  const { Bucket, Key, Version } = BodyS3Location;
  const key = text(Key).split("/").map(encoded).join("/");
  const version = Version === undefined ? "" : `?versionId=${encoded(text(Version))}`;
  return (await calls.raw({ service: "s3", method: "GET", path: `/${text(Bucket)}/${key}${version}` })).body;
}

const apiMade = (answer: Mapping): Made => ({
  physicalId: text(answer.apiId),
  attributes: { ApiId: answer.apiId, ApiEndpoint: answer.apiEndpoint },
});
const apiApart = ["Body", "BodyS3Location", "BasePath", "FailOnWarnings", "Tags", "Version"];

const api: Handler = {
  replaces: ["ProtocolType"],
  async create(work) {
    const { calls, properties } = work;
    const body = await bodyOf(work);
    const tags = tagsOf(work);
    if (body === undefined)
      return apiMade(await calls.rest("apigateway", "POST", "/v2/apis", { ...input(properties, ...apiApart), tags }));
    const answer = await calls.rest("apigateway", "PUT", `/v2/apis${failing(properties)}`, { body });
    work.exists(apiMade(answer));
    const more = input(properties, ...apiApart, "ProtocolType");
    if (Object.keys(more).length > 0) await calls.rest("apigateway", "PATCH", `/v2/apis/${text(answer.apiId)}`, more);
    if (Object.keys(tags).length > 0) {
      const arn = `arn:aws:apigateway:${work.stack.region}::/apis/${text(answer.apiId)}`;
      await calls.rest("apigateway", "POST", `/v2/tags/${encoded(arn)}`, { tags });
    }
    return apiMade(answer);
  },
  async update(work: Changing) {
    const { calls, properties, physicalId } = work;
    const body = await bodyOf(work);
    const path = `/v2/apis/${encoded(physicalId)}`;
    if (body !== undefined) await calls.rest("apigateway", "PUT", `${path}${failing(properties)}`, { body });
    const more = input(properties, ...apiApart, "ProtocolType", "RouteKey", "Target", "CredentialsArn");
    if ("CorsConfiguration" in work.before && !("CorsConfiguration" in properties) && body === undefined) {
      await calls.rest("apigateway", "DELETE", `${path}/cors`);
    }
    return apiMade(
      Object.keys(more).length > 0
        ? await calls.rest("apigateway", "PATCH", path, more)
        : await calls.rest("apigateway", "GET", path),
    );
  },
  async delete({ calls, physicalId }) {
    await calls.rest("apigateway", "DELETE", `/v2/apis/${encoded(physicalId)}`);
  },
};

const failing = ({ FailOnWarnings }: Mapping): string => (FailOnWarnings === true ? "?failOnWarnings=true" : "");

/** A resource that stands at the top: of it only creation, change and end. */
function standing(
  collection: string,
  property: string,
  replaces: readonly string[],
  attributes: (answer: Mapping) => Mapping,
): Handler {
  const path = (id: string): string => `${collection}/${encoded(id)}`;
  return {
    replaces: [property, ...replaces],
    async create(work) {
      const answer = await work.calls.rest("apigateway", "POST", collection, {
        ...input(work.properties, "Tags"),
        tags: tagsOf(work),
      });
      return { physicalId: text(answer[lower(property)] ?? work.properties[property]), attributes: attributes(answer) };
    },
    async update(work) {
      const answer = await work.calls.rest(
        "apigateway",
        "PATCH",
        path(work.physicalId),
        input(work.properties, "Tags", property),
      );
      return { attributes: attributes(answer) };
    },
    async delete({ calls, physicalId }) {
      await calls.rest("apigateway", "DELETE", path(physicalId));
    },
  };
}

const apiMapping: Handler = {
  replaces: ["DomainName"],
  async create({ calls, properties }) {
    const path = `/v2/domainnames/${encoded(text(properties.DomainName))}/apimappings`;
    const { apiMappingId } = await calls.rest("apigateway", "POST", path, input(properties, "DomainName"));
    return { physicalId: text(apiMappingId), attributes: { ApiMappingId: apiMappingId } };
  },
  async update({ calls, properties, physicalId }) {
    const path = `/v2/domainnames/${encoded(text(properties.DomainName))}/apimappings/${encoded(physicalId)}`;
    await calls.rest("apigateway", "PATCH", path, input(properties, "DomainName"));
    return {};
  },
  async delete({ calls, properties, physicalId }) {
    const path = `/v2/domainnames/${encoded(text(properties.DomainName))}/apimappings/${encoded(physicalId)}`;
    await calls.rest("apigateway", "DELETE", path);
  },
};

const regionalDomain = (answer: Mapping): Mapping => {
  const [first] = Array.isArray(answer.domainNameConfigurations) ? answer.domainNameConfigurations : [];
  const { apiGatewayDomainName, hostedZoneId } = isMapping(first) ? first : {};
  return without({ RegionalDomainName: apiGatewayDomainName, RegionalHostedZoneId: hostedZoneId });
};

/** Patches of REST APIs: a member each. Source: API Gateway API Reference, "PatchOperation". */
function patches(before: Mapping, after: Mapping): object {
  const scalar = (value: unknown): boolean => typeof value !== "object" || value === null;
  const named = (name: string, map: Mapping): [string, unknown][] =>
    Object.entries(map).map(([key, value]) => [`/${name}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, value]);
  const flat = (from: Mapping): Mapping =>
    Object.fromEntries(
      Object.entries(from).flatMap(([name, value]): [string, unknown][] =>
        scalar(value) ? [[`/${lower(name)}`, value]] : isMapping(value) ? named(lower(name), value) : [],
      ),
    );
  const [had, wished] = [flat(before), flat(after)];
  const replaced = Object.entries(wished).filter(([path, value]) => had[path] !== value);
  return {
    patchOperations: [
      ...replaced.map(([path, value]) => ({ op: "replace", path, value: text(value) })),
      ...gone(had, wished).map((path) => ({ op: "remove", path })),
    ],
  };
}

/** A resource of REST APIs. */
function rest(options: {
  path(properties: Mapping): string;
  /** where it is, where that is not below what made it */
  readonly home?: (properties: Mapping) => string;
  /** what has to go before it */
  before?(work: Existing): Promise<void>;
  /** the member of the answer that names it; a PUT names it itself */
  readonly id?: string;
  readonly named?: (work: Work) => string;
  readonly replaces: readonly string[];
  readonly apart: readonly string[];
  made?(id: string, answer: Mapping): Mapping;
  more?(work: Work): Mapping;
}): Handler {
  const { id, named } = options;
  const own = (work: Existing): string =>
    id === undefined
      ? options.path(work.properties)
      : `${(options.home ?? options.path)(work.properties)}/${encoded(work.physicalId)}`;
  return {
    replaces: ["RestApiId", ...options.replaces],
    async create(work) {
      const path = options.path(work.properties);
      const document = { ...input(work.properties, "RestApiId", "Tags", ...options.apart), ...options.more?.(work) };
      const answer = await work.calls.rest("apigateway", id === undefined ? "PUT" : "POST", path, document);
      const physicalId = id === undefined ? (named?.(work) ?? work.name) : text(answer[id]);
      return { physicalId, attributes: options.made?.(physicalId, answer) ?? {} };
    },
    async update(work) {
      const apart = ["RestApiId", "Tags", ...options.apart];
      const path = own(work);
      if (id === undefined)
        await work.calls.rest("apigateway", "PUT", path, {
          ...input(work.properties, ...apart),
          ...options.more?.(work),
        });
      else {
        const changes = patches(without(work.before, ...apart), without(work.properties, ...apart)) as {
          patchOperations: unknown[];
        };
        if (changes.patchOperations.length > 0) await work.calls.rest("apigateway", "PATCH", path, changes);
      }
      return {};
    },
    async delete(work) {
      await options.before?.(work);
      await work.calls.rest("apigateway", "DELETE", own(work));
    },
  };
}

const ofApi =
  (rest: string) =>
  ({ RestApiId }: Mapping): string =>
    `/restapis/${encoded(text(RestApiId))}${rest}`;
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

const methodPath = ({ RestApiId, ResourceId, HttpMethod }: Mapping): string =>
  `/restapis/${encoded(text(RestApiId))}/resources/${encoded(text(ResourceId))}/methods/${text(HttpMethod)}`;

/** A method with its integration and the answers of both: four kinds of calls. */
const method: Handler = {
  replaces: ["RestApiId", "ResourceId", "HttpMethod"],
  async create(work) {
    await putMethod(work);
    return {
      physicalId: [work.properties.RestApiId, work.properties.ResourceId, work.properties.HttpMethod]
        .map(text)
        .join("|"),
    };
  },
  async update(work) {
    await work.calls.rest("apigateway", "DELETE", methodPath(work.before));
    await putMethod(work);
    return {};
  },
  async delete({ calls, properties }) {
    await calls.rest("apigateway", "DELETE", methodPath(properties));
  },
};

async function putMethod({ calls, properties }: Work): Promise<void> {
  const path = methodPath(properties);
  const { Integration, MethodResponses } = properties;
  const own = input(properties, "RestApiId", "ResourceId", "HttpMethod", "Integration", "MethodResponses");
  await calls.rest("apigateway", "PUT", path, { authorizationType: "NONE", ...own });
  for (const each of Array.isArray(MethodResponses) ? MethodResponses.filter(isMapping) : []) {
    await calls.rest("apigateway", "PUT", `${path}/responses/${text(each.StatusCode)}`, input(each, "StatusCode"));
  }
  if (!isMapping(Integration)) return;
  const { IntegrationHttpMethod, IntegrationResponses, ...rest } = Integration;
  await calls.rest("apigateway", "PUT", `${path}/integration`, {
    ...input(rest),
    ...without({ httpMethod: IntegrationHttpMethod }),
  });
  for (const each of Array.isArray(IntegrationResponses) ? IntegrationResponses.filter(isMapping) : []) {
    await calls.rest(
      "apigateway",
      "PUT",
      `${path}/integration/responses/${text(each.StatusCode)}`,
      input(each, "StatusCode"),
    );
  }
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

export const apiHandlers: Handlers = {
  "AWS::ApiGatewayV2::Api": api,
  "AWS::ApiGatewayV2::Route": v2({ collection: "routes", id: "routeId", replaces: [] }),
  "AWS::ApiGatewayV2::Integration": v2({ collection: "integrations", id: "integrationId", replaces: [] }),
  "AWS::ApiGatewayV2::Authorizer": v2({ collection: "authorizers", id: "authorizerId", replaces: [] }),
  "AWS::ApiGatewayV2::Model": v2({ collection: "models", id: "modelId", replaces: [] }),
  "AWS::ApiGatewayV2::Deployment": v2({ collection: "deployments", id: "deploymentId", replaces: ["StageName"] }),
  "AWS::ApiGatewayV2::Stage": v2({
    collection: "stages",
    id: "stageName",
    replaces: ["StageName"],
    apart: ["AccessPolicyId"],
    made: (_work, id) => ({ physicalId: id }),
  }),
  "AWS::ApiGatewayV2::DomainName": standing("/v2/domainnames", "DomainName", [], regionalDomain),
  "AWS::ApiGatewayV2::ApiMapping": apiMapping,
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
