import { compileFilterPolicy, PatternError } from "../../patterns/index.ts";
import { PolicyError, parsePolicy } from "../../policy/index.ts";
import { MessageRefusal } from "../refusal.ts";

export type TopicAttributes = Readonly<Record<string, string>>;

/** `Invalid parameter: …` */
export const badParameter = (what: string) =>
  new MessageRefusal("InvalidParameterException", `Invalid parameter: ${what}`);

const topicNames: ReadonlySet<string> = new Set([
  "ArchivePolicy",
  "ContentBasedDeduplication",
  "DataProtectionPolicy",
  "DeliveryPolicy",
  "DisplayName",
  "FifoThroughputScope",
  "FifoTopic",
  "KmsMasterKeyId",
  "Policy",
  "SignatureVersion",
  "TracingConfig",
]);
/** What delivery status logging would be told. */
const feedback = /^(HTTP|Firehose|Lambda|Application|SQS)(Success|Failure)Feedback(RoleArn|SampleRate)$/;

/** Throws InvalidParameter. Source: SNS API Reference, CreateTopic and SetTopicAttributes. */
export function checkTopicAttribute(name: string, value: string): void {
  if (!topicNames.has(name) && !feedback.test(name)) throw badParameter("AttributeName");
  const wrong = (reason: string) => badParameter(`Attributes Reason: ${reason}`);
  if ((name === "FifoTopic" || name === "ContentBasedDeduplication") && value !== "true" && value !== "false") {
    throw wrong(`${name} must be true or false`);
  }
  if (name === "SignatureVersion" && value !== "1" && value !== "2") throw wrong("SignatureVersion must be 1 or 2");
  if (name === "TracingConfig" && value !== "PassThrough" && value !== "Active") throw badParameter("TracingConfig");
  if (name === "DisplayName" && value.length > 100) throw badParameter("DisplayName");
  if (name === "DeliveryPolicy" && value !== "") jsonOf(value, "DeliveryPolicy");
  if (name === "Policy" && value !== "") {
    try {
      parsePolicy(value, "resource");
    } catch (error) {
      throw error instanceof PolicyError ? badParameter("Policy Error: null") : error;
    }
  }
}

const subscriptionNames: ReadonlySet<string> = new Set([
  "DeliveryPolicy",
  "FilterPolicy",
  "FilterPolicyScope",
  "RawMessageDelivery",
  "RedrivePolicy",
  "ReplayPolicy",
  "SubscriptionRoleArn",
]);

/** Throws InvalidParameter. Source: SNS API Reference, Subscribe and SetSubscriptionAttributes. */
export function checkSubscriptionAttributes(protocol: string, attributes: TopicAttributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (!subscriptionNames.has(name)) throw badParameter("AttributeName");
    if (value === "") continue;
    if (name === "RawMessageDelivery") {
      if (value !== "true" && value !== "false") {
        throw badParameter(`Attributes Reason: RawMessageDelivery: Invalid value [${value}]. Must be true or false.`);
      }
      if (value === "true" && !["sqs", "http", "https", "firehose"].includes(protocol)) {
        throw badParameter(
          `Attributes Reason: RawMessageDelivery: Delivery protocol [${protocol}] does not support raw message delivery.`,
        );
      }
    }
    if (name === "FilterPolicyScope" && value !== "MessageAttributes" && value !== "MessageBody") {
      throw badParameter(
        `Attributes Reason: FilterPolicyScope: Invalid value [${value}]. Please use either MessageBody or MessageAttributes`,
      );
    }
    if (name === "DeliveryPolicy") jsonOf(value, "DeliveryPolicy");
    if (name === "RedrivePolicy") deadLetterArn(value);
  }
  if (attributes.FilterPolicy) filterOf(attributes);
}

export type Filter = ReturnType<typeof compileFilterPolicy>;

/** Undefined: everything passes. Throws InvalidParameter. */
export function filterOf({ FilterPolicy, FilterPolicyScope }: TopicAttributes): Filter | undefined {
  if (!FilterPolicy || FilterPolicy === "{}") return undefined;
  try {
    return compileFilterPolicy(FilterPolicy, FilterPolicyScope === "MessageBody" ? "MessageBody" : "MessageAttributes");
  } catch (error) {
    throw error instanceof PatternError ? badParameter(`FilterPolicy: ${error.message}`) : error;
  }
}

/** Where what could not be delivered goes. Throws InvalidParameter. */
export function deadLetterArn(redrive: string | undefined): string | undefined {
  if (!redrive) return undefined;
  const { deadLetterTargetArn: arn } = jsonOf(redrive, "RedrivePolicy");
  if (typeof arn === "string" && /^arn:[^:]+:sqs:[^:]+:\d{12}:[\w.-]+$/.test(arn)) return arn;
  throw badParameter(`RedrivePolicy: deadLetterTargetArn is an invalid arn`);
}

function jsonOf(text: string, name: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // said below
  }
  throw badParameter(`${name}: failed to parse JSON.`);
}

export interface RetryPolicy {
  readonly retries: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  readonly withoutDelay: number;
}

/** Of an HTTP endpoint. Source: SNS Developer Guide, "Message delivery retries". */
export function retryPolicyOf(subscription: string | undefined, topic: string | undefined): RetryPolicy {
  const own = subscription ? jsonOf(subscription, "DeliveryPolicy").healthyRetryPolicy : undefined;
  const http = topic ? (jsonOf(topic, "DeliveryPolicy").http as Record<string, unknown> | undefined) : undefined;
  const given = (own ?? http?.defaultHealthyRetryPolicy ?? {}) as Record<string, unknown>;
  const number = (name: string, byDefault: number, most: number) => {
    const value = Number(given[name] ?? byDefault);
    return Number.isFinite(value) && value >= 0 ? Math.min(value, most) : byDefault;
  };
  const minDelayMs = number("minDelayTarget", 20, 3600) * 1000;
  return {
    retries: number("numRetries", 3, 100),
    minDelayMs,
    maxDelayMs: Math.max(minDelayMs, number("maxDelayTarget", 20, 3600) * 1000),
    withoutDelay: number("numNoDelayRetries", 0, 100),
  };
}
