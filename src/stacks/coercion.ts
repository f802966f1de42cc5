import { isMapping, type Mapping } from "../templates/index.ts";

/** Properties that are whole numbers wherever they stand: parameters, and so much of templates, are texts. */
const numbers = new Set(
  "MemorySize Timeout Size BatchSize MaximumBatchingWindowInSeconds MaximumRecordAgeInSeconds MaximumRetryAttempts MaximumEventAgeInSeconds ParallelizationFactor TumblingWindowInSeconds MaximumConcurrency MinimumPollers MaximumPollers ReservedConcurrentExecutions ProvisionedConcurrentExecutions RetentionInDays ShardCount RetentionPeriodHours ReadCapacityUnits WriteCapacityUnits MaxSessionDuration PendingWindowInDays RetentionPeriodInDays ExecutionTimeout MaxAge TimeoutInMillis ThrottlingBurstLimit AuthorizerResultTtlInSeconds MaximumWindowInMinutes Port HealthCheckIntervalSeconds HealthCheckTimeoutSeconds HealthyThresholdCount UnhealthyThresholdCount Period EvaluationPeriods DatapointsToAlarm".split(
    " ",
  ),
);
const fractions = new Set([
  "ThrottlingRateLimit",
  "FunctionWeight",
  "StartingPositionTimestamp",
  "Threshold",
  "DefaultValue",
]);
const booleans = new Set(
  "Enabled AutoDeploy FifoQueue FifoTopic ContentBasedDeduplication BisectBatchOnFunctionError AllowCredentials SqsManagedSseEnabled RawMessageDelivery EnableKeyRotation DisableExecuteApiEndpoint EnableSimpleResponses Publish InvokedViaFunctionUrl MultiRegion Ipv6AllowedForDualStack EnableDnsSupport EmptyOnDelete ApiKeyRequired DetailedMetricsEnabled TracingEnabled ActionsEnabled ReturnData".split(
    " ",
  ),
);
/** What is under these is the customer's: everything in it stays as it is, and scalars of Variables and Tags are texts. */
const texts = new Set(["Variables", "Tags", "Attributes", "StageVariables"]);
const kept = new Set([
  "PolicyDocument",
  "AssumeRolePolicyDocument",
  "Policy",
  "Body",
  "EventPattern",
  "FilterPolicy",
  "KeyPolicy",
  "Input",
  "Schema",
]);

/** A resource's properties with numbers and booleans as the services' own APIs want them. */
export function coerced(properties: Mapping): Mapping {
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, of(name, value)]));
}

function of(name: string, value: unknown): unknown {
  if (kept.has(name)) return value;
  if (texts.has(name) && isMapping(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, textOf(each)]));
  }
  if (Array.isArray(value)) return value.map((each) => of(name, each));
  if (isMapping(value)) {
    const isTag = name === "Tags" && "Key" in value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, isTag ? textOf(each) : of(key, each)]));
  }
  if (typeof value !== "string") return value;
  if (numbers.has(name) && /^-?\d+$/.test(value)) return Number(value);
  if (fractions.has(name) && value.trim() !== "" && !Number.isNaN(Number(value))) return Number(value);
  if (booleans.has(name) && /^(true|false)$/i.test(value)) return value.toLowerCase() === "true";
  return value;
}

const textOf = (value: unknown): unknown =>
  typeof value === "number" || typeof value === "boolean" ? String(value) : value;
