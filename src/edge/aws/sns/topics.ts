import {
  badParameter,
  defaultPolicy,
  MessageRefusal,
  type Topic,
  withoutPermission,
  withPermission,
} from "../../../messages/index.ts";
import { page, type SnsOperation } from "./operation.ts";

interface OfTopic {
  readonly TopicArn: string;
}

interface TagEntry {
  readonly Key: string;
  readonly Value: string;
}

const recordOf = (tags: readonly TagEntry[]) => Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));

interface CreateInput {
  readonly Name: string;
  readonly Attributes?: Readonly<Record<string, string>>;
  readonly Tags?: readonly TagEntry[];
}

export const createTopic: SnsOperation<CreateInput> = async ({ input, caller, topics }) => {
  const { account, region } = caller;
  const { Name, Attributes = {}, Tags = [] } = input;
  return { TopicArn: (await topics.create({ account, region }, Name, Attributes, recordOf(Tags))).arn };
};

/** One that is not there is deleted as well. Source: SNS API Reference, DeleteTopic. */
export const deleteTopic: SnsOperation<OfTopic> = async ({ input, topics, topic }) => {
  if (topics.find(input.TopicArn) === undefined && /^arn:[^:]+:sns:[^:]+:\d{12}:[\w.-]+$/.test(input.TopicArn))
    return {};
  await topics.remove(topic(input.TopicArn));
  return {};
};

export const listTopics: SnsOperation<{ NextToken?: string }> = ({ input, caller, topics }) => {
  const { items, more } = page(topics.list(caller), input.NextToken);
  return { Topics: items.map(({ arn }) => ({ TopicArn: arn })), ...more };
};

/** What HTTP endpoints get unless they or their topic say otherwise. */
export const effectiveDeliveryPolicy = JSON.stringify({
  http: {
    defaultHealthyRetryPolicy: {
      minDelayTarget: 20,
      maxDelayTarget: 20,
      numRetries: 3,
      numMaxDelayRetries: 0,
      numNoDelayRetries: 0,
      numMinDelayRetries: 0,
      backoffFunction: "linear",
    },
    disableSubscriptionOverrides: false,
    defaultRequestPolicy: { headerContentType: "text/plain; charset=UTF-8" },
  },
});

export const getTopicAttributes: SnsOperation<OfTopic> = ({ input, topics, topic }) => {
  const found = topic(input.TopicArn);
  const { arn, record, fifo } = found;
  const subscriptions = topics.subscriptionsOf(found);
  const pending = subscriptions.filter((one) => one.record.token !== undefined).length;
  return {
    Attributes: {
      Policy: policyOf(found),
      Owner: record.account,
      SubscriptionsPending: String(pending),
      TopicArn: arn,
      EffectiveDeliveryPolicy: effectiveDeliveryPolicy,
      SubscriptionsConfirmed: String(subscriptions.length - pending),
      DisplayName: "",
      SubscriptionsDeleted: "0",
      ...(fifo ? { ContentBasedDeduplication: "false" } : {}),
      ...record.attributes,
    },
  };
};

const policyOf = ({ record }: Topic): string => record.attributes.Policy ?? defaultPolicy(record);

export const setTopicAttributes: SnsOperation<OfTopic & { AttributeName: string; AttributeValue?: string }> = async ({
  input,
  topics,
  topic,
}) => {
  await topics.setAttribute(topic(input.TopicArn), input.AttributeName, input.AttributeValue ?? "");
  return {};
};

interface AddPermissionInput extends OfTopic {
  readonly Label: string;
  readonly AWSAccountId: readonly string[];
  readonly ActionName: readonly string[];
}

export const addPermission: SnsOperation<AddPermissionInput> = async ({ input, topics, topic }) => {
  const found = topic(input.TopicArn);
  const { Label: label, AWSAccountId: accounts, ActionName: actions } = input;
  const policy = inSnsWords(() => withPermission(policyOf(found), "SNS", found.arn, { label, accounts, actions }));
  await topics.setAttribute(found, "Policy", policy);
  return {};
};

export const removePermission: SnsOperation<OfTopic & { Label: string }> = async ({ input, topics, topic }) => {
  const found = topic(input.TopicArn);
  const policy = inSnsWords(() => withoutPermission(policyOf(found), input.Label, found.arn));
  await topics.setAttribute(found, "Policy", policy);
  return {};
};

/** The two services have the same rules and other names for them. */
function inSnsWords<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof MessageRefusal) throw badParameter(error.message);
    throw error;
  }
}

/** Throws ResourceNotFound. */
function tagged(topics: { find(arn: string): Topic | undefined }, arn: string): void {
  if (topics.find(arn) === undefined) throw new MessageRefusal("ResourceNotFoundException", "Resource does not exist");
}

export const tagResource: SnsOperation<{ ResourceArn: string; Tags: readonly TagEntry[] }> = async ({
  input,
  topics,
  topic,
}) => {
  tagged(topics, input.ResourceArn);
  const found = topic(input.ResourceArn);
  if (new Set(input.Tags.map(({ Key }) => Key)).size < input.Tags.length) {
    throw badParameter("Duplicated keys are not allowed.");
  }
  const tags = { ...found.record.tags, ...recordOf(input.Tags) };
  if (Object.keys(tags).length > 50) {
    throw new MessageRefusal(
      "TagLimitExceededException",
      "Could not complete request: tag quota of per resource exceeded",
    );
  }
  await topics.setTags(found, tags);
  return {};
};

export const untagResource: SnsOperation<{ ResourceArn: string; TagKeys: readonly string[] }> = async ({
  input,
  topics,
  topic,
}) => {
  tagged(topics, input.ResourceArn);
  const found = topic(input.ResourceArn);
  const left = Object.entries(found.record.tags).filter(([key]) => !input.TagKeys.includes(key));
  await topics.setTags(found, Object.fromEntries(left));
  return {};
};

export const listTagsForResource: SnsOperation<{ ResourceArn: string }> = ({ input, topics, topic }) => {
  tagged(topics, input.ResourceArn);
  return { Tags: Object.entries(topic(input.ResourceArn).record.tags).map(([Key, Value]) => ({ Key, Value })) };
};
