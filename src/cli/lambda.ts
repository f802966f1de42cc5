import { ask, askJson, ServiceFailure } from "./client.ts";
import type { Connection } from "./settings.ts";

/** A function's configuration as GetFunctionConfiguration answers it: the members that the commands look at. */
export interface FunctionConfiguration {
  readonly FunctionName: string;
  readonly FunctionArn: string;
  readonly Runtime?: string;
  readonly Handler?: string;
  readonly MemorySize?: number;
  readonly Timeout?: number;
  readonly CodeSize?: number;
  readonly CodeSha256?: string;
  readonly LastModified?: string;
  readonly Version?: string;
  readonly State?: string;
  readonly StateReason?: string;
  readonly LastUpdateStatus?: string;
  readonly LastUpdateStatusReason?: string;
  readonly Layers?: readonly { readonly Arn: string }[];
  readonly Environment?: { readonly Variables?: Readonly<Record<string, string>> };
  readonly Architectures?: readonly string[];
  readonly PackageType?: string;
  readonly [member: string]: unknown;
}

/** Members of CreateFunction or UpdateFunctionConfiguration beside name and code, under AWS's names. */
export type Settings = Readonly<Record<string, unknown>>;

export interface LayerVersion {
  readonly LayerVersionArn: string;
  readonly Version: number;
  readonly Description?: string;
  readonly CompatibleRuntimes?: readonly string[];
  readonly Content?: { readonly CodeSha256?: string };
}

/** A zip, or where an image is. */
export type Code = Buffer | { readonly imageUri: string };

const codeOf = (code: Code) =>
  Buffer.isBuffer(code) ? { ZipFile: code.toString("base64") } : { ImageUri: code.imageUri };

const functions = "/2015-03-31/functions";
const named = (name: string): string => `${functions}/${encodeURIComponent(name)}`;

/** undefined where the server says ResourceNotFoundException. */
async function orUndefined<T>(question: Promise<T>): Promise<T | undefined> {
  try {
    return await question;
  } catch (error) {
    if (error instanceof ServiceFailure && error.code === "ResourceNotFoundException") return undefined;
    throw error;
  }
}

/** Lambda's operations that the commands use, by AWS's names. Source: the REST paths of Lambda's public service model. */
export function createLambda(connection: Connection) {
  const json = <T>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, document?: unknown): Promise<T> =>
    askJson<T>(connection, method, path, document);

  return {
    connection,

    getConfiguration: (name: string) => orUndefined(json<FunctionConfiguration>("GET", `${named(name)}/configuration`)),

    getTags: async (name: string): Promise<Record<string, string>> =>
      (await json<{ Tags?: Record<string, string> }>("GET", named(name))).Tags ?? {},

    create: (name: string, code: Code, settings: Settings) =>
      json<FunctionConfiguration>("POST", functions, {
        FunctionName: name,
        ...settings,
        ...(Buffer.isBuffer(code) ? {} : { PackageType: "Image" }),
        Code: codeOf(code),
      }),

    updateCode: (name: string, code: Code, architectures?: unknown) =>
      json<FunctionConfiguration>("PUT", `${named(name)}/code`, {
        ...codeOf(code),
        ...(architectures === undefined ? {} : { Architectures: architectures }),
      }),

    updateConfiguration: (name: string, settings: Settings) =>
      json<FunctionConfiguration>("PUT", `${named(name)}/configuration`, settings),

    publishVersion: (name: string, description?: string) =>
      json<FunctionConfiguration & { readonly Version: string }>(
        "POST",
        `${named(name)}/versions`,
        description === undefined ? {} : { Description: description },
      ),

    delete: async (name: string, qualifier?: string): Promise<void> => {
      const query = qualifier === undefined ? "" : `?Qualifier=${encodeURIComponent(qualifier)}`;
      await ask(connection, { method: "DELETE", path: `${named(name)}${query}` });
    },

    list: async (): Promise<FunctionConfiguration[]> => {
      const found: FunctionConfiguration[] = [];
      let marker: string | undefined;
      do {
        const query = marker === undefined ? "" : `?Marker=${encodeURIComponent(marker)}`;
        const page = await json<{ Functions: FunctionConfiguration[]; NextMarker?: string | null }>(
          "GET",
          `${functions}${query}`,
        );
        found.push(...page.Functions);
        marker = page.NextMarker || undefined;
      } while (marker !== undefined);
      return found;
    },

    tag: async (arn: string, tags: Readonly<Record<string, string>>): Promise<void> => {
      await json("POST", `/2017-03-31/tags/${encodeURIComponent(arn)}`, { Tags: tags });
    },

    untag: async (arn: string, keys: readonly string[]): Promise<void> => {
      const query = keys.map((key) => `tagKeys=${encodeURIComponent(key)}`).join("&");
      await json("DELETE", `/2017-03-31/tags/${encodeURIComponent(arn)}?${query}`);
    },

    getConcurrency: async (name: string): Promise<number | undefined> =>
      (
        await json<{ ReservedConcurrentExecutions?: number } | undefined>(
          "GET",
          `/2019-09-30/functions/${encodeURIComponent(name)}/concurrency`,
        )
      )?.ReservedConcurrentExecutions,

    putConcurrency: async (name: string, reserved: number): Promise<void> => {
      await json("PUT", `/2017-10-31/functions/${encodeURIComponent(name)}/concurrency`, {
        ReservedConcurrentExecutions: reserved,
      });
    },

    deleteConcurrency: async (name: string): Promise<void> => {
      await json("DELETE", `/2017-10-31/functions/${encodeURIComponent(name)}/concurrency`);
    },

    /** Executions of the account that no function has reserved. */
    unreservedConcurrency: async (): Promise<number | undefined> =>
      (
        await json<{ AccountLimit?: { UnreservedConcurrentExecutions?: number } }>(
          "GET",
          "/2016-08-19/account-settings",
        )
      ).AccountLimit?.UnreservedConcurrentExecutions,

    getAlias: (name: string, alias: string) =>
      orUndefined(
        json<{ AliasArn: string; FunctionVersion: string }>(
          "GET",
          `${named(name)}/aliases/${encodeURIComponent(alias)}`,
        ),
      ),

    createAlias: (name: string, alias: string, settings: Settings) =>
      json<{ AliasArn: string }>("POST", `${named(name)}/aliases`, { Name: alias, ...settings }),

    updateAlias: (name: string, alias: string, settings: Settings) =>
      json<{ AliasArn: string }>("PUT", `${named(name)}/aliases/${encodeURIComponent(alias)}`, settings),

    /** The newest version of a layer with its content's hash, if there is one. */
    latestLayer: async (layer: string): Promise<LayerVersion | undefined> => {
      const path = `/2018-10-31/layers/${encodeURIComponent(layer)}/versions`;
      const page = await orUndefined(json<{ LayerVersions?: LayerVersion[] }>("GET", `${path}?MaxItems=1`));
      const latest = page?.LayerVersions?.[0];
      return latest === undefined
        ? undefined
        : await orUndefined(json<LayerVersion>("GET", `${path}/${latest.Version}`));
    },

    publishLayer: (layer: string, zip: Buffer, settings: Settings) =>
      json<LayerVersion>("POST", `/2018-10-31/layers/${encodeURIComponent(layer)}/versions`, {
        ...settings,
        Content: { ZipFile: zip.toString("base64") },
      }),
  };
}

export type Lambda = ReturnType<typeof createLambda>;
