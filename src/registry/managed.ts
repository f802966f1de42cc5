import type { FunctionVersion, ManagedInstances } from "../model/index.ts";
import type { ScalingRecord, Scope, VersionRecord } from "./records.ts";
import type { NamedDocument } from "./roles.ts";

/** A capacity provider. `name`: `region/name`. What it says about instances is kept and shown: here there is one machine. */
export interface CapacityProviderRecord extends NamedDocument {
  readonly region: string;
  readonly providerName: string;
  /** VpcConfig, PermissionsConfig, InstanceRequirements … as AWS shows them, defaults filled in */
  readonly settings: Readonly<Record<string, unknown>>;
  /** as Lambda writes it */
  readonly lastModified: string;
  readonly tags: Readonly<Record<string, string>>;
}

export const capacityProviderArn = ({ account, region }: Scope, name: string): string =>
  `arn:aws:lambda:${region}:${account}:capacity-provider:${name}`;

/**
 * Unless told, Lambda keeps three environments (Developer Guide, "Lambda Managed Instances"), and no version has more than the
 * model lets anybody ask for.
 */
export const defaultScaling: ScalingRecord = { min: 3, max: 15_000 };

/** Events at once for each vCPU, unless told (Developer Guide, "Lambda Managed Instances runtimes"). */
const perCpu: readonly (readonly [runtime: string, events: number])[] = [
  ["nodejs", 64],
  ["python", 16],
  ["java", 32],
  ["dotnet", 32],
  ["", 8],
];
const defaultGiBPerCpu = 2;

interface ProviderConfig {
  readonly CapacityProviderArn: string;
  readonly PerExecutionEnvironmentMaxConcurrency?: number;
  readonly ExecutionEnvironmentMemoryGiBPerVCpu?: number;
}

/** The capacity provider of a version's settings; undefined: it runs on Lambda's own fleet. */
export function providerOf(settings: VersionRecord["settings"]): ProviderConfig | undefined {
  const config = settings.CapacityProviderConfig as
    | { LambdaManagedInstancesCapacityProviderConfig?: ProviderConfig }
    | undefined;
  return config?.LambdaManagedInstancesCapacityProviderConfig;
}

/** vCPUs of one environment, not rounded. */
export function cpusOfManaged(memoryMb: number, config: ProviderConfig): number {
  return memoryMb / 1024 / (config.ExecutionEnvironmentMemoryGiBPerVCpu ?? defaultGiBPerCpu);
}

/** How a version on a capacity provider runs; undefined for every other. */
export function managedOf({ settings, scaling = defaultScaling }: VersionRecord): ManagedInstances | undefined {
  const config = providerOf(settings);
  if (config === undefined) return undefined;
  const cpus = cpusOfManaged(settings.MemorySize, config);
  const runtime = settings.Runtime ?? "";
  const [, events] = perCpu.find(([prefix]) => runtime.startsWith(prefix))!;
  return Object.freeze({
    providerArn: config.CapacityProviderArn,
    concurrency: config.PerExecutionEnvironmentMaxConcurrency ?? Math.max(1, Math.floor(cpus * events)),
    cpus,
    minEnvironments: scaling.min,
    maxEnvironments: scaling.max,
  });
}

/** Why a complete version is not to be invoked; undefined: it may be. */
export function standingOf({ settings, version, scaling }: VersionRecord): FunctionVersion["standing"] {
  if (providerOf(settings) === undefined) return undefined;
  // What is published of it runs; `$LATEST` itself is there to be changed.
  if (version === "$LATEST") return "ActiveNonInvocable";
  return scaling?.max === 0 ? "Deactivated" : undefined;
}
