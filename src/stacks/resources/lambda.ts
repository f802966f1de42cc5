import { isMapping, type Mapping } from "../../templates/index.ts";
import { isTaken, ServiceFailure } from "./calls.ts";
import {
  type Changing,
  changed,
  documentText,
  type Existing,
  encoded,
  type Handler,
  type Handlers,
  tagsOf,
  text,
  type Work,
  without,
} from "./handler.ts";
import { lambdaFunction } from "./lambda-function.ts";

const functionPath = (name: unknown, rest: string, date = "2015-03-31"): string =>
  `/${date}/functions/${encoded(text(name))}${rest}`;
const qualified = (qualifier: unknown): string =>
  qualifier === undefined || qualifier === "" ? "" : `?Qualifier=${encoded(text(qualifier))}`;
/** `arn:…:function:name:qualifier` → the function's own and what stands behind. */
function split(arn: unknown): { readonly name: string; readonly qualifier: string | undefined } {
  const [, name, qualifier] = /^(arn:[^:]+:lambda:[^:]*:[^:]*:function:[^:]+):([^:]+)$/.exec(text(arn)) ?? [];
  return name === undefined ? { name: text(arn), qualifier: undefined } : { name, qualifier };
}

async function provision(work: Work, name: unknown, qualifier: string): Promise<void> {
  const { ProvisionedConcurrentExecutions } = isMapping(work.properties.ProvisionedConcurrencyConfig)
    ? work.properties.ProvisionedConcurrencyConfig
    : {};
  const path = functionPath(name, `/provisioned-concurrency${qualified(qualifier)}`, "2019-09-30");
  if (ProvisionedConcurrentExecutions === undefined) return;
  await work.calls.rest("lambda", "PUT", path, { ProvisionedConcurrentExecutions });
  await work.until(`provisioned concurrency of ${qualifier}`, async () => {
    const { Status, StatusReason } = await work.calls.rest("lambda", "GET", path);
    if (Status === "FAILED") throw new Error(text(StatusReason) || "provisioned concurrency could not be allocated");
    return Status === "READY" ? true : undefined;
  });
}

const version: Handler = {
  replaces: "all",
  async create(work) {
    const { FunctionName, CodeSha256, Description } = work.properties;
    const input = without({ CodeSha256, Description });
    const { Version, FunctionArn } = await work.calls.rest(
      "lambda",
      "POST",
      functionPath(FunctionName, "/versions"),
      input,
    );
    await provision(work, FunctionName, text(Version));
    return { physicalId: text(FunctionArn), attributes: { Version, FunctionArn } };
  },
  async delete({ calls, physicalId }) {
    const { name, qualifier } = split(physicalId);
    await calls.rest("lambda", "DELETE", functionPath(name, qualified(qualifier)));
  },
};

const aliasInput = ({ FunctionVersion, Description, RoutingConfig }: Mapping): Mapping => {
  const weights =
    isMapping(RoutingConfig) && Array.isArray(RoutingConfig.AdditionalVersionWeights)
      ? RoutingConfig.AdditionalVersionWeights
      : [];
  const AdditionalVersionWeights = Object.fromEntries(
    weights.filter(isMapping).map((each) => [text(each.FunctionVersion), Number(each.FunctionWeight)]),
  );
  return { FunctionVersion, Description: Description ?? "", RoutingConfig: { AdditionalVersionWeights } };
};

const alias: Handler = {
  replaces: ["FunctionName", "Name"],
  async create(work) {
    const { FunctionName, Name } = work.properties;
    const input = { ...aliasInput(work.properties), Name };
    let AliasArn: unknown;
    try {
      ({ AliasArn } = await work.calls.rest("lambda", "POST", functionPath(FunctionName, "/aliases"), input));
    } catch (error) {
      if (!(work.again && isTaken(error))) throw error;
      ({ AliasArn } = await work.calls.rest(
        "lambda",
        "GET",
        functionPath(FunctionName, `/aliases/${encoded(text(Name))}`),
      ));
    }
    await provision(work, FunctionName, text(Name));
    return { physicalId: text(AliasArn), attributes: { AliasArn } };
  },
  async update(work) {
    const { FunctionName, Name, ProvisionedConcurrencyConfig } = work.properties;
    await work.calls.rest(
      "lambda",
      "PUT",
      functionPath(FunctionName, `/aliases/${encoded(text(Name))}`),
      aliasInput(work.properties),
    );
    if (!changed(work, "ProvisionedConcurrencyConfig")) return {};
    if (ProvisionedConcurrencyConfig !== undefined) await provision(work, FunctionName, text(Name));
    else
      await work.calls.rest(
        "lambda",
        "DELETE",
        functionPath(FunctionName, `/provisioned-concurrency${qualified(Name)}`, "2019-09-30"),
      );
    return {};
  },
  async delete({ calls, physicalId, properties }) {
    const { name, qualifier } = split(physicalId);
    await calls.rest("lambda", "DELETE", functionPath(name, `/aliases/${encoded(qualifier ?? text(properties.Name))}`));
  },
};

