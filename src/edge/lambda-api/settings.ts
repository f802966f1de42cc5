import type { CreateFunctionRequest, UpdateFunctionConfigurationRequest } from "@aws-sdk/client-lambda";
import { limits, ServiceError } from "../../model/index.ts";
import type { FunctionSettings } from "../../registry/index.ts";
import { changedDurableConfig, newDurableConfig } from "./durable-config.ts";
import { checkManaged, checkStays, managedDefaults } from "./managed.ts";

/** Settings that are kept as they come: whatever is a member of both the request and the configuration. */
const carried = [
  "Role",
  "Handler",
  "Runtime",
  "Description",
  "Timeout",
  "MemorySize",
  "VpcConfig",
  "PackageType",
  "DeadLetterConfig",
  "Environment",
  "KMSKeyArn",
  "TracingConfig",
  "FileSystemConfigs",
  "ImageConfig",
  "Architectures",
  "EphemeralStorage",
  "SnapStart",
  "TenancyConfig",
  "CapacityProviderConfig",
  "DurableConfig",
  "RuntimeConfig",
  "AcceleratorConfig",
] as const;

/** Variables that Lambda sets itself. Source: Developer Guide, "Defined runtime environment variables". */
const reservedVariables: ReadonlySet<string> = new Set([
  "_HANDLER",
  "_X_AMZN_TRACE_ID",
  "AWS_ACCESS_KEY",
  "AWS_ACCESS_KEY_ID",
  "AWS_DEFAULT_REGION",
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
  "AWS_LAMBDA_FUNCTION_NAME",
  "AWS_LAMBDA_FUNCTION_VERSION",
  "AWS_LAMBDA_INITIALIZATION_TYPE",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_LAMBDA_RUNTIME_API",
  "AWS_REGION",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "LAMBDA_RUNTIME_DIR",
  "LAMBDA_TASK_ROOT",
]);

/** A new function's configuration with the defaults Lambda shows. Throws InvalidParameterValueException. */
export function newSettings(input: CreateFunctionRequest, name: string): FunctionSettings {
  const given = pick(input);
  const settings: FunctionSettings = {
    Description: "",
    Timeout: limits.timeoutSeconds.default,
    MemorySize: limits.memoryMb.default,
    ...managedDefaults(input.CapacityProviderConfig),
    PackageType: "Zip",
    Architectures: ["x86_64"],
    EphemeralStorage: { Size: limits.ephemeralMb.default },
    TracingConfig: { Mode: "PassThrough" },
    ...(given as { Role: string }),
    SnapStart: { ApplyOn: input.SnapStart?.ApplyOn ?? "None" },
    LoggingConfig: loggingOf(managedLogging(input), name),
    ...newDurableConfig(input.DurableConfig),
  };
  check(settings);
  return settings;
}

/** The configuration after an update: what the request leaves out stays. Throws InvalidParameterValueException. */
export function changedSettings(
  old: FunctionSettings,
  input: UpdateFunctionConfigurationRequest,
  name: string,
): FunctionSettings {
  const logging = changedLogging(old.LoggingConfig, input.LoggingConfig, name);
  const SnapStart = { ApplyOn: input.SnapStart?.ApplyOn ?? old.SnapStart.ApplyOn };
  const durable = changedDurableConfig(old.DurableConfig, input.DurableConfig);
  const settings: FunctionSettings = { ...old, ...pick(input), SnapStart, LoggingConfig: logging, ...durable };
  checkStays(old, settings);
  check(settings);
  return settings;
}

/** Functions on capacity providers always log JSON (Developer Guide, "Lambda Managed Instances runtimes"). */
function managedLogging({ CapacityProviderConfig, LoggingConfig }: CreateFunctionRequest) {
  return CapacityProviderConfig === undefined ? LoggingConfig : { LogFormat: "JSON" as const, ...LoggingConfig };
}

/** What a request says about its package. Throws InvalidParameterValueException, in AWS's words where they are known. */
export function checkPackage(
  { PackageType }: Pick<FunctionSettings, "PackageType">,
  input: Pick<CreateFunctionRequest, "Handler" | "Runtime" | "Layers" | "ImageConfig"> &
    Partial<Pick<CreateFunctionRequest, "Code">>,
): void {
  if (PackageType !== "Image") {
    if (input.ImageConfig === undefined && input.Code?.ImageUri === undefined) return;
    const member = input.ImageConfig === undefined ? "ImageUri" : "ImageConfig";
    throw invalid(`Please don't provide ${member} when the intended function PackageType is Zip.`);
  }
  if (input.Handler !== undefined || input.Runtime !== undefined || (input.Layers ?? []).length > 0) {
    throw invalid("Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.");
  }
  if (input.Code === undefined || input.Code.ImageUri !== undefined) return;
  throw invalid("Please provide ImageUri when creating a function with packageType Image.");
}

