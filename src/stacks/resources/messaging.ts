import { isMapping, type Mapping } from "../../templates/index.ts";
import { isTaken } from "./calls.ts";
import {
  documentText,
  gone,
  type Handler,
  type Handlers,
  pairsOf,
  tagList,
  tagsOf,
  text,
  type Work,
  without,
} from "./handler.ts";

const sqs = (work: Work, operation: string, input: object): Promise<Mapping> =>
  work.calls.json("sqs", `AmazonSQS.${operation}`, input, "1.0");

/** Attributes are texts; policies are documents in a text. */
function attributesOf(properties: Mapping, ...names: string[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(without(properties, "Tags", ...names)).map(([name, value]) => [
      name,
      typeof value === "object" ? JSON.stringify(value) : text(value),
    ]),
  );
}

/** What an attribute that is gone from a template goes back to. Source: SQS API Reference, SetQueueAttributes. */
const queueDefaults: Readonly<Record<string, string>> = {
  DelaySeconds: "0",
  MaximumMessageSize: "1048576",
  MessageRetentionPeriod: "345600",
  ReceiveMessageWaitTimeSeconds: "0",
  VisibilityTimeout: "30",
  RedrivePolicy: "",
  RedriveAllowPolicy: "",
  KmsMasterKeyId: "",
};

const queue: Handler = {
  replaces: ["QueueName", "FifoQueue"],
  name: { property: "QueueName", most: 80 },
  async create(work) {
    const { properties, stack } = work;
    const fifo = properties.FifoQueue === true;
    const QueueName = text(properties.QueueName) || (fifo ? `${work.name.slice(0, 75)}.fifo` : work.name);
    const Attributes = attributesOf(properties, "QueueName", ...(fifo ? [] : ["FifoQueue"]));
    const { QueueUrl } = await sqs(work, "CreateQueue", { QueueName, Attributes, tags: tagsOf(work) });
    const Arn = `arn:aws:sqs:${stack.region}:${stack.account}:${QueueName}`;
    return { physicalId: text(QueueUrl), attributes: { Arn, QueueName, QueueUrl } };
  },
  async update(work) {
    const wished = attributesOf(work.properties, "QueueName", "FifoQueue");
    const had = attributesOf(work.before, "QueueName", "FifoQueue");
    const reset = Object.fromEntries(gone(had, wished).map((name) => [name, queueDefaults[name] ?? ""]));
    const QueueUrl = work.physicalId;
    const Attributes = { ...reset, ...wished };
    if (Object.keys(Attributes).length > 0) await sqs(work, "SetQueueAttributes", { QueueUrl, Attributes });
    const TagKeys = gone(pairsOf(work.before.Tags), tagsOf(work));
    if (TagKeys.length > 0) await sqs(work, "UntagQueue", { QueueUrl, TagKeys });
    if (Object.keys(tagsOf(work)).length > 0) await sqs(work, "TagQueue", { QueueUrl, Tags: tagsOf(work) });
    return {};
  },
  async delete(work) {
    await sqs(work, "DeleteQueue", { QueueUrl: work.physicalId });
  },
};

const queuesOf = ({ Queues }: Mapping): string[] => (Array.isArray(Queues) ? Queues.map(text) : []);

async function setQueuePolicies(work: Work, urls: readonly string[], Policy: string): Promise<void> {
  for (const QueueUrl of urls) await sqs(work, "SetQueueAttributes", { QueueUrl, Attributes: { Policy } });
}

const queuePolicy: Handler = {
  replaces: [],
  async create(work) {
    await setQueuePolicies(work, queuesOf(work.properties), documentText(work.properties.PolicyDocument));
    return { physicalId: work.name, attributes: { Id: work.name } };
  },
  async update(work) {
    const now = queuesOf(work.properties);
    await setQueuePolicies(
      work,
      queuesOf(work.before).filter((url) => !now.includes(url)),
      "",
    );
    await setQueuePolicies(work, now, documentText(work.properties.PolicyDocument));
    return {};
  },
  async delete(work) {
    await setQueuePolicies(work, queuesOf(work.properties), "");
  },
};

const topicAttributes = (properties: Mapping): Record<string, string> =>
  attributesOf(properties, "TopicName", "Subscription", "DeliveryStatusLogging", "FifoTopic");