const permission: Handler = {
  replaces: "all",
  async create(work) {
    const { FunctionName, ...input } = work.properties;
    const { name, qualifier } = split(FunctionName);
    const StatementId = work.name;
    try {
      const path = functionPath(name, `/policy${qualified(qualifier)}`);
      await work.calls.rest("lambda", "POST", path, { StatementId, ...input });
    } catch (error) {
      if (!(work.again && isTaken(error))) throw error;
    }
    return { physicalId: StatementId, attributes: { Id: StatementId } };
  },
  async delete({ calls, physicalId, properties }) {
    const { name, qualifier } = split(properties.FunctionName);
    await calls.rest("lambda", "DELETE", functionPath(name, `/policy/${encoded(physicalId)}${qualified(qualifier)}`));
  },
};

const urlPath = ({ TargetFunctionArn, Qualifier }: Mapping): string => {
  const { name, qualifier } = split(TargetFunctionArn);
  return functionPath(name, `/url${qualified(Qualifier ?? qualifier)}`, "2021-10-31");
};

const url: Handler = {
  replaces: ["TargetFunctionArn", "Qualifier"],
  async create({ calls, properties, again }) {
    const input = without(properties, "TargetFunctionArn", "Qualifier");
    const made = await calls.rest("lambda", "POST", urlPath(properties), input).catch((error) => {
      if (!(again && isTaken(error))) throw error;
      return calls.rest("lambda", "GET", urlPath(properties));
    });
    const { FunctionUrl, FunctionArn } = made;
    return { physicalId: text(FunctionArn), attributes: { FunctionUrl, FunctionArn } };
  },
  async update({ calls, properties }) {
    const input = { Cors: {}, InvokeMode: "BUFFERED", ...without(properties, "TargetFunctionArn", "Qualifier") };
    await calls.rest("lambda", "PUT", urlPath(properties), input);
    return {};
  },
  async delete({ calls, properties }) {
    await calls.rest("lambda", "DELETE", urlPath(properties));
  },
};

const mappings = "/2015-03-31/event-source-mappings";

/** Waits until a mapping is not on its way from one state to another. */
async function settled(work: Work, id: string): Promise<Mapping> {
  return work.until(`event source mapping ${id}`, async () => {
    const state = await work.calls.rest("lambda", "GET", `${mappings}/${id}`);
    return /^(Creating|Updating|Enabling|Disabling)$/.test(text(state.State)) ? undefined : state;
  });
}

const mapping: Handler = {
  replaces: [
    "EventSourceArn",
    "StartingPosition",
    "StartingPositionTimestamp",
    "SelfManagedEventSource",
    "AmazonManagedKafkaEventSourceConfig",
    "SelfManagedKafkaEventSourceConfig",
  ],
  async create(work) {
    const input = { ...without(work.properties, "Tags"), Tags: tagsOf(work) };
    const id = await work.calls.rest("lambda", "POST", mappings, input).then(
      ({ UUID }) => text(UUID),
      (error) => {
        // "… already exists. Please update or delete the existing mapping with UUID …"
        const uuid = error instanceof ServiceFailure ? /UUID ([0-9a-f-]{36})/.exec(error.message)?.[1] : undefined;
        if (work.again && isTaken(error) && uuid !== undefined) return uuid;
        throw error;
      },
    );
    work.exists({ physicalId: id });
    const { EventSourceMappingArn } = await settled(work, id);
    return { physicalId: id, attributes: { Id: id, EventSourceMappingArn } };
  },
  async update(work) {
    const { calls, physicalId, properties } = work;
    const input = without(
      properties,
      "EventSourceArn",
      "StartingPosition",
      "StartingPositionTimestamp",
      "SelfManagedEventSource",
      "Topics",
      "Queues",
      "Tags",
    );
    const lost = Object.keys(work.before).filter((name) => !(name in properties) && name in mappingDefaults);
    const reset = Object.fromEntries(lost.map((name) => [name, mappingDefaults[name]]));
    await calls.rest("lambda", "PUT", `${mappings}/${physicalId}`, { ...reset, ...input });
    await settled(work, physicalId);
    return {};
  },
  async delete({ calls, physicalId, until }) {
    await calls.rest("lambda", "DELETE", `${mappings}/${physicalId}`);
    await until(`the end of event source mapping ${physicalId}`, async () => {
      try {
        await calls.rest("lambda", "GET", `${mappings}/${physicalId}`);
        return undefined;
      } catch (error) {
        if (error instanceof ServiceFailure && error.status === 404) return true;
        throw error;
      }
    });
  },
};

