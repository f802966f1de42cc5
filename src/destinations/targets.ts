import type { Delivery } from "../queue/index.ts";
import { refusedEntry, type ServiceRequest } from "./requests.ts";

type EventDelivery = Extract<Delivery, { readonly kind: "event" }>;

/** A service that speaks AWS JSON: how its host, its credentials' scope and its operations are called. */
interface JsonService {
  /** as signatures and host names name it */
  readonly service: string;
  /** before the operation's name, without the dot */
  readonly target: string;
  readonly version: "1.0" | "1.1";
}

/** By the name that the Scheduler's universal targets have them under. Source: Scheduler User Guide, "Using universal targets". */
const jsonServices: Readonly<Record<string, JsonService>> = {
  sqs: { service: "sqs", target: "AmazonSQS", version: "1.0" },
  eventbridge: { service: "events", target: "AWSEvents", version: "1.1" },
  kinesis: { service: "kinesis", target: "Kinesis_20131202", version: "1.1" },
  firehose: { service: "firehose", target: "Firehose_20150804", version: "1.1" },
  sfn: { service: "states", target: "AWSStepFunctions", version: "1.0" },
  dynamodb: { service: "dynamodb", target: "DynamoDB_20120810", version: "1.0" },
  cloudwatchlogs: { service: "logs", target: "Logs_20140328", version: "1.1" },
  ssm: { service: "ssm", target: "AmazonSSM", version: "1.1" },
  secretsmanager: { service: "secretsmanager", target: "secretsmanager", version: "1.1" },
  kms: { service: "kms", target: "TrentService", version: "1.1" },
  ecs: { service: "ecs", target: "AmazonEC2ContainerServiceV20141113", version: "1.1" },
};

/**
 * What brings an event to the target of a rule or a schedule; undefined for services that none can be sent to. Sources:
 * EventBridge User Guide, "Event bus targets"; Scheduler User Guide, "Using templated targets".
 */
export function targetRequest(delivery: EventDelivery): ServiceRequest | undefined {
  const { arn, parameters } = delivery;
  const [, , service, region = "", account = "", ...rest] = arn.split(":");
  const where = region === "" ? delivery.region : region;
  const name = rest[0] ?? "";
  const text = delivery.body.toString("utf8");
  switch (service) {
    case "scheduler":
      return universal(rest, delivery.region, text);
    case "sqs": {
      const QueueUrl = `https://sqs.${where}.amazonaws.com/${account}/${name}`;
      return json("sqs", "SendMessage", where, { QueueUrl, MessageBody: text, ...parameters });
    }
    case "sns":
      return publish(where, { TopicArn: arn, Message: text, ...parameters });
    case "events": {
      const entry = { EventBusName: arn, Detail: text, ...parameters };
      return { ...json("eventbridge", "PutEvents", where, { Entries: [entry] }), refusal: refusedEntry };
    }
    case "kinesis": {
      const Data = delivery.body.toString("base64");
      return json("kinesis", "PutRecord", where, { StreamARN: arn, Data, PartitionKey: delivery.id, ...parameters });
    }
    case "firehose": {
      const Record = { Data: delivery.body.toString("base64") };
      return json("firehose", "PutRecord", where, { DeliveryStreamName: name.split("/")[1], Record });
    }
    case "s3":
      return {
        service: "s3",
        endpoint: "s3",
        region: where,
        method: "PUT",
        path: `/${name}/${encodeURI(parameters.Key ?? delivery.id)}`,
        headers: { "Content-Type": "application/json" },
        body: text,
      };
    case "states":
      return json("sfn", "StartExecution", where, { stateMachineArn: arn, input: text });
    default:
      return undefined;
  }
}

function json(name: string, operation: string, region: string, input: object | string): ServiceRequest {
  const { service, target, version } = jsonServices[name]!;
  return {
    service,
    endpoint: service,
    region,
    method: "POST",
    path: "/",
    headers: { "Content-Type": `application/x-amz-json-${version}`, "X-Amz-Target": `${target}.${operation}` },
    body: typeof input === "string" ? input : JSON.stringify(input),
  };
}

function publish(region: string, input: Readonly<Record<string, string>>): ServiceRequest {
  return {
    service: "sns",
    endpoint: "sns",
    region,
    method: "POST",
    path: "/",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ Action: "Publish", Version: "2010-03-31", ...input }).toString(),
  };
}

/** `aws-sdk:sqs:sendMessage`: the text is the operation's input. */
function universal([, name = "", action = ""]: readonly string[], region: string, text: string) {
  const operation = action.slice(0, 1).toUpperCase() + action.slice(1);
  if (name === "sns" && operation === "Publish") {
    const given = Object.entries(JSON.parse(text) as Record<string, unknown>);
    return publish(
      region,
      Object.fromEntries(given.filter((one): one is [string, string] => typeof one[1] === "string")),
    );
  }
  if (!Object.hasOwn(jsonServices, name)) return undefined;
  const request = json(name, operation, region, text);
  return operation === "PutEvents" ? { ...request, refusal: refusedEntry } : request;
}

/** Can the Scheduler call this operation of a service by a universal target? */
export const isUniversal = (service: string, action: string): boolean =>
  Object.hasOwn(jsonServices, service) || (service === "sns" && action === "publish");