function pick(input: object): Record<string, unknown> {
  const given = input as Record<string, unknown>;
  return Object.fromEntries(carried.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]));
}

function loggingOf(given: CreateFunctionRequest["LoggingConfig"], name: string): FunctionSettings["LoggingConfig"] {
  const LogFormat = given?.LogFormat ?? "Text";
  const LogGroup = given?.LogGroup ?? `/aws/lambda/${name}`;
  if (LogFormat === "JSON") {
    const { ApplicationLogLevel = "INFO", SystemLogLevel = "INFO" } = given ?? {};
    return { LogFormat, LogGroup, ApplicationLogLevel, SystemLogLevel };
  }
  if (given?.ApplicationLogLevel !== undefined || given?.SystemLogLevel !== undefined) {
    throw invalid(
      "Log level cannot be set to the function when log format is Text. Set the log format to JSON and try again.",
    );
  }
  return { LogFormat, LogGroup };
}

/** What an update leaves out stays, but for the levels of a function that goes over to text. */
function changedLogging(
  old: FunctionSettings["LoggingConfig"],
  given: UpdateFunctionConfigurationRequest["LoggingConfig"],
  name: string,
): FunctionSettings["LoggingConfig"] {
  if (given === undefined) return old;
  const { LogFormat, LogGroup, ApplicationLogLevel, SystemLogLevel } = old;
  const format = given.LogFormat ?? LogFormat;
  if (format !== "JSON") return loggingOf({ LogFormat: format, LogGroup, ...given }, name);
  const levels = {
    ApplicationLogLevel: given.ApplicationLogLevel ?? (ApplicationLogLevel as typeof given.ApplicationLogLevel),
    SystemLogLevel: given.SystemLogLevel ?? (SystemLogLevel as typeof given.SystemLogLevel),
  };
  return loggingOf({ LogGroup, ...given, ...levels, LogFormat: format }, name);
}

function check(settings: FunctionSettings): void {
  if (settings.PackageType === "Zip" && (!settings.Runtime || !settings.Handler)) {
    throw invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.");
  }
  checkManaged(settings);
  checkSnapStart(settings);
  checkTenancy(settings);
  checkFileSystems(settings);
  checkVariables(settings.Environment?.Variables ?? {});
}

/**
 * What cannot be had with snapshots ("Improving startup performance with Lambda SnapStart": Limitations). AWS also leaves
 * out most runtimes (it takes Java 11, Python 3.12 and .NET 8 and later); here every runtime may be used.
 */
function checkSnapStart({ SnapStart, EphemeralStorage, FileSystemConfigs }: FunctionSettings): void {
  if (SnapStart.ApplyOn !== "PublishedVersions") return;
  if (EphemeralStorage.Size > limits.snapStartEphemeralMb) {
    throw invalid(
      `Ephemeral storage greater than ${limits.snapStartEphemeralMb} MB is not supported for SnapStart enabled functions.`,
    );
  }
  if (Array.isArray(FileSystemConfigs) && FileSystemConfigs.length > 0) {
    throw invalid("FileSystemConfigs is not supported for SnapStart enabled functions.");
  }
}

/** What a function that keeps its tenants apart cannot have ("Configuring tenant isolation"); the text is ours. */
function checkTenancy({ TenancyConfig, SnapStart }: FunctionSettings): void {
  if (TenancyConfig === undefined || SnapStart.ApplyOn !== "PublishedVersions") return;
  throw invalid("SnapStart is not supported for functions with tenant isolation mode.");
}

/** A file system is reached through a VPC (Developer Guide, "Configuring file system access for Lambda functions"). */
function checkFileSystems({ FileSystemConfigs, VpcConfig }: FunctionSettings): void {
  const [first] = (FileSystemConfigs ?? []) as readonly { readonly Arn?: string }[];
  const { SubnetIds = [] } = (VpcConfig ?? {}) as { readonly SubnetIds?: readonly string[] };
  if (first?.Arn?.split(":")[2] !== "elasticfilesystem" || SubnetIds.length > 0) return;
  throw invalid(`Function must be configured to execute in a VPC to reference access point ${first.Arn}.`);
}

function checkVariables(variables: Readonly<Record<string, string>>): void {
  const trouble =
    "Lambda was unable to configure your environment variables because the environment variables you have provided";
  const reserved = Object.keys(variables).filter((name) => reservedVariables.has(name));
  if (reserved.length > 0) {
    throw invalid(
      `${trouble} contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ${reserved.join(", ")}`,
    );
  }
  const measured = JSON.stringify(variables);
  if (Buffer.byteLength(measured) > limits.environmentBytes) {
    throw invalid(`${trouble} exceeded the 4KB limit. String measured: ${measured}`);
  }
}

const invalid = (message: string) => new ServiceError("InvalidParameterValueException", message);
