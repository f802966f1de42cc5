import { createHash, randomUUID } from "node:crypto";
import { isBinary, type MessageAttributes, sizeOf } from "../message.ts";
import type { Catalogue, Queue } from "../queues/catalogue.ts";
import { maySend } from "../queues/policy.ts";
import { addMessage, checkMessage } from "../queues/sending.ts";
import { MessageRefusal } from "../refusal.ts";
import type { MessageStore } from "../store.ts";
import { badParameter, deadLetterArn } from "./attributes.ts";
import type { Subscription, Topic } from "./catalogue.ts";
import { lambdaEvent, type Notification, notificationJson } from "./envelopes.ts";
import type { Signing } from "./signing.ts";

/** What is to be published. */
export interface Publication {
  readonly message: string;
  readonly subject?: string | undefined;
  /** `json`: the message is an object with a text for each protocol */
  readonly structure?: string | undefined;
  readonly attributes?: MessageAttributes | undefined;
  readonly group?: string | undefined;
  readonly deduplication?: string | undefined;
}

export interface Published {
  readonly messageId: string;
  readonly sequence: string | undefined;
}

/** Something that an endpoint is to get, kept until it has. */
export interface Outgoing {
  readonly kind: "lambda" | "http" | "confirmation";
  readonly subscription: string;
  readonly topic: string;
  readonly endpoint: string;
  readonly body: string;
  readonly messageId: string;
  readonly raw: boolean;
}

export interface PublishingNeeds {
  readonly store: MessageStore;
  readonly queues: Pick<Catalogue, "byArn">;
  readonly signing: Signing;
  /** of this platform, for URLs */
  endpoint(): string;
  /** Something arrived in a queue. */
  arrived(queue: Queue): void;
  /** Something is to be sent. */
  wake(): void;
  note(line: string): void;
}

/** Source: SNS API Reference, Publish: 256 KiB. */
export const mostBytes = 262_144;