const topic: Handler = {
  replaces: ["TopicName", "FifoTopic"],
  name: { property: "TopicName", most: 256 },
  async create(work) {
    const { calls, properties } = work;
    const fifo = properties.FifoTopic === true;
    const Name = text(properties.TopicName) || (fifo ? `${work.name.slice(0, 250)}.fifo` : work.name);
    const Attributes = new Map(
      Object.entries({ ...topicAttributes(properties), ...(fifo ? { FifoTopic: "true" } : {}) }),
    );
    const answer = await calls.query("sns", "CreateTopic", { Name, Attributes, Tags: tagList(tagsOf(work)) });
    const TopicArn = text(answer.text("TopicArn"));
    work.exists({ physicalId: TopicArn });
    for (const each of Array.isArray(properties.Subscription) ? properties.Subscription : []) {
      const { Protocol, Endpoint } = each as Mapping;
      await calls.query("sns", "Subscribe", { TopicArn, Protocol, Endpoint });
    }
    return { physicalId: TopicArn, attributes: { TopicArn, TopicName: Name } };
  },
  async update({ calls, properties, before, physicalId: TopicArn }) {
    const wished = topicAttributes(properties);
    for (const AttributeName of gone(topicAttributes(before), wished)) {
      await calls.query("sns", "SetTopicAttributes", { TopicArn, AttributeName, AttributeValue: "" });
    }
    for (const [AttributeName, AttributeValue] of Object.entries(wished)) {
      await calls.query("sns", "SetTopicAttributes", { TopicArn, AttributeName, AttributeValue });
    }
    return {};
  },
  async delete({ calls, physicalId }) {
    await calls.query("sns", "DeleteTopic", { TopicArn: physicalId });
  },
};

const subscriptionAttributes = (properties: Mapping): Record<string, string> =>
  attributesOf(properties, "TopicArn", "Protocol", "Endpoint", "Region");

const subscription: Handler = {
  replaces: ["TopicArn", "Protocol", "Endpoint", "Region"],
  async create({ calls, properties }) {
    const { TopicArn, Protocol, Endpoint } = properties;
    const answer = await calls.query("sns", "Subscribe", {
      TopicArn,
      Protocol,
      Endpoint,
      ReturnSubscriptionArn: true,
      Attributes: new Map(Object.entries(subscriptionAttributes(properties))),
    });
    const arn = text(answer.text("SubscriptionArn"));
    return { physicalId: arn, attributes: { Arn: arn } };
  },
  async update({ calls, properties, before, physicalId: SubscriptionArn }) {
    const wished = subscriptionAttributes(properties);
    const reset = Object.fromEntries(gone(subscriptionAttributes(before), wished).map((name) => [name, "{}"]));
    for (const [AttributeName, AttributeValue] of Object.entries({ ...reset, ...wished })) {
      await calls.query("sns", "SetSubscriptionAttributes", { SubscriptionArn, AttributeName, AttributeValue });
    }
    return {};
  },
  async delete({ calls, physicalId }) {
    await calls.query("sns", "Unsubscribe", { SubscriptionArn: physicalId });
  },
};

const topicPolicy: Handler = {
  replaces: ["Topics"],
  async create(work) {
    await setTopicPolicies(work);
    return { physicalId: work.name, attributes: { Id: work.name } };
  },
  async update(work) {
    await setTopicPolicies(work);
    return {};
  },
  // A topic always has a policy: AWS leaves the one that it has.
  async delete() {},
};

async function setTopicPolicies({ calls, properties }: Work): Promise<void> {
  for (const TopicArn of Array.isArray(properties.Topics) ? properties.Topics : []) {
    const AttributeValue = documentText(properties.PolicyDocument);
    await calls.query("sns", "SetTopicAttributes", { TopicArn, AttributeName: "Policy", AttributeValue });
  }
}

const events = (work: Work, operation: string, input: object): Promise<Mapping> =>
  work.calls.json("events", `AWSEvents.${operation}`, input);
const targetsOf = ({ Targets }: Mapping): Mapping[] => (Array.isArray(Targets) ? Targets.filter(isMapping) : []);

async function putRule(work: Work, Name: string, before: Mapping): Promise<string> {
  const { EventPattern, ...rest } = without(work.properties, "Targets", "Name", "Tags");
  const pattern = EventPattern === undefined ? {} : { EventPattern: documentText(EventPattern) };
  const { RuleArn } = await events(work, "PutRule", { Name, ...rest, ...pattern, Tags: tagList(tagsOf(work)) });
  const Targets = targetsOf(work.properties);
  const Ids = targetsOf(before)
    .map(({ Id }) => Id)
    .filter((id) => !Targets.some(({ Id }) => Id === id));
  const where = without({ Rule: Name, EventBusName: work.properties.EventBusName });
  if (Ids.length > 0) await events(work, "RemoveTargets", { ...where, Ids });
  if (Targets.length > 0) {
    const { FailedEntries } = await events(work, "PutTargets", { ...where, Targets });
    const [failed] = Array.isArray(FailedEntries) ? FailedEntries : [];
    if (isMapping(failed)) throw new Error(`${text(failed.TargetId)}: ${text(failed.ErrorMessage)}`);
  }
  return text(RuleArn);
}

