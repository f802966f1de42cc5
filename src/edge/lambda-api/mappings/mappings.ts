import { ServiceError } from "../../../model/index.ts";
import { type MappingRecord, mappingKey, type Registry, type Scope, type SourceKind } from "../../../registry/index.ts";
import { functionRef } from "../function-ref.ts";
import { refuseTenants } from "../tenancy.ts";
import type { MappingInput } from "./checks.ts";
import { sourceRules } from "./source.ts";

/** Members that are kept as they come. */
const kept = [
  "EventSourceArn",
  "BatchSize",
  "FilterCriteria",
  "KMSKeyArn",
  "MetricsConfig",
  "LoggingConfig",
  "ScalingConfig",
  "MaximumBatchingWindowInSeconds",
  "ParallelizationFactor",
  "StartingPosition",
  "StartingPositionTimestamp",
  "DestinationConfig",
  "MaximumRecordAgeInSeconds",
  "BisectBatchOnFunctionError",
  "MaximumRetryAttempts",
  "TumblingWindowInSeconds",
  "Topics",
  "Queues",
  "SourceAccessConfigurations",
  "SelfManagedEventSource",
  "FunctionResponseTypes",
  "AmazonManagedKafkaEventSourceConfig",
  "SelfManagedKafkaEventSourceConfig",
  "DocumentDBEventSourceConfig",
  "ProvisionedPollerConfig",
] as const;

/** Of these an empty one takes the setting away (API Reference: "To remove the configuration, pass an empty value"). */
const removable: ReadonlySet<string> = new Set([
  "FilterCriteria",
  "MetricsConfig",
  "ScalingConfig",
  "ProvisionedPollerConfig",
  "LoggingConfig",
  "KMSKeyArn",
]);

/** What a new mapping has before the request is looked at. */
export function defaultsOf(kind: SourceKind, uuid: string): Record<string, unknown> {
  const { batchSize, window, takes } = sourceRules[kind];
  const settings: Record<string, unknown> = { BatchSize: batchSize };
  if (window !== undefined) settings.MaximumBatchingWindowInSeconds = window;
  if (takes.has("FunctionResponseTypes")) settings.FunctionResponseTypes = [];
  if (takes.has("ParallelizationFactor")) {
    Object.assign(settings, {
      ParallelizationFactor: 1,
      TumblingWindowInSeconds: 0,
      BisectBatchOnFunctionError: false,
      MaximumRecordAgeInSeconds: -1,
      MaximumRetryAttempts: -1,
    });
  }
  if (takes.has("DestinationConfig")) settings.DestinationConfig = { OnFailure: {} };
  if (takes.has("Topics")) settings.StartingPosition = "TRIM_HORIZON";
  if (kind === "documentdb") settings.StartingPosition = "LATEST";
  if (kind === "msk") settings.AmazonManagedKafkaEventSourceConfig = { ConsumerGroupId: uuid };
  if (kind === "kafka") settings.SelfManagedKafkaEventSourceConfig = { ConsumerGroupId: uuid };
  if (kind !== "sqs" && kind !== "sqs-fifo") settings.LastProcessingResult = "No records processed";
  return settings;
}

/** `old` with what the request names. */
export function mergedSettings(old: Readonly<Record<string, unknown>>, input: MappingInput): Record<string, unknown> {
  const given: Readonly<Record<string, unknown>> = { ...input };
  const settings = { ...old };
  for (const name of kept) {
    const value = given[name];
    if (value === undefined) continue;
    if (removable.has(name) && isEmpty(value)) delete settings[name];
    else settings[name] = value;
  }
  const destination = settings.DestinationConfig as { OnFailure?: { Destination?: string } } | undefined;
  if (destination !== undefined) {
    const arn = destination.OnFailure?.Destination;
    settings.DestinationConfig = { OnFailure: arn ? { Destination: arn } : {} };
  }
  return settings;
}

function isEmpty(value: unknown): boolean {
  if (typeof value === "string") return value === "";
  return Object.values(value as object).every(
    (inner) => inner === undefined || (Array.isArray(inner) && inner.length === 0),
  );
}

/** The function that a mapping invokes. Throws InvalidParameterValueException when there is none. */
export function mappedFunction(
  registry: Registry,
  text: string,
  scope: Scope,
): { readonly functionName: string; readonly qualifier?: string } {
  const ref = functionRef(text, undefined, scope);
  // A mapping invokes a function of its own account, whatever policies say.
  const entry = ref.account === scope.account ? registry.functions.find(ref, ref.name) : undefined;
  const { qualifier } = ref;
  const exists =
    entry !== undefined &&
    (qualifier === undefined ||
      qualifier === "$LATEST" ||
      entry.versions.has(qualifier) ||
      entry.aliases.has(qualifier));
  if (!exists) throw new ServiceError("InvalidParameterValueException", "Function does not exist");
  refuseTenants(entry, "An event source mapping");
  return { functionName: ref.name, ...(qualifier === undefined ? {} : { qualifier }) };
}

/** Throws ResourceNotFoundException. */
export function getMapping(registry: Registry, scope: Scope, uuid: string): MappingRecord {
  const record = registry.mappings.get(scope.account, mappingKey(scope.region, uuid));
  if (record !== undefined) return record;
  throw new ServiceError("ResourceNotFoundException", "The resource you requested does not exist.");
}

/** One source is mapped to one version or alias once. Throws ResourceConflictException. */
export function checkUnique(registry: Registry, made: MappingRecord): void {
  const sources = sourcesOf(made);
  for (const other of registry.mappings.list(made.account)) {
    if (other.uuid === made.uuid || other.region !== made.region || other.functionName !== made.functionName) continue;
    if (other.qualifier !== made.qualifier || !sourcesOf(other).some((source) => sources.includes(source))) continue;
    const arn = String(made.settings.EventSourceArn ?? sources[0]);
    const queue = made.source === "sqs" || made.source === "sqs-fifo";
    throw new ServiceError(
      "ResourceConflictException",
      queue
        ? `An event source mapping with SQS arn (" ${arn} ") and function (" ${made.functionName} ") already exists. Please update or delete the existing mapping with UUID ${other.uuid}`
        : `The event source arn (" ${arn} ") and function (" ${made.functionName} ") provided mapping already exists. Please update or delete the existing mapping with UUID ${other.uuid}`,
    );
  }
}

/** Of Kafka and MQ, another topic or queue of the same cluster is another source. */
function sourcesOf({ settings }: MappingRecord): string[] {
  const { EventSourceArn, SelfManagedEventSource, Topics, Queues } = settings as {
    EventSourceArn?: string;
    SelfManagedEventSource?: { Endpoints?: Record<string, string[]> };
    Topics?: string[];
    Queues?: string[];
  };
  const servers =
    EventSourceArn === undefined ? Object.values(SelfManagedEventSource?.Endpoints ?? {}).flat() : [EventSourceArn];
  const parts = Topics ?? Queues ?? [""];
  return servers.flatMap((server) => parts.map((part) => `${server} ${part}`.trim()));
}
