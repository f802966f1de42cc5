import { isMapping, type Mapping } from "../../templates/index.ts";
import { isTaken } from "./calls.ts";
import {
  type Changing,
  changed,
  encoded,
  gone,
  type Handler,
  type Made,
  tagsOf,
  text,
  type Work,
  without,
} from "./handler.ts";
import { inlineZip } from "./inline-code.ts";

const functions = "/2015-03-31/functions";

/** Set by operations of their own. */
const apart = [
  "ReservedConcurrentExecutions",
  "RuntimeManagementConfig",
  "RecursiveLoop",
  "FunctionScalingConfig",
  "PublishToLatestPublished",
  "SnapStartResponse",
];
/** Of creation only, or of the code. */
const notConfiguration = [
  "Code",
  "Architectures",
  "Tags",
  "PackageType",
  "CodeSigningConfigArn",
  "TenancyConfig",
  ...apart,
];
/** What a property that is gone from a template goes back to. Source: UpdateFunctionConfiguration's defaults. */
const defaults: Mapping = {
  Description: "",
  MemorySize: 128,
  Timeout: 3,
  Environment: { Variables: {} },
  Layers: [],
  EphemeralStorage: { Size: 512 },
  TracingConfig: { Mode: "PassThrough" },
  DeadLetterConfig: { TargetArn: "" },
  SnapStart: { ApplyOn: "None" },
  LoggingConfig: { LogFormat: "Text" },
  KMSKeyArn: "",
  FileSystemConfigs: [],
  ImageConfig: {},
  VpcConfig: { SubnetIds: [], SecurityGroupIds: [] },
};

/** AWS::Lambda::Function. */
export const lambdaFunction: Handler = {
  replaces: ["FunctionName", "PackageType", "TenancyConfig", "DurableConfig"],
  name: { property: "FunctionName", most: 64 },

  async create(work) {
    const { calls, properties } = work;
    const name = text(properties.FunctionName) || work.name;
    const input = {
      ...configurationOf(properties),
      ...without({
        Architectures: properties.Architectures,
        PackageType: properties.PackageType ?? (codeNames(properties).includes("ImageUri") ? "Image" : undefined),
        CodeSigningConfigArn: properties.CodeSigningConfigArn,
        TenancyConfig: properties.TenancyConfig,
      }),
      FunctionName: name,
      Code: await codeOf(properties),
      Tags: tagsOf(work),
    };
    try {
      await calls.rest("lambda", "POST", functions, input);
    } catch (error) {
      // The name was generated for this resource: who has it is what an earlier try has made.
      if (!(work.again && properties.FunctionName === undefined && isTaken(error))) throw error;
    }
    work.exists({ physicalId: name });
    const arn = await ready(work, name);
    await settle(work, name, {});
    return made(name, arn);
  },

  async update(work) {
    const { calls, properties, physicalId: name, before } = work;
    if (changed(work, "Code", "Architectures")) {
      const code = without({ ...(await codeOf(properties)), Architectures: properties.Architectures });
      await calls.rest("lambda", "PUT", `${functions}/${encoded(name)}/code`, code);
      await ready(work, name);
    }
    const wished = configurationOf(properties);
    const had = configurationOf(before);
    const reset = Object.fromEntries(gone(had, wished).map((key) => [key, defaults[key]]));
    const all = { ...without(reset), ...wished };
    if (JSON.stringify(had) !== JSON.stringify(wished)) {
      await calls.rest("lambda", "PUT", `${functions}/${encoded(name)}/configuration`, all);
    }
    const arn = await ready(work, name);
    if (changed(work, "CodeSigningConfigArn")) {
      const path = `/2020-06-30/functions/${encoded(name)}/code-signing-config`;
      const { CodeSigningConfigArn } = properties;
      if (CodeSigningConfigArn === undefined) await calls.rest("lambda", "DELETE", path);
      else await calls.rest("lambda", "PUT", path, { CodeSigningConfigArn });
    }
    await retag(work, arn);
    await settle(work, name, before);
    return made(name, arn);
  },

  async delete({ calls, physicalId }) {
    await calls.rest("lambda", "DELETE", `${functions}/${encoded(physicalId)}`);
  },
};

const made = (name: string, arn: string): Made => ({ physicalId: name, attributes: { Arn: arn } });

function configurationOf(properties: Mapping): Mapping {
  const { KmsKeyArn, ...others } = without(properties, "FunctionName", ...notConfiguration);
  return KmsKeyArn === undefined ? others : { ...others, KMSKeyArn: KmsKeyArn };
}

const codeNames = ({ Code }: Mapping): readonly string[] => (isMapping(Code) ? Object.keys(Code) : []);

async function codeOf(properties: Mapping): Promise<Mapping> {
  const { Code, Runtime } = properties;
  const { ZipFile, ...code } = isMapping(Code) ? Code : {};
  if (typeof ZipFile !== "string") return code;
  return { ...code, ZipFile: (await inlineZip(ZipFile, text(Runtime))).toString("base64") };
}

async function retag(work: Changing, arn: string): Promise<void> {
  const after = tagsOf(work);
  const path = `/2017-03-31/tags/${encoded(arn)}`;
  const { Tags = {} } = await work.calls.rest("lambda", "GET", path);
  const lost = gone(Tags as Mapping, after);
  if (lost.length > 0) {
    await work.calls.rest("lambda", "DELETE", `${path}?${lost.map((key) => `tagKeys=${encoded(key)}`).join("&")}`);
  }
  if (JSON.stringify(Tags) !== JSON.stringify(after)) await work.calls.rest("lambda", "POST", path, { Tags: after });
}

/** What has operations of its own: concurrency, the runtime's updates, recursion. */
async function settle({ calls, properties }: Work, name: string, before: Mapping): Promise<void> {
  const differs = (key: string) => JSON.stringify(properties[key]) !== JSON.stringify(before[key]);
  if (differs("ReservedConcurrentExecutions")) {
    const path = `/2017-10-31/functions/${encoded(name)}/concurrency`;
    const { ReservedConcurrentExecutions } = properties;
    if (ReservedConcurrentExecutions === undefined) await calls.rest("lambda", "DELETE", path);
    else await calls.rest("lambda", "PUT", path, { ReservedConcurrentExecutions });
  }
  if (differs("RuntimeManagementConfig")) {
    const path = `/2021-07-20/functions/${encoded(name)}/runtime-management-config`;
    await calls.rest(
      "lambda",
      "PUT",
      path,
      (properties.RuntimeManagementConfig ?? { UpdateRuntimeOn: "Auto" }) as object,
    );
  }
  if (differs("RecursiveLoop")) {
    const path = `/2024-08-31/functions/${encoded(name)}/recursion-config`;
    await calls.rest("lambda", "PUT", path, { RecursiveLoop: properties.RecursiveLoop ?? "Terminate" });
  }
}

/** Waits for what AWS's waiters wait for, and gives the ARN. */
function ready({ calls, until }: Work, name: string): Promise<string> {
  return until(`function ${name}`, async () => {
    const state = await calls.rest("lambda", "GET", `${functions}/${encoded(name)}/configuration`);
    if (state.State === "Failed") throw new Error(text(state.StateReason) || "the function could not be made ready");
    if (state.LastUpdateStatus === "Failed") throw new Error(text(state.LastUpdateStatusReason));
    return state.State !== "Pending" && state.LastUpdateStatus !== "InProgress" ? text(state.FunctionArn) : undefined;
  });
}
