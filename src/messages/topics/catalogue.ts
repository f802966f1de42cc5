import { randomBytes, randomUUID } from "node:crypto";
import { parsePolicy, type Statement } from "../../policy/index.ts";
import type { Place } from "../queues/catalogue.ts";
import { MessageRefusal } from "../refusal.ts";
import type { MessageStore } from "../store.ts";
import {
  badParameter,
  checkSubscriptionAttributes,
  checkTopicAttribute,
  type Filter,
  filterOf,
  type TopicAttributes,
} from "./attributes.ts";

export interface TopicRecord extends Place {
  readonly name: string;
  readonly attributes: TopicAttributes;
  readonly tags: Readonly<Record<string, string>>;
}

export interface Topic {
  readonly number: number;
  readonly arn: string;
  readonly record: TopicRecord;
  readonly fifo: boolean;
  /** its own, or what SNS gives every topic: its account may everything */
  readonly policy: readonly Statement[];
}

export interface SubscriptionRecord {
  readonly arn: string;
  readonly topic: string;
  readonly owner: string;
  readonly protocol: string;
  readonly endpoint: string;
  readonly attributes: TopicAttributes;
  /** what its endpoint has to send back; undefined: it is confirmed */
  readonly token: string | undefined;
  /** as it was confirmed: only who may do so can end it */
  readonly authenticated: boolean;
}

export interface Subscription {
  readonly number: number;
  readonly record: SubscriptionRecord;
  readonly filter: Filter | undefined;
}

export const topicArn = ({ account, region }: Place, name: string): string =>
  `arn:aws:sns:${region}:${account}:${name}`;

const noTopic = () => new MessageRefusal("NotFoundException", "Topic does not exist");
const noSubscription = () => new MessageRefusal("NotFoundException", "Subscription does not exist");

/** Topics and their subscriptions. Definitions are in memory, and written before they count. */
export interface TopicCatalogue {
  find(arn: string): Topic | undefined;
  /** Throws NotFound, InvalidParameter. */
  get(arn: string): Topic;
  list(place: Place): Topic[];
  create(place: Place, name: string, attributes: TopicAttributes, tags: TopicRecord["tags"]): Topic;
  setAttribute(topic: Topic, name: string, value: string): void;
  setTags(topic: Topic, tags: TopicRecord["tags"]): void;
  remove(topic: Topic): void;
  subscriptionsOf(topic: Topic): Subscription[];
  findSubscription(arn: string): Subscription | undefined;
  getSubscription(arn: string): Subscription;
  listSubscriptions(place: Place): Subscription[];
  /** `confirmed`: nobody has to be asked. Returns a known one where there is one like it. */
  subscribe(
    topic: Topic,
    given: Pick<SubscriptionRecord, "owner" | "protocol" | "endpoint" | "attributes">,
    confirmed: boolean,
  ): Subscription;
  setSubscription(subscription: Subscription, change: Partial<SubscriptionRecord>): Subscription;
  unsubscribe(subscription: Subscription): void;
  reload(): void;
}

