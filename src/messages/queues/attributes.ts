import { PolicyError, parsePolicy, type Statement } from "../../policy/index.ts";
import { invalidValue, MessageRefusal } from "../refusal.ts";

/** What a queue's attributes mean. */
export interface Settings {
  readonly fifo: boolean;
  readonly delayMs: number;
  readonly visibilityMs: number;
  readonly retentionMs: number;
  readonly waitMs: number;
  readonly maxBytes: number;
  readonly deduplicatesContent: boolean;
  /** a deduplication id is of its group, and not of the queue */
  readonly deduplicatesByGroup: boolean;
  readonly redrive: { readonly arn: string; readonly max: number } | undefined;
  /** whose dead letters it takes */
  readonly redriveAllow: { readonly permission: string; readonly sources: readonly string[] } | undefined;
  readonly policy: readonly Statement[];
}

export type Attributes = Readonly<Record<string, string>>;

const bounds: Readonly<Record<string, readonly [min: number, max: number]>> = {
  DelaySeconds: [0, 900],
  // Source: SQS API Reference, CreateQueue: 1 MiB since August 2025.
  MaximumMessageSize: [1024, 1_048_576],
  MessageRetentionPeriod: [60, 1_209_600],
  ReceiveMessageWaitTimeSeconds: [0, 20],
  VisibilityTimeout: [0, 43_200],
  KmsDataKeyReusePeriodSeconds: [60, 86_400],
};
const choices: Readonly<Record<string, readonly string[]>> = {
  FifoQueue: ["true", "false"],
  ContentBasedDeduplication: ["true", "false"],
  SqsManagedSseEnabled: ["true", "false"],
  DeduplicationScope: ["messageGroup", "queue"],
  FifoThroughputLimit: ["perQueue", "perMessageGroupId"],
};
const ofFifo: ReadonlySet<string> = new Set([
  "FifoQueue",
  "ContentBasedDeduplication",
  "DeduplicationScope",
  "FifoThroughputLimit",
]);
const documents: ReadonlySet<string> = new Set(["Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"]);

/** Of what nobody set. */
export function defaultsOf(fifo: boolean, hasKey: boolean): Attributes {
  return {
    VisibilityTimeout: "30",
    MaximumMessageSize: "1048576",
    MessageRetentionPeriod: "345600",
    DelaySeconds: "0",
    ReceiveMessageWaitTimeSeconds: "0",
    ...(hasKey ? { KmsDataKeyReusePeriodSeconds: "300" } : {}),
    SqsManagedSseEnabled: hasKey ? "false" : "true",
    ...(fifo
      ? {
          FifoQueue: "true",
          ContentBasedDeduplication: "false",
          DeduplicationScope: "queue",
          FifoThroughputLimit: "perQueue",
        }
      : {}),
  };
}

/** Throws InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue. */
export function checkAttribute(name: string, value: string, fifo: boolean): void {
  const bound = bounds[name];
  const choice = choices[name];
  const known = bound !== undefined || choice !== undefined || documents.has(name);
  if (!known || (ofFifo.has(name) && !fifo)) {
    throw new MessageRefusal("InvalidAttributeName", `Unknown Attribute ${name}.`);
  }
  const number = Number(value);
  const wrong =
    (bound !== undefined && (!/^\d{1,9}$/.test(value) || number < bound[0] || number > bound[1])) ||
    (choice !== undefined && !choice.includes(value));
  if (wrong) throw badValue(name);
  if (value === "") return;
  if (name === "Policy") checkPolicy(value);
  if (name === "RedrivePolicy") redriveOf(value);
  if (name === "RedriveAllowPolicy") redriveAllowOf(value);
}

/** What goes together and what does not. Throws MessageRefusal. */
export function checkTogether(attributes: Attributes): void {
  if (attributes.KmsMasterKeyId && attributes.SqsManagedSseEnabled === "true") {
    throw new MessageRefusal(
      "InvalidAttributeName",
      "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    );
  }
  if (attributes.FifoThroughputLimit === "perMessageGroupId" && attributes.DeduplicationScope !== "messageGroup") {
    throw badValue(
      "FifoThroughputLimit",
      " Reason: perMessageGroupId is allowed only when the value for DeduplicationScope is messageGroup.",
    );
  }
}

/** Of attributes that have been checked. */
export function settingsOf(fifo: boolean, attributes: Attributes): Settings {
  const whole = { ...defaultsOf(fifo, false), ...attributes };
  const ms = (name: string) => Number(whole[name]) * 1000;
  return {
    fifo,
    delayMs: ms("DelaySeconds"),
    visibilityMs: ms("VisibilityTimeout"),
    retentionMs: ms("MessageRetentionPeriod"),
    waitMs: ms("ReceiveMessageWaitTimeSeconds"),
    maxBytes: Number(whole.MaximumMessageSize),
    deduplicatesContent: whole.ContentBasedDeduplication === "true",
    deduplicatesByGroup: whole.DeduplicationScope === "messageGroup",
    redrive: whole.RedrivePolicy ? redriveOf(whole.RedrivePolicy) : undefined,
    redriveAllow: whole.RedriveAllowPolicy ? redriveAllowOf(whole.RedriveAllowPolicy) : undefined,
    policy: whole.Policy ? parsePolicy(whole.Policy, "resource").statements : [],
  };
}

const badValue = (name: string, reason = "") =>
  new MessageRefusal("InvalidAttributeValue", `Invalid value for the parameter ${name}.${reason}`);

function checkPolicy(text: string): void {
  try {
    parsePolicy(text, "resource");
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw badValue("Policy");
  }
}

type Json = Readonly<Record<string, unknown>>;

/** Undefined: it is no document. */
function objectOf(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

const queueArn = /^arn:[^:]+:sqs:[^:]+:\d{12}:[\w-]{1,80}(\.fifo)?$/;

function redriveOf(text: string): NonNullable<Settings["redrive"]> {
  const refuse = (reason: string) => invalidValue(text, "RedrivePolicy", reason);
  const document = objectOf(text);
  if (document === undefined) throw refuse("Redrive policy is not a valid JSON map.");
  const { deadLetterTargetArn: arn, maxReceiveCount: max } = document;
  if (max === undefined) throw refuse("Redrive policy does not contain mandatory attribute: maxReceiveCount.");
  if (arn === undefined) throw refuse("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.");
  const count = Number(max);
  if (!Number.isInteger(count) || count < 1 || count > 1000) {
    throw refuse(`Invalid value for maxReceiveCount: ${String(max)}, valid values are from 1 to 1000 both inclusive.`);
  }
  if (typeof arn !== "string" || !queueArn.test(arn)) throw refuse("Invalid value for deadLetterTargetArn.");
  return { arn, max: count };
}

function redriveAllowOf(text: string): NonNullable<Settings["redriveAllow"]> {
  const refuse = (reason: string) => invalidValue(text, "RedriveAllowPolicy", reason);
  const document = objectOf(text);
  if (document === undefined) throw refuse("Redrive allow policy is not a valid JSON map.");
  const { redrivePermission: permission, sourceQueueArns: sources = [] } = document;
  if (permission !== "allowAll" && permission !== "denyAll" && permission !== "byQueue") {
    throw refuse("Invalid value for redrivePermission.");
  }
  const listed = Array.isArray(sources) && sources.every((arn) => typeof arn === "string" && queueArn.test(arn));
  if (!listed || sources.length > 10 || (permission === "byQueue") !== sources.length > 0) {
    throw refuse("Invalid value for sourceQueueArns.");
  }
  return { permission, sources: sources.map(String) };
}
