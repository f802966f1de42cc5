import type { Delivery } from "../queue/index.ts";
import { targetRequest } from "./targets.ts";

/** What follows from the event of a function: a record, or a dead letter. */
type FunctionDelivery = Exclude<Delivery, { readonly kind: "event" }>;

/** A request of one of AWS's services, not signed yet. */
export interface ServiceRequest {
  /** as signatures name it */
  readonly service: string;
  /** as AWS's host names name it */
  readonly endpoint: string;
  readonly region: string;
  readonly method: "POST" | "PUT";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Reads why an answer of status 200 is none. */
  readonly refusal?: ((answer: string) => string | undefined) | undefined;
}

/**
 * What brings a record or a dead letter to its ARN; undefined for ARNs of other services.
 * Sources: Developer Guide, "Capturing records of Lambda asynchronous invocations"; SQS, SNS, EventBridge and S3 API references.
 */
export function requestFor(delivery: Delivery): ServiceRequest | undefined {
  if (delivery.kind === "event") return targetRequest(delivery);
  const [, , service, region = "", account = "", ...rest] = delivery.arn.split(":");
  const where = region === "" ? delivery.region : region;
  switch (service) {
    case "sqs":
      return toQueue(delivery, where, account, rest[0] ?? "");
    case "sns":
      return toTopic(delivery, where);
    case "events":
      return toBus(delivery, where);
    case "s3":
      return toBucket(delivery, where, rest[0] ?? "");
    default:
      return undefined;
  }
}

/** The name of a queue is in its URL, of which services read the last two parts only. */
function toQueue(delivery: FunctionDelivery, region: string, account: string, name: string): ServiceRequest {
  const message = {
    QueueUrl: `https://sqs.${region}.amazonaws.com/${account}/${name}`,
    MessageBody: delivery.body.toString("utf8"),
    ...(delivery.kind === "record" ? {} : { MessageAttributes: Object.fromEntries(attributesOf(delivery.attributes)) }),
  };
  return {
    service: "sqs",
    endpoint: "sqs",
    region,
    method: "POST",
    path: "/",
    headers: { "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage" },
    body: JSON.stringify(message),
  };
}

const attributesOf = (attributes: object) =>
  Object.entries(attributes).map(
    ([name, value]) =>
      [name, { DataType: name === "ErrorCode" ? "Number" : "String", StringValue: String(value) }] as const,
  );

function toTopic(delivery: FunctionDelivery, region: string): ServiceRequest {
  const form = new URLSearchParams({
    Action: "Publish",
    Version: "2010-03-31",
    TopicArn: delivery.arn,
    Message: delivery.body.toString("utf8"),
  });
  if (delivery.kind === "dead-letter") {
    for (const [index, [name, { DataType, StringValue }]] of attributesOf(delivery.attributes).entries()) {
      const entry = `MessageAttributes.entry.${index + 1}`;
      form.set(`${entry}.Name`, name);
      form.set(`${entry}.Value.DataType`, DataType);
      form.set(`${entry}.Value.StringValue`, StringValue);
    }
  }
  return {
    service: "sns",
    endpoint: "sns",
    region,
    method: "POST",
    path: "/",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: form.toString(),
  };
}

function toBus(delivery: FunctionDelivery, region: string): ServiceRequest | undefined {
  // A bus is a destination, but no dead-letter queue.
  if (delivery.kind !== "record") return undefined;
  const entry = {
    Time: delivery.created / 1000,
    Source: "lambda",
    Resources: [delivery.arn, delivery.functionArn],
    DetailType: `Lambda Function Invocation Result - ${delivery.success ? "Success" : "Failure"}`,
    Detail: delivery.body.toString("utf8"),
    EventBusName: delivery.arn,
  };
  return {
    service: "events",
    endpoint: "events",
    region,
    method: "POST",
    path: "/",
    headers: { "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AWSEvents.PutEvents" },
    body: JSON.stringify({ Entries: [entry] }),
    refusal: refusedEntry,
  };
}

/** PutEvents answers 200 to entries that it did not take. */
export function refusedEntry(answer: string): string | undefined {
  const { FailedEntryCount = 0, Entries = [] } = JSON.parse(answer) as {
    FailedEntryCount?: number;
    Entries?: { ErrorCode?: string; ErrorMessage?: string }[];
  };
  return FailedEntryCount === 0 ? undefined : `${Entries[0]?.ErrorCode}: ${Entries[0]?.ErrorMessage}`;
}

/** An object for each record, named as Lambda names them. */
function toBucket(delivery: FunctionDelivery, region: string, bucket: string): ServiceRequest {
  const moment = new Date(delivery.created).toISOString();
  const day = moment.slice(0, 10);
  const time = moment.slice(11, 19).replaceAll(":", ".");
  const key = `aws/lambda/async/${delivery.name}/${day.replaceAll("-", "/")}/${day}T${time}-${delivery.id}`;
  return {
    service: "s3",
    endpoint: "s3",
    region,
    method: "PUT",
    path: `/${bucket}/${key}`,
    headers: { "Content-Type": "application/json" },
    body: delivery.body.toString("utf8"),
  };
}
