import type { DestinationConfig, FunctionEventInvokeConfig } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../model/index.ts";
import { type EventInvokeRecord, functionArn, type Registry, type Scope } from "../../registry/index.ts";
import { type FunctionRef, functionRef } from "./function-ref.ts";

/** The settings of the operations that put and update. */
export interface EventInvokeInput {
  readonly FunctionName?: string | undefined;
  readonly Qualifier?: string | undefined;
  readonly MaximumRetryAttempts?: number | undefined;
  readonly MaximumEventAgeInSeconds?: number | undefined;
  readonly DestinationConfig?: DestinationConfig | undefined;
}

export interface EventInvokeTarget extends FunctionRef {
  readonly qualifier: string;
}

/** The function, version or alias that a request is about; `$LATEST` unless it names another. Not looked up. */
export function eventInvokeTarget(input: EventInvokeInput, scope: Scope): EventInvokeTarget {
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  return { ...ref, qualifier: ref.qualifier ?? "$LATEST" };
}

/** As Lambda describes it. `LastModified` is in seconds since the epoch. */
export function eventInvokeView(target: EventInvokeTarget, record: EventInvokeRecord) {
  const { maximumRetryAttempts, maximumEventAgeSeconds, onSuccess, onFailure } = record;
  return {
    LastModified: record.lastModified / 1000,
    FunctionArn: `${functionArn(target, target.name)}:${target.qualifier}`,
    ...(maximumRetryAttempts === undefined ? {} : { MaximumRetryAttempts: maximumRetryAttempts }),
    ...(maximumEventAgeSeconds === undefined ? {} : { MaximumEventAgeInSeconds: maximumEventAgeSeconds }),
    DestinationConfig: {
      OnSuccess: onSuccess === undefined ? {} : { Destination: onSuccess },
      OnFailure: onFailure === undefined ? {} : { Destination: onFailure },
    },
  } satisfies Omit<FunctionEventInvokeConfig, "LastModified"> & { LastModified: number };
}

/** Throws ResourceNotFoundException in Lambda's words. */
export function checkEventInvokeTarget(registry: Registry, target: EventInvokeTarget): void {
  const entry = registry.functions.find(target, target.name);
  const { qualifier } = target;
  if (entry !== undefined && (qualifier === "$LATEST" || entry.versions.has(qualifier) || entry.aliases.has(qualifier)))
    return;
  throw new ServiceError("ResourceNotFoundException", "The function doesn't exist.");
}

/** Throws ResourceNotFoundException: for Lambda says the same of a function that does not exist. */
export function getEventInvoke(registry: Registry, target: EventInvokeTarget): EventInvokeRecord {
  const record = registry.eventInvoke.get(target, target.name, target.qualifier);
  if (record !== undefined) return record;
  const arn = `${functionArn(target, target.name)}:${target.qualifier}`;
  throw new ServiceError("ResourceNotFoundException", `The function ${arn} doesn't have an EventInvokeConfig`);
}

/** `old` with what the request names; `old` is empty for put. Throws InvalidParameterValueException. */
export function changedEventInvoke(
  registry: Registry,
  target: EventInvokeTarget,
  old: Partial<EventInvokeRecord>,
  input: EventInvokeInput,
  now: number,
): EventInvokeRecord {
  const { DestinationConfig, MaximumRetryAttempts, MaximumEventAgeInSeconds } = input;
  if (DestinationConfig !== undefined) checkDestinations(registry, target, DestinationConfig);
  const retries = MaximumRetryAttempts ?? old.maximumRetryAttempts;
  const age = MaximumEventAgeInSeconds ?? old.maximumEventAgeSeconds;
  const success = DestinationConfig === undefined ? old.onSuccess : DestinationConfig.OnSuccess?.Destination;
  const failure = DestinationConfig === undefined ? old.onFailure : DestinationConfig.OnFailure?.Destination;
  return {
    lastModified: now,
    ...(retries === undefined ? {} : { maximumRetryAttempts: retries }),
    ...(age === undefined ? {} : { maximumEventAgeSeconds: age }),
    ...(success ? { onSuccess: success } : {}),
    ...(failure ? { onFailure: failure } : {}),
  };
}

/** Throws InvalidParameterValueException for a request that sets nothing. */
export function checkSomethingSet(input: EventInvokeInput): void {
  if (input.MaximumRetryAttempts !== undefined || input.MaximumEventAgeInSeconds !== undefined) return;
  if (input.DestinationConfig !== undefined) return;
  throw new ServiceError(
    "InvalidParameterValueException",
    "You must specify at least one of error handling or destination setting.",
  );
}

/** SQS, SNS, Lambda, EventBridge, and for failures S3. Source: Developer Guide, "Adding a destination". */
function checkDestinations(registry: Registry, target: EventInvokeTarget, config: DestinationConfig): void {
  const success = config.OnSuccess?.Destination;
  const failure = config.OnFailure?.Destination;
  const fine =
    (!success || isDestination(registry, target, success)) &&
    (!failure || failure.startsWith("arn:aws:s3:::") || isDestination(registry, target, failure));
  if (fine) return;
  const part = (name: string, arn: string | undefined) => (arn ? `${name}(destination=${arn})` : "null");
  throw new ServiceError(
    "InvalidParameterValueException",
    `The provided destination config DestinationConfig(onSuccess=${part("OnSuccess", success)}, onFailure=${part("OnFailure", failure)}) is invalid.`,
  );
}

function isDestination(registry: Registry, target: EventInvokeTarget, arn: string): boolean {
  const service = arn.split(":")[2] ?? "";
  if (service !== "lambda") return ["sqs", "sns", "events"].includes(service);
  const named = functionRef(arn, undefined, target);
  if (registry.functions.find(named, named.name) === undefined) {
    throw new ServiceError("InvalidParameterValueException", `The destination ARN ${arn} is invalid.`);
  }
  if (named.name === target.name && named.account === target.account) {
    throw new ServiceError(
      "InvalidParameterValueException",
      "You can't specify the function as a destination for itself.",
    );
  }
  return true;
}
