import type { DurableSettings, FunctionVersion, ImageSettings } from "../model/index.ts";
import { managedOf, standingOf } from "./managed.ts";
import { type FunctionRecord, functionArn, type VersionRecord } from "./records.ts";

/** Tag that opens or closes a function's way to the network. */
export const egressTag = "thaw:egress";

export interface Circumstances {
  /** applies where no tag decides */
  readonly egressDefault: boolean;
  /** environments to be kept ready for this version */
  readonly provisioned: number;
}

/** What everything below the API needs of a version, frozen. */
export function derive(
  record: FunctionRecord,
  version: VersionRecord,
  { egressDefault, provisioned }: Circumstances,
): FunctionVersion {
  const { settings } = version;
  const base = functionArn(record, record.name);
  const tag = record.tags[egressTag];
  const egress = tag === undefined ? egressDefault : tag === "on";
  return Object.freeze({
    account: record.account,
    region: record.region,
    name: record.name,
    version: version.version,
    arn: version.version === "$LATEST" ? base : `${base}:${version.version}`,
    // An environment made with another network must not serve, so the network is part of its pool's name.
    key: egress ? `${version.key}+egress` : version.key,
    runtime: settings.Runtime ?? "",
    handler: settings.Handler ?? "",
    architecture: settings.Architectures[0] ?? "x86_64",
    memoryMb: settings.MemorySize,
    timeoutSeconds: settings.Timeout,
    ephemeralMb: settings.EphemeralStorage.Size,
    environment: Object.freeze({ ...settings.Environment?.Variables }),
    code: Object.freeze({ ...version.code }),
    image: imageOf(settings),
    layers: Object.freeze(version.layers.map((layer) => Object.freeze({ ...layer }))),
    logFormat: settings.LoggingConfig.LogFormat,
    logGroup: settings.LoggingConfig.LogGroup,
    applicationLogLevel: settings.LoggingConfig.ApplicationLogLevel ?? "INFO",
    systemLogLevel: settings.LoggingConfig.SystemLogLevel ?? "INFO",
    tracing: settings.TracingConfig.Mode,
    reservedConcurrency: record.reservedConcurrency,
    provisionedConcurrency: provisioned,
    snapStart: version.version !== "$LATEST" && settings.SnapStart.ApplyOn === "PublishedVersions",
    kmsKeyArn: environmentKeyOf(settings),
    network: egress ? "egress" : "none",
    managed: version.version === "$LATEST" ? undefined : managedOf(version),
    standing: standingOf(version),
    perTenant:
      (settings.TenancyConfig as { TenantIsolationMode?: string } | undefined)?.TenantIsolationMode === "PER_TENANT",
    durable: durableOf(settings.DurableConfig),
  });
}

function imageOf({ PackageType, ImageConfig }: VersionRecord["settings"]): ImageSettings | undefined {
  if (PackageType !== "Image") return undefined;
  const given = (ImageConfig ?? {}) as { EntryPoint?: string[]; Command?: string[]; WorkingDirectory?: string };
  return Object.freeze({
    entryPoint: given.EntryPoint,
    command: given.Command,
    workingDirectory: given.WorkingDirectory,
  });
}

/** A function is durable when it has a DurableConfig; whoever writes one fills in the defaults. */
function durableOf(config: unknown): DurableSettings | undefined {
  if (typeof config !== "object" || config === null) return undefined;
  const given = config as { ExecutionTimeout?: number; RetentionPeriodInDays?: number; KMSKeyArn?: string };
  return Object.freeze({
    timeoutSeconds: given.ExecutionTimeout ?? 900,
    retentionDays: given.RetentionPeriodInDays ?? 14,
    kmsKeyArn: given.KMSKeyArn,
  });
}

/** The key that opens its environment variables, where it names one and has any. */
function environmentKeyOf({ KMSKeyArn, Environment }: VersionRecord["settings"]): string | undefined {
  return typeof KMSKeyArn === "string" && KMSKeyArn !== "" && Environment !== undefined ? KMSKeyArn : undefined;
}
