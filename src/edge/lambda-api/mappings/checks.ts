import type { CreateEventSourceMappingRequest, UpdateEventSourceMappingRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import type { SourceKind } from "../../../registry/index.ts";
import { isFilterPattern } from "./filter-criteria.ts";
import { particular, type SourceRules, sourceOf, sourceRules } from "./source.ts";

export type MappingInput = CreateEventSourceMappingRequest | UpdateEventSourceMappingRequest;

const invalid = (message: string) => new ServiceError("InvalidParameterValueException", message);
const lowerFirst = (name: string) => name.charAt(0).toLowerCase() + name.slice(1);

/** What a new mapping reads from. Throws InvalidParameterValueException for nothing that Lambda knows. */
export function sourceOfRequest(input: CreateEventSourceMappingRequest): SourceKind {
  const { EventSourceArn: arn, SelfManagedEventSource } = input;
  if (SelfManagedEventSource !== undefined) {
    if (arn !== undefined) throw invalid("Only one of eventSourceArn or selfManagedEventSource can be specified.");
    if (input.SourceAccessConfigurations === undefined) {
      throw invalid("Required 'sourceAccessConfigurations' parameter is missing.");
    }
    return "kafka";
  }
  if (arn === undefined) throw invalid("Unrecognized event source.");
  const rabbit = (input.SourceAccessConfigurations ?? []).some(({ Type }) => Type === "VIRTUAL_HOST");
  const kind = sourceOf(arn, rabbit);
  if (kind === undefined) throw invalid(`Unsupported source arn : ${arn}`);
  return kind;
}

/** Everything that depends on the kind of source. `merged`: the request over what the mapping already has. */
export function checkSettings(kind: SourceKind, input: MappingInput, merged: Readonly<Record<string, unknown>>): void {
  const rules = sourceRules[kind];
  for (const [name, value] of Object.entries(input)) {
    if (value === undefined || !particular.has(name) || rules.takes.has(name)) continue;
    throw invalid(`Unsupported '${lowerFirst(name)}' parameter for given event source mapping type.`);
  }
  if (input.DestinationConfig?.OnSuccess?.Destination) {
    throw invalid("Unsupported DestinationConfig parameter for given event source mapping type.");
  }
  checkBatch(kind, rules, merged);
  checkAge(merged);
  checkFilters(input);
  checkPollers(rules, merged);
}

function checkBatch(kind: SourceKind, rules: SourceRules, merged: Readonly<Record<string, unknown>>): void {
  const size = Number(merged.BatchSize);
  const window = merged.MaximumBatchingWindowInSeconds;
  if (kind === "sqs-fifo" && Number(window ?? 0) > 0) {
    throw invalid("Batching window is not supported for FIFO queues.");
  }
  if (size > rules.mostBatchSize) {
    throw invalid(`Maximum batch size for this event source mapping type is ${rules.mostBatchSize}.`);
  }
  if (kind === "sqs" && size > 10 && Number(window ?? 0) === 0) {
    throw invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10");
  }
}

/** The model lets 0 to 59 through. Source: Developer Guide, "MaximumRecordAgeInSeconds … -1, or 60 to 604,800". */
function checkAge({ MaximumRecordAgeInSeconds: age }: Readonly<Record<string, unknown>>): void {
  if (typeof age === "number" && age !== -1 && age < 60) {
    throw invalid("Maximum record age in seconds must be -1 or greater than or equal to 60.");
  }
}

function checkFilters({ FilterCriteria }: MappingInput): void {
  for (const { Pattern } of FilterCriteria?.Filters ?? []) {
    if (Pattern === undefined || !isFilterPattern(Pattern)) throw invalid("Invalid filter pattern definition.");
  }
}

function checkPollers({ pollers }: SourceRules, merged: Readonly<Record<string, unknown>>): void {
  const given = merged.ProvisionedPollerConfig as { MinimumPollers?: number; MaximumPollers?: number } | undefined;
  if (given === undefined || pollers === undefined) return;
  const [fewest, most] = pollers;
  const { MinimumPollers: min = fewest, MaximumPollers: max = 200 } = given;
  if (min < fewest) throw invalid(`Minimum pollers must be greater than or equal to ${fewest}.`);
  if (max < fewest || max > most) throw invalid(`Maximum pollers must be between ${fewest} and ${most}.`);
  if (min > max) throw invalid("Minimum pollers must be less than or equal to maximum pollers.");
  if (merged.ScalingConfig !== undefined) {
    throw invalid("ScalingConfig and ProvisionedPollerConfig cannot be specified together.");
  }
}

/** Where a new mapping begins to read. Throws as Lambda does. */
export function checkStart(kind: SourceKind, input: CreateEventSourceMappingRequest, now: number): void {
  const { startingPositionRequired, startingPositions, takes } = sourceRules[kind];
  const { StartingPosition: position, StartingPositionTimestamp: moment } = input;
  if ((kind === "sqs" || kind === "sqs-fifo") && position !== undefined) {
    throw invalid("StartingPosition is not valid for SQS event sources.");
  }
  if (position === undefined) {
    if (!startingPositionRequired) return;
    throw invalid(
      "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
    );
  }
  if (takes.has("StartingPosition") && !startingPositions.includes(position)) {
    throw invalid(`Unsupported starting position for arn type: ${input.EventSourceArn}`);
  }
  if (position === "AT_TIMESTAMP" && moment === undefined) throw invalid("Need to specify a timestamp");
  if (position !== "AT_TIMESTAMP" && moment !== undefined) {
    throw invalid("Timestamp only valid with StartingPosition AT_TIMESTAMP");
  }
  if (moment !== undefined && Number(moment) < 0) {
    throw invalid(
      "Received Exception while reading from provided stream. class java.lang.Long can not be converted to a Timestamp",
    );
  }
  if (moment !== undefined && Number(moment) * 1000 > now) throw invalid("Timestamp must not be in the future.");
}

/** What else a source cannot do without. */
export function checkComplete(kind: SourceKind, input: CreateEventSourceMappingRequest): void {
  const required = (name: string) => invalid(`Required '${name}' parameter is missing.`);
  if ((kind === "msk" || kind === "kafka") && input.Topics === undefined) throw required("topics");
  if (kind !== "activemq" && kind !== "rabbitmq" && kind !== "documentdb") return;
  if (input.SourceAccessConfigurations === undefined) throw required("sourceAccessConfigurations");
  if (kind === "documentdb") {
    if (input.DocumentDBEventSourceConfig?.DatabaseName === undefined) throw required("databaseName");
  } else if (input.Queues === undefined) throw required("queues");
}