/** Throws InvalidParameter, ParameterValueInvalid. */
export function checkPublication({ fifo, record }: Topic, given: Publication): void {
  const { message, subject, structure, attributes, group, deduplication } = given;
  if (message === "") throw badParameter("Empty message");
  checkAttributes(attributes);
  if (sizeOf({ body: message, attributes }) > mostBytes) throw badParameter("Message too long");
  if (subject !== undefined && !/^[\x20-\x7e]{1,100}$/.test(subject)) throw badParameter("Subject");
  if (structure !== undefined && structure !== "json") throw badParameter("MessageStructure");
  if (structure === "json") texts(message);
  if (!fifo) {
    if (deduplication !== undefined) {
      throw badParameter(
        "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
      );
    }
    return;
  }
  if (group === undefined) throw badParameter("The MessageGroupId parameter is required for FIFO topics");
  if (deduplication === undefined && record.attributes.ContentBasedDeduplication !== "true") {
    throw badParameter(
      "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    );
  }
}

/** Throws ParameterValueInvalid. Source: SNS Developer Guide, "Amazon SNS message attributes". */
function checkAttributes(attributes: MessageAttributes | undefined): void {
  const refuse = (text: string) => new MessageRefusal("InvalidParameterValueException", text);
  for (const [name, { DataType, StringValue, BinaryValue }] of Object.entries(attributes ?? {})) {
    if (!/^(?!\.)(?!.*\.\.)[\w.-]{1,256}(?<!\.)$/.test(name))
      throw refuse(`The message attribute name '${name}' is not valid.`);
    if (!/^(String|Number|Binary)(\..+)?$/.test(DataType)) {
      throw refuse(
        `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
      );
    }
    const value = isBinary(DataType) ? BinaryValue : StringValue;
    if (value === undefined || value.length === 0) {
      const field = isBinary(DataType) ? "Binary" : "String";
      throw refuse(
        `The message attribute '${name}' must contain non-empty message attribute value for message attribute type '${field}'.`,
      );
    }
    if (/^Number(\.|$)/.test(DataType) && Number.isNaN(Number(value))) {
      throw refuse(`Could not cast message attribute '${name}' value to number.`);
    }
  }
}

/** Of MessageStructure json, by protocol. Throws InvalidParameter. */
function texts(message: string): Record<string, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(message);
  } catch {
    throw badParameter("Message Structure - JSON message body failed to parse");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw badParameter("Message Structure - JSON message body failed to parse");
  }
  const entries = Object.entries(parsed).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  const byProtocol = Object.fromEntries(entries);
  if (byProtocol.default === undefined) throw badParameter("Message Structure - No default entry in JSON message body");
  return byProtocol;
}

const deduplicationMs = 5 * 60_000;
let lastSequence = 0n;

/** 20 digits, growing, through restarts too as far as the clock does. */
function nextSequence(now: number): string {
  const next = 10_000_000_000_000_000_000n + BigInt(now) * 1_000_000n;
  lastSequence = next > lastSequence ? next : lastSequence + 1n;
  return String(lastSequence);
}

/** Gives a checked message to every subscription that wants it: to queues here at once, to all others by way of the outbox. */
export function publish(
  needs: PublishingNeeds,
  topic: Topic,
  subscriptions: readonly Subscription[],
  given: Publication,
  now: number,
): Published {
  const { store } = needs;
  const deduplication = topic.fifo
    ? (given.deduplication ?? createHash("sha256").update(given.message).digest("hex"))
    : undefined;
  const key =
    topic.record.attributes.FifoThroughputScope === "MessageGroup"
      ? `${given.group} ${deduplication}`
      : String(deduplication);
  const known = topic.fifo ? store.duplicate(topic.number, key, now) : undefined;
  if (known !== undefined) {
    const [messageId = "", sequence] = known.message.split(" ");
    return { messageId, sequence };
  }
  const messageId = randomUUID();
  const sequence = topic.fifo ? nextSequence(now) : undefined;
  if (topic.fifo)
    store.addDuplicate(topic.number, key, now + deduplicationMs, { message: `${messageId} ${sequence}`, id: 0 });
  const byProtocol = given.structure === "json" ? texts(given.message) : undefined;
  const policyMessage = {
    body: given.message,
    attributes: Object.fromEntries(
      Object.entries(given.attributes ?? {}).map(([name, { DataType, StringValue }]) => [
        name,
        { type: DataType, value: isBinary(DataType) ? undefined : StringValue },
      ]),
    ),
  };
  for (const subscription of subscriptions) {
    const { record, filter } = subscription;
    if (record.token !== undefined || (filter !== undefined && !filter(policyMessage))) continue;
    const notification: Notification = {
      id: messageId,
      topic: topic.arn,
      sequence,
      subject: given.subject,
      message: byProtocol === undefined ? given.message : (byProtocol[record.protocol] ?? byProtocol.default!),
      timestamp: new Date(now).toISOString(),
      attributes: given.attributes,
      version: topic.record.attributes.SignatureVersion ?? "1",
    };
    deliver(needs, topic, subscription, notification, { group: given.group, deduplication }, now);
  }
  return { messageId, sequence };
}

interface Ids {
  readonly group: string | undefined;
  readonly deduplication: string | undefined;
}

function deliver(
  needs: PublishingNeeds,
  topic: Topic,
  { record }: Subscription,
  notification: Notification,
  ids: Ids,
  now: number,
): void {
  const { store, signing, note } = needs;
  const raw = record.attributes.RawMessageDelivery === "true";
  const outgoing = {
    subscription: record.arn,
    topic: topic.arn,
    endpoint: record.endpoint,
    messageId: notification.id,
    raw,
  };
  switch (record.protocol) {
    case "sqs":
      toQueue(needs, topic, record, notification, ids, now);
      return;
    case "lambda": {
      const body = lambdaEvent(notification, record, signing, needs.endpoint());
      store.addDelivery(now, JSON.stringify({ ...outgoing, kind: "lambda", body } satisfies Outgoing));
      needs.wake();
      return;
    }
    case "http":
    case "https": {
      const body = raw ? notification.message : notificationJson(notification, record, signing, needs.endpoint());
      store.addDelivery(now, JSON.stringify({ ...outgoing, kind: "http", body } satisfies Outgoing));
      needs.wake();
      return;
    }
    default:
      note(
        `a message of ${topic.arn} for ${record.protocol} ${record.endpoint} is not sent: ${notification.message.slice(0, 200)}`,
      );
  }
}

function toQueue(
  needs: PublishingNeeds,
  topic: Topic,
  record: Subscription["record"],
  notification: Notification,
  ids: Ids,
  now: number,
): void {
  const raw = record.attributes.RawMessageDelivery === "true";
  const body = raw ? notification.message : notificationJson(notification, record, needs.signing, needs.endpoint());
  const attributes = raw ? notification.attributes : undefined;
  const queue = needs.queues.byArn(record.endpoint);
  const why = queue === undefined ? "there is no such queue" : refusedBy(queue, topic.arn);
  if (queue !== undefined && why === undefined) {
    const failure = send(needs, queue, { body, attributes, ...ids }, now);
    if (failure === undefined) return;
    bury(needs, record, body, ids, failure, now);
    return;
  }
  bury(needs, record, body, ids, why ?? "", now);
}

function send(
  { store, arrived }: Pick<PublishingNeeds, "store" | "arrived">,
  queue: Queue,
  { body, attributes, group, deduplication }: { body: string; attributes?: MessageAttributes | undefined } & Ids,
  now: number,
): string | undefined {
  const { fifo } = queue.settings;
  const message = {
    body,
    attributes,
    group: fifo ? group : undefined,
    deduplication: fifo ? deduplication : undefined,
  };
  try {
    checkMessage(queue, message);
  } catch (error) {
    if (error instanceof MessageRefusal) return error.message;
    throw error;
  }
  addMessage(store, queue, message, "sns.amazonaws.com", now);
  arrived(queue);
  return undefined;
}

/** Undefined: it is not. */
const refusedBy = (queue: Queue, topic: string): string | undefined =>
  maySend(queue, { service: "sns.amazonaws.com", sourceArn: topic })
    ? undefined
    : "the queue's policy does not allow sns.amazonaws.com to send";

/** To the subscription's dead-letter queue, or nowhere. */
export function bury(
  needs: Pick<PublishingNeeds, "store" | "queues" | "arrived" | "note">,
  record: Subscription["record"],
  body: string,
  ids: Ids,
  why: string,
  now: number,
): void {
  const arn = deadLetterArn(record.attributes.RedrivePolicy);
  const letters = arn === undefined ? undefined : needs.queues.byArn(arn);
  const refused = letters === undefined ? undefined : refusedBy(letters, record.topic);
  const failure =
    letters === undefined || refused !== undefined ? refused : send(needs, letters, { body, ...ids }, now);
  if (letters !== undefined && failure === undefined) return;
  const also = letters === undefined ? "" : `, nor to its dead-letter queue: ${failure}`;
  needs.note(`a message of ${record.topic} could not be delivered to ${record.endpoint}: ${why}${also}`);
}
