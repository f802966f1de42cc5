import { ServiceError } from "../../model/index.ts";
import {
  type CapacityProviderRecord,
  capacityProviderArn,
  cpusOfManaged,
  type FunctionSettings,
  providerOf,
  type Registry,
  type Scope,
} from "../../registry/index.ts";
import { validationError, violation } from "./validate.ts";

/** What a function on a capacity provider may have; the least memory is also what it gets. */
const memoryMb = { min: 2048, max: 32_768 };
/** Maxima of functions on Lambda's own fleet (Developer Guide, "Lambda quotas"); the model has those of managed instances. */
const ownFleet = { memorySize: 10_240, timeout: 900, "ephemeralStorage.size": 10_240 } as const;

/** Runtimes with concurrency of their own (Developer Guide, "Lambda Managed Instances runtimes"). */
const firstOf = { nodejs: 22, python: 3.13, java: 21, dotnet: 8 } as const;

/** What a new function on a capacity provider has unless it says otherwise. */
export const managedDefaults = (config: unknown) => (config === undefined ? {} : { MemorySize: memoryMb.min });

/**
 * Throws ValidationException for more than Lambda's own fleet has, in the words of AWS's front end, and
 * InvalidParameterValueException for what managed instances do not have (texts ours).
 */
export function checkManaged(settings: FunctionSettings): void {
  const config = providerOf(settings);
  if (config === undefined) {
    checkOwnFleet(settings);
    return;
  }
  const { MemorySize, PackageType, Runtime = "", SnapStart, TenancyConfig, VpcConfig, LoggingConfig } = settings;
  if (MemorySize < memoryMb.min) {
    throw invalid(`MemorySize must be at least ${memoryMb.min} MB for functions with a capacity provider.`);
  }
  const ratio = config.ExecutionEnvironmentMemoryGiBPerVCpu ?? 2;
  if (![2, 4, 8].includes(ratio)) {
    throw invalid("ExecutionEnvironmentMemoryGiBPerVCpu must be 2, 4 or 8.");
  }
  if (cpusOfManaged(MemorySize, config) < 1) {
    throw invalid(`MemorySize ${MemorySize} MB is less than one vCPU's ${ratio} GiB.`);
  }
  if (PackageType === "Zip" && !isSupported(Runtime)) {
    throw invalid(`Runtime ${Runtime} is not supported for functions with a capacity provider.`);
  }
  const { SubnetIds = [] } = (VpcConfig ?? {}) as { readonly SubnetIds?: readonly string[] };
  const refused =
    SnapStart.ApplyOn === "PublishedVersions"
      ? "SnapStart"
      : TenancyConfig !== undefined
        ? "TenancyConfig"
        : SubnetIds.length > 0
          ? "VpcConfig"
          : LoggingConfig.LogFormat !== "JSON"
            ? "The log format Text"
            : undefined;
  if (refused !== undefined) throw invalid(`${refused} is not supported for functions with a capacity provider.`);
}

interface Publishing {
  readonly Publish?: boolean | undefined;
  readonly PublishTo?: string | undefined;
}

/** Who says where to publish wants that. Throws InvalidParameterValueException for `$LATEST.PUBLISHED` on Lambda's own fleet. */
export function isPublished({ Publish, PublishTo }: Publishing, settings: FunctionSettings): boolean {
  if (PublishTo !== undefined && providerOf(settings) === undefined) {
    throw invalid("PublishTo is supported only for functions with a capacity provider.");
  }
  return Publish === true || PublishTo !== undefined;
}

/** Whether a function has a capacity provider is decided when it is created (SAM Developer Guide, "CapacityProviderConfig"). */
export function checkStays(before: FunctionSettings, after: FunctionSettings): void {
  if ((providerOf(before) === undefined) === (providerOf(after) === undefined)) return;
  throw invalid("CapacityProviderConfig cannot be added to an existing function or removed from it.");
}

/** Throws InvalidParameterValueException when a function's capacity provider is not there for it. */
export function checkProvider(registry: Registry, scope: Scope, settings: FunctionSettings): void {
  const arn = providerOf(settings)?.CapacityProviderArn;
  if (arn === undefined) return;
  const provider = findProvider(registry, scope, arn);
  if (provider === undefined) throw invalid(`The capacity provider ${arn} does not exist.`);
  const { Architectures: [own] = ["x86_64"] } = (provider.settings.InstanceRequirements ?? {}) as {
    readonly Architectures?: readonly string[];
  };
  const [wanted = "x86_64"] = settings.Architectures;
  if (own !== wanted) throw invalid(`The capacity provider ${arn} has instances of ${own}, not of ${wanted}.`);
}

/** By name or ARN, of the caller's own account and region; undefined: there is none. */
export function findProvider(registry: Registry, scope: Scope, text: string): CapacityProviderRecord | undefined {
  const name = text.startsWith("arn:") ? text.slice(text.lastIndexOf(":") + 1) : text;
  if (text.startsWith("arn:") && text !== capacityProviderArn(scope, name)) return undefined;
  return registry.capacityProviders.get(scope.account, `${scope.region}/${name}`);
}

/** Throws ResourceNotFoundException. */
export function providerNamed(registry: Registry, scope: Scope, text: string): CapacityProviderRecord {
  const found = findProvider(registry, scope, text);
  if (found !== undefined) return found;
  const arn = text.startsWith("arn:") ? text : capacityProviderArn(scope, text);
  throw new ServiceError("ResourceNotFoundException", `Capacity provider not found: ${arn}`);
}

/** A capacity provider as Lambda describes it. `state`: of one that is being made or deleted; it is no other for long here. */
export function providerView(record: CapacityProviderRecord, state = "Active") {
  return {
    CapacityProviderArn: capacityProviderArn(record, record.providerName),
    State: state,
    ...record.settings,
    LastModified: record.lastModified,
  };
}

/** Versions of the functions that a capacity provider runs, `$LATEST` among them, by ARN. */
export function versionsOn(registry: Registry, provider: CapacityProviderRecord) {
  const arn = capacityProviderArn(provider, provider.providerName);
  return registry.functions
    .list(provider)
    .flatMap(({ record, latest, versions }) =>
      [latest, ...versions.values()]
        .filter(({ settings }) => providerOf(settings)?.CapacityProviderArn === arn)
        .map((version) => ({ record, version })),
    );
}

function checkOwnFleet({ MemorySize, Timeout, EphemeralStorage }: FunctionSettings): void {
  const given = { memorySize: MemorySize, timeout: Timeout, "ephemeralStorage.size": EphemeralStorage.Size };
  const broken = Object.entries(ownFleet).flatMap(([path, max]) => {
    const value = given[path as keyof typeof ownFleet];
    return value > max ? [violation(value, path, `Member must have value less than or equal to ${max}`)] : [];
  });
  if (broken.length > 0) throw validationError(broken);
}

function isSupported(runtime: string): boolean {
  if (runtime === "provided.al2023") return true;
  const [, language = "", version = "0"] = /^([a-z]+)(\d+(?:\.\d+)?)/.exec(runtime) ?? [];
  if (!Object.hasOwn(firstOf, language)) return false;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor = 0, leastMinor = 0] = String(firstOf[language as keyof typeof firstOf])
    .split(".")
    .map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

const invalid = (message: string) => new ServiceError("InvalidParameterValueException", message);
