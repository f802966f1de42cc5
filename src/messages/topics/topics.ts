import { randomUUID } from "node:crypto";
import type { Commits } from "../commits.ts";
import type { Catalogue, Queue } from "../queues/catalogue.ts";
import type { Each } from "../queues/queues.ts";
import { MessageRefusal } from "../refusal.ts";
import type { MessageStore } from "../store.ts";
import { badParameter } from "./attributes.ts";
import {
  createTopicCatalogue,
  type Subscription,
  type SubscriptionRecord,
  type Topic,
  type TopicCatalogue,
} from "./catalogue.ts";
import { confirmationJson } from "./envelopes.ts";
import { createOutbox, type OutboxNeeds } from "./outbox.ts";
import { bury, checkPublication, type Outgoing, type Publication, type Published, publish } from "./publishing.ts";
import { createSigning } from "./signing.ts";

/** Topics of SNS. Everything that changes something resolves when it is on the disk, and rejects with MessageRefusal. */
export interface Topics
  extends Pick<
    TopicCatalogue,
    "find" | "get" | "list" | "subscriptionsOf" | "findSubscription" | "getSubscription" | "listSubscriptions"
  > {
  create(...given: Parameters<TopicCatalogue["create"]>): Promise<Topic>;
  setAttribute(topic: Topic, name: string, value: string): Promise<void>;
  setTags(topic: Topic, tags: Readonly<Record<string, string>>): Promise<void>;
  remove(topic: Topic): Promise<void>;
  /** An HTTP endpoint is asked whether it wants to; a queue or a function of the caller's own needs no asking. */
  subscribe(
    topic: Topic,
    given: Pick<SubscriptionRecord, "owner" | "protocol" | "endpoint" | "attributes">,
  ): Promise<Subscription>;
  /** Throws InvalidParameter. `authenticated`: only its owner and the topic's may end it. */
  confirm(topic: Topic, token: string, authenticated: boolean): Promise<Subscription>;
  setSubscriptionAttribute(subscription: Subscription, name: string, value: string): Promise<void>;
  unsubscribe(subscription: Subscription): Promise<void>;
  publish(topic: Topic, publications: readonly Publication[]): Promise<Each<Published>[]>;
  /** in PEM */
  certificate(): string;
}

export interface TopicsNeeds extends Pick<OutboxNeeds, "clock" | "schedule" | "toFunction" | "toUrl" | "report"> {
  readonly store: MessageStore;
  readonly commits: Commits;
  readonly queues: Catalogue;
  endpoint(): string;
  arrived(queue: Queue): void;
  note(line: string): void;
}

export function createTopics(needs: TopicsNeeds) {
  const { store, commits, clock, queues, arrived, note, endpoint } = needs;
  const catalogue = createTopicCatalogue(store);
  const signing = createSigning(store, { change: commits.change, clock });
  const outbox = createOutbox({
    ...needs,
    topics: catalogue,
    bury: ({ record }, body, why) =>
      bury(
        { store, queues, arrived, note },
        record,
        body,
        { group: undefined, deduplication: undefined },
        why,
        clock(),
      ),
  });

  async function changed<T>(work: () => T): Promise<T> {
    const result = commits.change(work);
    await commits.durable();
    return result;
  }

  function ask({ record }: Subscription): void {
    if (record.protocol !== "http" && record.protocol !== "https") {
      note(
        `${record.protocol} ${record.endpoint} is to confirm its subscription of ${record.topic}; no message was sent, its token is ${record.token}`,
      );
      return;
    }
    const messageId = randomUUID();
    const outgoing: Outgoing = {
      kind: "confirmation",
      subscription: record.arn,
      topic: record.topic,
      endpoint: record.endpoint,
      body: confirmationJson(record, messageId, clock(), signing, endpoint()),
      messageId,
      raw: false,
    };
    store.addDelivery(clock(), JSON.stringify(outgoing));
    outbox.wake();
  }

  const publishing = { store, queues, signing, endpoint, arrived, note, wake: outbox.wake };
  const topics: Topics = {
    find: catalogue.find,
    get: catalogue.get,
    list: catalogue.list,
    subscriptionsOf: catalogue.subscriptionsOf,
    findSubscription: catalogue.findSubscription,
    getSubscription: catalogue.getSubscription,
    listSubscriptions: catalogue.listSubscriptions,
    create: (...given) => changed(() => catalogue.create(...given)),
    setAttribute: (topic, name, value) => changed(() => catalogue.setAttribute(topic, name, value)),
    setTags: (topic, tags) => changed(() => catalogue.setTags(topic, tags)),
    remove: (topic) => changed(() => catalogue.remove(topic)),
    subscribe: (topic, given) =>
      changed(() => {
        const known = catalogue.subscriptionsOf(topic).length;
        const needsAsking = ["http", "https", "email", "email-json"].includes(given.protocol);
        const subscription = catalogue.subscribe(topic, given, !needsAsking);
        const isNew = catalogue.subscriptionsOf(topic).length > known;
        if (subscription.record.token !== undefined && (isNew || needsAsking)) ask(subscription);
        return subscription;
      }),
    confirm: (topic, token, authenticated) =>
      changed(() => {
        const found = catalogue.subscriptionsOf(topic).find(({ record }) => record.token === token);
        if (token === "" || found === undefined) throw badParameter("Token");
        return catalogue.setSubscription(found, { token: undefined, authenticated });
      }),
    setSubscriptionAttribute: (subscription, name, value) =>
      changed(() => {
        const attributes = { ...subscription.record.attributes, [name]: value };
        catalogue.setSubscription(subscription, { attributes });
      }),
    unsubscribe: (subscription) => changed(() => catalogue.unsubscribe(subscription)),
    publish: (topic, publications) =>
      changed(() => {
        const subscriptions = catalogue.subscriptionsOf(topic);
        return publications.map((one): Each<Published> => {
          try {
            checkPublication(topic, one);
          } catch (error) {
            if (error instanceof MessageRefusal) return { ok: false, refusal: error };
            throw error;
          }
          return { ok: true, value: publish(publishing, topic, subscriptions, one, clock()) };
        });
      }),
    certificate: signing.certificate,
  };
  return { topics, reload: catalogue.reload, takeUp: outbox.wake, close: outbox.close };
}
