import {
  arnOf,
  defaultsOf,
  invalidParameter,
  invalidValue,
  MessageRefusal,
  noQueue,
  type Place,
  type Queue,
  withoutPermission,
  withPermission,
} from "../../../messages/index.ts";
import { isAccount } from "../../caller.ts";
import type { CreateQueueInput, OfQueue, SqsCall, SqsOperation } from "./operation.ts";
import { queueUrl } from "./urls.ts";

const urlOf = ({ host }: SqsCall<unknown>, { record }: Queue): string => queueUrl(host, record, record.name);

export const createQueue: SqsOperation<CreateQueueInput> = async (call) => {
  const { account, region } = call.caller;
  const { QueueName, Attributes = {}, tags = {} } = call.input;
  checkTags(tags);
  return { QueueUrl: urlOf(call, await call.queues.create({ account, region }, QueueName, Attributes, tags)) };
};

export const getQueueUrl: SqsOperation<{ QueueName: string; QueueOwnerAWSAccountId?: string }> = (call) => {
  const { QueueName, QueueOwnerAWSAccountId: owner = call.caller.account } = call.input;
  if (!isAccount(owner)) throw noQueue();
  const queue = call.queues.get({ account: owner, region: call.caller.region }, QueueName);
  call.authorize(queue, "GetQueueUrl");
  return { QueueUrl: urlOf(call, queue) };
};

interface Pages {
  readonly NextToken?: string;
  readonly MaxResults?: number;
}

/** Without MaxResults there is one page. Source: SQS API Reference, ListQueues. */
function page(call: SqsCall<Pages>, queues: readonly Queue[]) {
  const { NextToken, MaxResults } = call.input;
  if (MaxResults !== undefined && (MaxResults < 1 || MaxResults > 1000)) {
    throw invalidValue(MaxResults, "MaxResults", "MaxResults must be an integer between 1 and 1000");
  }
  if (NextToken !== undefined && MaxResults === undefined) {
    throw invalidParameter("MaxResults must be set to use NextToken.");
  }
  const after = NextToken === undefined ? "" : Buffer.from(NextToken, "base64url").toString("utf8");
  const left = queues.filter(({ record }) => record.name > after);
  const urls = left.slice(0, MaxResults ?? 1000).map((queue) => urlOf(call, queue));
  const last = left[urls.length - 1];
  const more = MaxResults !== undefined && left.length > urls.length && last !== undefined;
  return { urls, token: more ? { NextToken: Buffer.from(last.record.name).toString("base64url") } : {} };
}

export const listQueues: SqsOperation<Pages & { QueueNamePrefix?: string }> = (call) => {
  const { QueueNamePrefix = "" } = call.input;
  const { account, region } = call.caller;
  const all = call.queues.list({ account, region }).filter(({ record }) => record.name.startsWith(QueueNamePrefix));
  const { urls, token } = page(call, all);
  return urls.length === 0 ? {} : { QueueUrls: urls, ...token };
};

export const listDeadLetterSourceQueues: SqsOperation<Pages & OfQueue> = (call) => {
  const { urls, token } = page(call, call.queues.sourcesOf(call.queue(call.input.QueueUrl)));
  return { queueUrls: urls, ...token };
};

export const deleteQueue: SqsOperation<OfQueue> = async (call) => {
  await call.queues.remove(call.queue(call.input.QueueUrl));
  return {};
};

export const purgeQueue: SqsOperation<OfQueue> = async (call) => {
  await call.queues.purge(call.queue(call.input.QueueUrl));
  return {};
};

/** All attributes of a queue, as GetQueueAttributes shows them. */
function attributesOf(call: SqsCall<unknown>, queue: Queue): Record<string, string> {
  const { record, settings } = queue;
  const { visible, inFlight, delayed } = call.queues.counts(queue);
  return {
    QueueArn: arnOf(record),
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    CreatedTimestamp: String(record.created),
    LastModifiedTimestamp: String(record.modified),
    ...defaultsOf(settings.fifo, record.attributes.KmsMasterKeyId !== undefined),
    ...record.attributes,
  };
}

const known: ReadonlySet<string> = new Set([
  "All",
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesDelayed",
  "ApproximateNumberOfMessagesNotVisible",
  "ContentBasedDeduplication",
  "CreatedTimestamp",
  "DeduplicationScope",
  "DelaySeconds",
  "FifoQueue",
  "FifoThroughputLimit",
  "KmsDataKeyReusePeriodSeconds",
  "KmsMasterKeyId",
  "LastModifiedTimestamp",
  "MaximumMessageSize",
  "MessageRetentionPeriod",
  "Policy",
  "QueueArn",
  "ReceiveMessageWaitTimeSeconds",
  "RedriveAllowPolicy",
  "RedrivePolicy",
  "SqsManagedSseEnabled",
  "VisibilityTimeout",
]);

export const getQueueAttributes: SqsOperation<OfQueue & { AttributeNames?: readonly string[] }> = (call) => {
  const { QueueUrl, AttributeNames = [] } = call.input;
  const queue = call.queue(QueueUrl);
  const unknown = AttributeNames.find((name) => !known.has(name));
  if (unknown !== undefined) throw new MessageRefusal("InvalidAttributeName", `Unknown Attribute ${unknown}.`);
  if (AttributeNames.length === 0) return {};
  const all = attributesOf(call, queue);
  if (AttributeNames.includes("All")) return { Attributes: all };
  const wanted = AttributeNames.filter((name) => all[name] !== undefined).map((name) => [name, all[name]]);
  return { Attributes: Object.fromEntries(wanted) };
};

