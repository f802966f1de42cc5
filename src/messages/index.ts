/**
 * Queues of SQS and topics of SNS, in a store of their own. What is acknowledged is on the disk; memory holds definitions and
 * who waits for a message, never the messages.
 */
export {
  isBinary,
  type MessageAttribute,
  type MessageAttributes,
  md5,
  md5OfAttributes,
  type NewMessage,
  sizeOf,
} from "./message.ts";
export { createMessages, type Messages, type MessagesNeeds } from "./messages.ts";
export { type Attributes, defaultsOf, type Settings } from "./queues/attributes.ts";
export { arnOf, noQueue, type Place, type Queue, type QueueRecord } from "./queues/catalogue.ts";
export { withoutPermission, withPermission } from "./queues/permissions.ts";
export type { ServiceSender } from "./queues/policy.ts";
export type { Each, Queues } from "./queues/queues.ts";
export type { Received } from "./queues/receiving.ts";
export type { Sent } from "./queues/sending.ts";
export { invalidParameter, invalidValue, MessageRefusal, missingParameter } from "./refusal.ts";
export { mayServiceSend } from "./senders.ts";
export { badParameter } from "./topics/attributes.ts";
export { defaultPolicy, type Subscription, type Topic, topicArn } from "./topics/catalogue.ts";
export { EndpointRefused } from "./topics/outbox.ts";
export { mostBytes as mostPublishedBytes, type Publication, type Published } from "./topics/publishing.ts";
export type { Topics } from "./topics/topics.ts";
