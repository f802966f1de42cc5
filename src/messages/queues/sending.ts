import { createHash, randomUUID } from "node:crypto";
import {
  checkAttributes,
  checkBody,
  type Head,
  type MessageAttributes,
  md5,
  md5OfAttributes,
  type NewMessage,
  packed,
  sizeOf,
} from "../message.ts";
import { invalidParameter, invalidValue, missingParameter } from "../refusal.ts";
import type { MessageStore } from "../store.ts";
import type { Queue } from "./catalogue.ts";
import { enterGroup } from "./groups.ts";

/** What SendMessage answers. */
export interface Sent {
  readonly messageId: string;
  readonly md5OfBody: string;
  readonly md5OfAttributes: string | undefined;
  readonly md5OfSystemAttributes: string | undefined;
  /** of FIFO queues */
  readonly sequence: string | undefined;
}

/** How long a deduplication id counts. */
const deduplicationMs = 5 * 60_000;

/** Throws MessageRefusal unless the queue can take this. Source: SQS API Reference, SendMessage. */
export function checkMessage({ settings }: Queue, message: NewMessage): void {
  checkBody(message.body);
  checkAttributes(message.attributes);
  if (sizeOf(message) > settings.maxBytes) {
    const limit = `Message must be shorter than ${settings.maxBytes} bytes.`;
    throw invalidParameter(`One or more parameters are invalid. Reason: ${limit}`);
  }
  const { delay, group, deduplication } = message;
  if (delay !== undefined && (delay < 0 || delay > 900)) {
    throw invalidValue(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.");
  }
  if (group !== undefined) checkId(group, "MessageGroupId");
  if (deduplication !== undefined) checkId(deduplication, "MessageDeduplicationId");
  if (!settings.fifo) {
    if (deduplication !== undefined) throw notForThisType(deduplication, "MessageDeduplicationId");
    return;
  }
  if (delay !== undefined && delay > 0) throw notForThisType(delay, "DelaySeconds");
  if (group === undefined) throw missingParameter("MessageGroupId");
  if (deduplication === undefined && !settings.deduplicatesContent) {
    throw invalidParameter(
      "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    );
  }
}

const notForThisType = (value: unknown, name: string) =>
  invalidValue(value, name, "The request include parameter that is not valid for this queue type.");

function checkId(value: string, name: string): void {
  if (/^[\w!"#$%&'()*+,./:;<=>?@[\\\]^`{|}~-]{1,128}$/.test(value)) return;
  throw invalidValue(
    value,
    name,
    `${name} can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
  );
}

/** Adds a message that was checked, unless it was sent already. `sender`: who, as SenderId has it. */
export function addMessage(store: MessageStore, queue: Queue, message: NewMessage, sender: string, now: number): Sent {
  const { settings, number } = queue;
  const deduplication =
    message.deduplication ?? (settings.fifo ? createHash("sha256").update(message.body).digest("hex") : undefined);
  // A group has no space in it.
  const key = settings.deduplicatesByGroup ? `${message.group} ${deduplication}` : String(deduplication);
  const known = settings.fifo ? store.duplicate(number, key, now) : undefined;
  if (known !== undefined) return sentOf(message, known.message, known.id);
  const head: Head = {
    id: randomUUID(),
    sender,
    attributes: packed(message.attributes),
    trace: message.trace,
    group: message.group,
    deduplication,
  };
  const due = now + (message.delay === undefined ? settings.delayMs : message.delay * 1000);
  const group = settings.fifo ? enterGroup(store, number, message.group!, due) : undefined;
  const id = store.add({ queue: number, due, sent: now, group, head: JSON.stringify(head), body: message.body });
  if (settings.fifo) store.addDuplicate(number, key, now + deduplicationMs, { message: head.id, id });
  return sentOf(message, head.id, settings.fifo ? id : undefined);
}

function sentOf({ body, attributes, trace }: NewMessage, messageId: string, id: number | undefined): Sent {
  const system: MessageAttributes | undefined =
    trace === undefined ? undefined : { AWSTraceHeader: { DataType: "String", StringValue: trace } };
  return {
    messageId,
    md5OfBody: md5(body),
    md5OfAttributes: md5OfAttributes(attributes),
    md5OfSystemAttributes: md5OfAttributes(system),
    sequence: id === undefined ? undefined : sequenceOf(id),
  };
}

/** 20 digits, growing. */
export const sequenceOf = (id: number): string => String(18_870_000_000_000_000_000n + BigInt(id) * 256n);