const rule: Handler = {
  replaces: ["Name", "EventBusName"],
  name: { property: "Name", most: 64 },
  async create(work) {
    const Name = text(work.properties.Name) || work.name;
    const Arn = await putRule(work, Name, {});
    const bus = text(work.properties.EventBusName).split("/").at(-1)!;
    return { physicalId: bus === "" || bus === "default" ? Name : `${bus}|${Name}`, attributes: { Arn } };
  },
  async update(work) {
    return { attributes: { Arn: await putRule(work, work.physicalId.split("|").at(-1)!, work.before) } };
  },
  async delete(work) {
    const where = without({ EventBusName: work.properties.EventBusName });
    const Name = work.physicalId.split("|").at(-1)!;
    const Ids = targetsOf(work.properties).map(({ Id }) => Id);
    if (Ids.length > 0) await events(work, "RemoveTargets", { Rule: Name, ...where, Ids });
    await events(work, "DeleteRule", { Name, ...where });
  },
};

const bus: Handler = {
  replaces: ["Name", "EventSourceName"],
  async create(work) {
    const Name = text(work.properties.Name);
    const { Policy, ...rest } = without(work.properties, "Tags");
    const { EventBusArn } = await events(work, "CreateEventBus", { ...rest, Tags: tagList(tagsOf(work)) }).catch(
      (error) => {
        if (!(work.again && isTaken(error))) throw error;
        return { EventBusArn: `arn:aws:events:${work.stack.region}:${work.stack.account}:event-bus/${Name}` };
      },
    );
    work.exists({ physicalId: Name });
    if (Policy !== undefined) await events(work, "PutPermission", { EventBusName: Name, Policy: documentText(Policy) });
    return { physicalId: Name, attributes: { Arn: EventBusArn, Name } };
  },
  async delete(work) {
    await events(work, "DeleteEventBus", { Name: work.physicalId });
  },
};

const schedulePath = (name: string): string => `/schedules/${encodeURIComponent(name)}`;

const schedule: Handler = {
  replaces: ["Name", "GroupName"],
  name: { property: "Name", most: 64 },
  async create(work) {
    const { calls, properties } = work;
    const Name = text(properties.Name) || work.name;
    const input = without(properties, "Name");
    const { ScheduleArn } = await calls.rest("scheduler", "POST", schedulePath(Name), input).catch((error) => {
      if (!(work.again && isTaken(error))) throw error;
      return calls.rest("scheduler", "PUT", schedulePath(Name), input);
    });
    return { physicalId: Name, attributes: { Arn: ScheduleArn } };
  },
  async update({ calls, properties, physicalId }) {
    await calls.rest("scheduler", "PUT", schedulePath(physicalId), without(properties, "Name"));
    return {};
  },
  async delete({ calls, physicalId, properties }) {
    const group =
      properties.GroupName === undefined ? "" : `?groupName=${encodeURIComponent(text(properties.GroupName))}`;
    await calls.rest("scheduler", "DELETE", schedulePath(physicalId) + group);
  },
};

const scheduleGroup: Handler = {
  replaces: ["Name"],
  name: { property: "Name", most: 64 },
  async create(work) {
    const Name = text(work.properties.Name) || work.name;
    const path = `/schedule-groups/${encodeURIComponent(Name)}`;
    const answer = await work.calls.rest("scheduler", "POST", path, { Tags: tagList(tagsOf(work)) }).catch((error) => {
      if (!(work.again && isTaken(error))) throw error;
      return work.calls.rest("scheduler", "GET", path);
    });
    return { physicalId: Name, attributes: { Arn: answer.ScheduleGroupArn ?? answer.Arn } };
  },
  async delete({ calls, physicalId }) {
    await calls.rest("scheduler", "DELETE", `/schedule-groups/${encodeURIComponent(physicalId)}`);
  },
};

export const messagingHandlers: Handlers = {
  "AWS::SQS::Queue": queue,
  "AWS::SQS::QueuePolicy": queuePolicy,
  "AWS::SNS::Topic": topic,
  "AWS::SNS::Subscription": subscription,
  "AWS::SNS::TopicPolicy": topicPolicy,
  "AWS::Events::Rule": rule,
  "AWS::Events::EventBus": bus,
  "AWS::Scheduler::Schedule": schedule,
  "AWS::Scheduler::ScheduleGroup": scheduleGroup,
};