const mappingDefaults: Mapping = {
  Enabled: true,
  FilterCriteria: {},
  FunctionResponseTypes: [],
  DestinationConfig: {},
  MaximumBatchingWindowInSeconds: 0,
  BisectBatchOnFunctionError: false,
  ScalingConfig: {},
};

const invokeConfigPath = ({ FunctionName, Qualifier }: Mapping): string =>
  functionPath(FunctionName, `/event-invoke-config${qualified(Qualifier)}`, "2019-09-25");

async function putInvokeConfig({ calls, properties }: Work): Promise<void> {
  await calls.rest("lambda", "PUT", invokeConfigPath(properties), without(properties, "FunctionName", "Qualifier"));
}

const invokeConfig: Handler = {
  replaces: ["FunctionName", "Qualifier"],
  async create(work) {
    await putInvokeConfig(work);
    return { physicalId: work.name };
  },
  async update(work) {
    await putInvokeConfig(work);
    return {};
  },
  async delete({ calls, properties }) {
    await calls.rest("lambda", "DELETE", invokeConfigPath(properties));
  },
};

const layer: Handler = {
  replaces: "all",
  name: { property: "LayerName", most: 64 },
  async create({ calls, properties, name }) {
    const path = `/2018-10-31/layers/${encoded(text(properties.LayerName) || name)}/versions`;
    const { LayerVersionArn } = await calls.rest("lambda", "POST", path, without(properties, "LayerName"));
    return { physicalId: text(LayerVersionArn), attributes: { LayerVersionArn } };
  },
  async delete({ calls, physicalId }) {
    await calls.rest("lambda", "DELETE", layerPath(physicalId));
  },
};

const layerPath = (arn: unknown): string => {
  const parts = text(arn).split(":");
  return `/2018-10-31/layers/${encoded(parts.slice(0, 7).join(":"))}/versions/${parts[7]}`;
};

const layerPermission: Handler = {
  replaces: "all",
  async create({ calls, properties, name }) {
    const { LayerVersionArn, ...input } = properties;
    await calls.rest("lambda", "POST", `${layerPath(LayerVersionArn)}/policy`, { StatementId: name, ...input });
    return { physicalId: `${text(LayerVersionArn)}#${name}`, attributes: { Id: name } };
  },
  async delete({ calls, physicalId }) {
    const [arn, id] = physicalId.split("#");
    await calls.rest("lambda", "DELETE", `${layerPath(arn)}/policy/${id}`);
  },
};

const signingPath = (arn: string): string => `/2020-04-22/code-signing-configs/${encoded(arn)}`;

const codeSigning: Handler = {
  replaces: [],
  async create(work) {
    const { CodeSigningConfig } = await work.calls.rest("lambda", "POST", "/2020-04-22/code-signing-configs", {
      ...without(work.properties, "Tags"),
      Tags: tagsOf(work),
    });
    const { CodeSigningConfigArn, CodeSigningConfigId } = CodeSigningConfig as Mapping;
    return { physicalId: text(CodeSigningConfigArn), attributes: { CodeSigningConfigArn, CodeSigningConfigId } };
  },
  async update({ calls, physicalId, properties }: Changing) {
    await calls.rest("lambda", "PUT", signingPath(physicalId), without(properties, "Tags"));
    return {};
  },
  async delete({ calls, physicalId }: Existing) {
    await calls.rest("lambda", "DELETE", signingPath(physicalId));
  },
};

const resourcePolicy: Handler = {
  replaces: ["ResourceArn"],
  async create({ calls, properties }) {
    const { ResourceArn, Policy } = properties;
    await calls.rest("lambda", "PUT", `/2026-07-09/resource-policy/${encoded(text(ResourceArn))}`, {
      Policy: documentText(Policy),
    });
    return { physicalId: text(ResourceArn) };
  },
  async delete({ calls, physicalId }) {
    await calls.rest("lambda", "DELETE", `/2026-07-09/resource-policy/${encoded(physicalId)}`);
  },
};

export const lambdaHandlers: Handlers = {
  "AWS::Lambda::Function": lambdaFunction,
  "AWS::Lambda::Version": version,
  "AWS::Lambda::Alias": alias,
  "AWS::Lambda::Permission": permission,
  "AWS::Lambda::Url": url,
  "AWS::Lambda::EventSourceMapping": mapping,
  "AWS::Lambda::EventInvokeConfig": invokeConfig,
  "AWS::Lambda::LayerVersion": layer,
  "AWS::Lambda::LayerVersionPermission": layerPermission,
  "AWS::Lambda::CodeSigningConfig": codeSigning,
  "AWS::Lambda::ResourcePolicy": resourcePolicy,
};