export function createTopicCatalogue(store: MessageStore): TopicCatalogue {
  const topics = new Map<string, Topic>();
  const subscriptions = new Map<string, Subscription>();
  const byTopic = new Map<string, Map<string, Subscription>>();

  function know(number: number, record: TopicRecord): Topic {
    const arn = topicArn(record, record.name);
    const text = record.attributes.Policy ?? defaultPolicy(record);
    const topic: Topic = {
      number,
      arn,
      record,
      fifo: record.attributes.FifoTopic === "true",
      policy: parsePolicy(text, "resource").statements,
    };
    topics.set(arn, topic);
    return topic;
  }

  function knowSubscription(number: number, record: SubscriptionRecord): Subscription {
    const subscription: Subscription = { number, record, filter: filterOf(record.attributes) };
    subscriptions.set(record.arn, subscription);
    const own = byTopic.get(record.topic) ?? new Map<string, Subscription>();
    byTopic.set(record.topic, own);
    own.set(record.arn, subscription);
    return subscription;
  }

  function forget({ number, record }: Subscription): void {
    store.removeDocument(number);
    subscriptions.delete(record.arn);
    byTopic.get(record.topic)?.delete(record.arn);
  }

  function change(topic: Topic, record: TopicRecord): void {
    store.changeDocument(topic.number, JSON.stringify(record));
    know(topic.number, record);
  }

  const subscriptionsOf = (topic: Topic) => [...(byTopic.get(topic.arn)?.values() ?? [])];

  function reload(): void {
    for (const map of [topics, subscriptions, byTopic]) map.clear();
    for (const { number, document } of store.documents("topic")) know(number, JSON.parse(document) as TopicRecord);
    for (const { number, document } of store.documents("subscription")) {
      knowSubscription(number, JSON.parse(document) as SubscriptionRecord);
    }
  }

  reload();
  return {
    find: (arn) => topics.get(arn),
    get(arn) {
      const topic = topics.get(arn);
      if (topic !== undefined) return topic;
      if (!/^arn:[^:]+:sns:[^:]+:\d{12}:[\w.-]+$/.test(arn)) throw badParameter("TopicArn");
      throw noTopic();
    },
    list: ({ account, region }) =>
      [...topics.values()].filter(({ record }) => record.account === account && record.region === region),
    create(place, name, attributes, tags) {
      const fifo = attributes.FifoTopic === "true";
      if (!/^[\w-]{1,256}$/.test(fifo ? name.replace(/\.fifo$/, "") : name) || name.length > 256)
        throw badParameter("Topic Name");
      if (fifo !== name.endsWith(".fifo")) {
        throw badParameter(
          "Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long.",
        );
      }
      for (const [attribute, value] of Object.entries(attributes)) checkTopicAttribute(attribute, value);
      const known = topics.get(topicArn(place, name));
      if (known !== undefined) {
        const same = Object.entries(attributes).every(
          ([attribute, value]) => (known.record.attributes[attribute] ?? "false") === value,
        );
        if (!same) throw badParameter("Attributes Reason: Topic already exists with different attributes");
        const sameTags = Object.entries(tags).every(([key, value]) => known.record.tags[key] === value);
        if (!sameTags) throw badParameter("Tags Reason: Topic already exists with different tags");
        return known;
      }
      const record: TopicRecord = { ...place, name, attributes, tags };
      return know(store.addDocument("topic", topicArn(place, name), JSON.stringify(record)), record);
    },
    setAttribute(topic, name, value) {
      checkTopicAttribute(name, value);
      if (name === "FifoTopic") throw badParameter("AttributeName");
      const attributes = Object.fromEntries(
        Object.entries({ ...topic.record.attributes, [name]: value }).filter(([, one]) => one !== ""),
      );
      change(topic, { ...topic.record, attributes });
    },
    setTags: (topic, tags) => change(topic, { ...topic.record, tags }),
    remove(topic) {
      for (const subscription of subscriptionsOf(topic)) forget(subscription);
      store.removeDocument(topic.number);
      topics.delete(topic.arn);
    },
    subscriptionsOf,
    findSubscription: (arn) => subscriptions.get(arn),
    getSubscription(arn) {
      const known = subscriptions.get(arn);
      if (known !== undefined) return known;
      if (!/^arn:[^:]+:sns:[^:]+:\d{12}:[\w.-]+:[\w-]+$/.test(arn))
        throw badParameter("SubscriptionArn Reason: An ARN must have at least 6 elements, not 1");
      throw noSubscription();
    },
    listSubscriptions: ({ account, region }) =>
      [...subscriptions.values()].filter(
        ({ record }) => record.owner === account && record.topic.split(":")[3] === region,
      ),
    subscribe(topic, given, confirmed) {
      checkSubscriptionAttributes(given.protocol, given.attributes);
      const known = subscriptionsOf(topic).find(
        ({ record }) => record.protocol === given.protocol && record.endpoint === given.endpoint,
      );
      if (known !== undefined) {
        const { attributes } = known.record;
        if (Object.entries(given.attributes).every(([name, value]) => attributes[name] === value)) return known;
        throw badParameter("Attributes Reason: Subscription already exists with different attributes");
      }
      const record: SubscriptionRecord = {
        ...given,
        arn: `${topic.arn}:${randomUUID()}`,
        topic: topic.arn,
        token: confirmed ? undefined : randomBytes(64).toString("hex"),
        authenticated: confirmed,
      };
      return knowSubscription(store.addDocument("subscription", record.arn, JSON.stringify(record)), record);
    },
    setSubscription({ number, record }, given) {
      const next = { ...record, ...given };
      const attributes = Object.fromEntries(Object.entries(next.attributes).filter(([, value]) => value !== ""));
      checkSubscriptionAttributes(next.protocol, attributes);
      const kept = { ...next, attributes };
      store.changeDocument(number, JSON.stringify(kept));
      return knowSubscription(number, kept);
    },
    unsubscribe: forget,
    reload,
  };
}

/** Source: SNS Developer Guide, "Default topic policy". */
export function defaultPolicy({ account, region, name }: Place & { readonly name: string }): string {
  const actions = [
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
  ];
  return JSON.stringify({
    Version: "2008-10-17",
    Id: "__default_policy_ID",
    Statement: [
      {
        Sid: "__default_statement_ID",
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: actions.map((action) => `SNS:${action}`),
        Resource: topicArn({ account, region }, name),
        Condition: { StringEquals: { "AWS:SourceOwner": account } },
      },
    ],
  });
}
