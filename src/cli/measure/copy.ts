import { randomBytes } from "node:crypto";
import { askJson } from "../client.ts";
import { untilReady } from "../deploy/function.ts";
import { CommandFailure } from "../failure.ts";
import { createLambda, type FunctionConfiguration, type Settings } from "../lambda.ts";
import { warn } from "../output.ts";
import type { Connection } from "../settings.ts";

/** A function of the same code and configuration under another name: what is measured there changes nothing for anybody. */
export interface Copy {
  readonly name: string;
  readonly configuration: FunctionConfiguration;
  /** Changes the configuration and waits for it; whatever is changed, the next call is a cold start. */
  change(settings: Settings): Promise<void>;
  /** Replaces the code, and waits for it. */
  changeCode(zip: Buffer): Promise<void>;
}

export interface Original {
  readonly configuration: FunctionConfiguration;
  /** absent: a container image */
  readonly zip?: Buffer;
  readonly imageUri?: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** Reads a function's configuration and code, as GetFunction gives them. */
export async function original(connection: Connection, name: string, qualifier: string | undefined): Promise<Original> {
  const query = qualifier === undefined ? "" : `?Qualifier=${encodeURIComponent(qualifier)}`;
  const found = await askJson<{
    Configuration: FunctionConfiguration;
    Code?: { Location?: string; ImageUri?: string };
    Tags?: Record<string, string>;
  }>(connection, "GET", `/2015-03-31/functions/${encodeURIComponent(name)}${query}`);
  const tags = Object.fromEntries(Object.entries(found.Tags ?? {}).filter(([key]) => !key.startsWith("aws:")));
  const configuration = found.Configuration;
  if (found.Code?.ImageUri !== undefined) return { configuration, tags, imageUri: found.Code.ImageUri };
  const location = found.Code?.Location;
  if (location === undefined) throw new CommandFailure(`GetFunction does not say where the code of ${name} is.`);
  const answer = await fetch(location);
  if (!answer.ok) throw new CommandFailure(`The code of ${name} cannot be fetched: HTTP ${answer.status}.`);
  return { configuration, tags, zip: Buffer.from(await answer.arrayBuffer()) };
}

/** Members of a configuration that CreateFunction takes as they are. */
const taken = "Runtime Handler Role Timeout MemorySize Environment Architectures EphemeralStorage".split(" ");
const takenToo = "FileSystemConfigs TracingConfig PackageType KMSKeyArn CapacityProviderConfig TenancyConfig".split(
  " ",
);

function settingsOf({ configuration }: Original): Record<string, unknown> {
  const settings: Record<string, unknown> = { Description: "a copy being measured: delete it when nobody does" };
  for (const member of [...taken, ...takenToo]) {
    if (configuration[member] !== undefined) settings[member] = configuration[member];
  }
  const nested = configuration as {
    VpcConfig?: { SubnetIds?: string[]; SecurityGroupIds?: string[] };
    SnapStart?: { ApplyOn?: string };
    ImageConfigResponse?: { ImageConfig?: unknown };
  };
  if (configuration.Layers) settings.Layers = configuration.Layers.map(({ Arn }) => Arn);
  const { SubnetIds, SecurityGroupIds } = nested.VpcConfig ?? {};
  if (SubnetIds?.length) settings.VpcConfig = { SubnetIds, SecurityGroupIds };
  if (nested.SnapStart?.ApplyOn) settings.SnapStart = { ApplyOn: nested.SnapStart.ApplyOn };
  if (nested.ImageConfigResponse?.ImageConfig) settings.ImageConfig = nested.ImageConfigResponse.ImageConfig;
  return settings;
}

/** Makes a copy, gives it to `use`, and deletes it whatever happens, Ctrl-C among it. */
export async function withCopy<T>(
  connection: Connection,
  from: Original,
  overrides: Settings,
  use: (copy: Copy) => Promise<T>,
): Promise<T> {
  const lambda = createLambda(connection);
  const name = `${from.configuration.FunctionName.slice(0, 48)}-thaw-${randomBytes(4).toString("hex")}`;
  const remove = async (): Promise<void> => {
    try {
      await lambda.delete(name);
    } catch (error) {
      warn(`The copy ${name} is still there: ${(error as Error).message} Delete it: thaw delete ${name}`);
    }
  };
  const interrupted = (): void => void remove().finally(() => process.exit(130));
  process.once("SIGINT", interrupted);
  process.once("SIGTERM", interrupted);
  try {
    const configuration = await askJson<FunctionConfiguration>(connection, "POST", "/2015-03-31/functions", {
      ...settingsOf(from),
      ...overrides,
      FunctionName: name,
      Tags: from.tags,
      Code: from.zip === undefined ? { ImageUri: from.imageUri } : { ZipFile: from.zip.toString("base64") },
    });
    try {
      await untilReady(lambda, name);
      return await use({
        name,
        configuration,
        change: async (settings) => {
          await lambda.updateConfiguration(name, settings);
          await untilReady(lambda, name);
        },
        changeCode: async (zip) => {
          await lambda.updateCode(name, zip);
          await untilReady(lambda, name);
        },
      });
    } finally {
      await remove();
    }
  } finally {
    process.off("SIGINT", interrupted);
    process.off("SIGTERM", interrupted);
  }
}

/** What forces a cold start everywhere: another environment variable, the function's own kept beside it. */
export function forced(configuration: FunctionConfiguration, n: number | string): Settings {
  return { Environment: { Variables: { ...configuration.Environment?.Variables, THAW_MEASURE: String(n) } } };
}