export const setQueueAttributes: SqsOperation<OfQueue & { Attributes: Readonly<Record<string, string>> }> = async (
  call,
) => {
  await call.queues.setAttributes(call.queue(call.input.QueueUrl), call.input.Attributes);
  return {};
};

/** Throws InvalidParameterValue. Source: SQS Developer Guide, "Amazon SQS policy quotas": 50 tags. */
function checkTags(tags: Readonly<Record<string, string>>): void {
  const entries = Object.entries(tags);
  if (entries.length > 50)
    throw invalidParameter("Too many tags added for queue. Maximum number of tags allowed is 50.");
  const bad = entries.find(
    ([key, value]) => key.length < 1 || key.length > 128 || value.length > 256 || /^aws:/i.test(key),
  );
  if (bad !== undefined)
    throw invalidValue(
      bad[0],
      "TagKey",
      "Tag keys have 1 to 128 characters and do not begin with aws:, values have at most 256.",
    );
}

export const tagQueue: SqsOperation<OfQueue & { Tags: Readonly<Record<string, string>> }> = async (call) => {
  const queue = call.queue(call.input.QueueUrl);
  const tags = { ...queue.record.tags, ...call.input.Tags };
  checkTags(tags);
  await call.queues.setTags(queue, tags);
  return {};
};

export const untagQueue: SqsOperation<OfQueue & { TagKeys: readonly string[] }> = async (call) => {
  const queue = call.queue(call.input.QueueUrl);
  const gone = new Set(call.input.TagKeys);
  const left = Object.entries(queue.record.tags).filter(([key]) => !gone.has(key));
  await call.queues.setTags(queue, Object.fromEntries(left));
  return {};
};

export const listQueueTags: SqsOperation<OfQueue> = (call) => {
  const { tags } = call.queue(call.input.QueueUrl).record;
  return Object.keys(tags).length === 0 ? {} : { Tags: tags };
};

interface AddPermissionInput extends OfQueue {
  readonly Label: string;
  readonly AWSAccountIds: readonly string[];
  readonly Actions: readonly string[];
}

export const addPermission: SqsOperation<AddPermissionInput> = async (call) => {
  const { QueueUrl, Label: label, AWSAccountIds: accounts, Actions: actions } = call.input;
  const queue = call.queue(QueueUrl);
  const { Policy } = queue.record.attributes;
  const policy = withPermission(Policy, "SQS", arnOf(queue.record), { label, accounts, actions });
  await call.queues.setAttributes(queue, { Policy: policy });
  return {};
};

export const removePermission: SqsOperation<OfQueue & { Label: string }> = async (call) => {
  const queue = call.queue(call.input.QueueUrl);
  const { Policy } = queue.record.attributes;
  await call.queues.setAttributes(queue, { Policy: withoutPermission(Policy, call.input.Label, arnOf(queue.record)) });
  return {};
};

/** Queues of move tasks are named by their ARNs. */
function byArn(call: SqsCall<unknown>, arn: string, parameter: string, action: string): Queue {
  const queue = call.queues.byArn(arn);
  const same = (place: Place) => place.account === call.caller.account;
  if (queue === undefined || !same(queue.record)) {
    const message = `The resource that you specified for the ${parameter} parameter doesn't exist.`;
    throw new MessageRefusal("ResourceNotFoundException", message);
  }
  call.authorize(queue, action);
  return queue;
}

interface StartMoveInput {
  readonly SourceArn: string;
  readonly DestinationArn?: string;
  readonly MaxNumberOfMessagesPerSecond?: number;
}

export const startMessageMoveTask: SqsOperation<StartMoveInput> = async (call) => {
  const { SourceArn, DestinationArn, MaxNumberOfMessagesPerSecond } = call.input;
  byArn(call, SourceArn, "SourceArn", "StartMessageMoveTask");
  if (DestinationArn !== undefined) byArn(call, DestinationArn, "DestinationArn", "SendMessage");
  return { TaskHandle: await call.queues.startMove(SourceArn, DestinationArn, MaxNumberOfMessagesPerSecond) };
};

export const cancelMessageMoveTask: SqsOperation<{ TaskHandle: string }> = async (call) => {
  const { TaskHandle } = call.input;
  const source = call.queues.moveSource(TaskHandle);
  if (source === undefined) throw invalidParameter("Value for parameter TaskHandle is invalid.");
  byArn(call, source, "SourceArn", "CancelMessageMoveTask");
  return { ApproximateNumberOfMessagesMoved: await call.queues.cancelMove(TaskHandle) };
};

export const listMessageMoveTasks: SqsOperation<{ SourceArn: string; MaxResults?: number }> = (call) => {
  const { SourceArn, MaxResults = 1 } = call.input;
  if (MaxResults < 1 || MaxResults > 10) {
    throw invalidValue(MaxResults, "MaxResults", "Value for parameter MaxResults must be between 1 and 10.");
  }
  byArn(call, SourceArn, "SourceArn", "ListMessageMoveTasks");
  return {
    Results: call.queues.moves(SourceArn, MaxResults).map((task) => ({
      TaskHandle: task.handle,
      Status: task.status,
      SourceArn: task.source,
      DestinationArn: task.destination,
      MaxNumberOfMessagesPerSecond: task.perSecond,
      ApproximateNumberOfMessagesMoved: task.moved,
      ApproximateNumberOfMessagesToMove: task.toMove,
      FailureReason: task.failure,
      StartedTimestamp: task.started,
    })),
  };
};
