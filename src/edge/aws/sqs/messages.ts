import {
  type Each,
  invalidParameter,
  invalidValue,
  type MessageAttribute,
  MessageRefusal,
  md5,
  md5OfAttributes,
  type NewMessage,
  type Received,
  type Sent,
  sizeOf,
} from "../../../messages/index.ts";
import type { Caller } from "../../caller.ts";
import { codeOf } from "./errors.ts";
import type { OfQueue, SendInput, SqsOperation } from "./operation.ts";

/** Bytes of a batch, all messages together. Source: SQS Developer Guide, "Amazon SQS message quotas". */
const batchBytes = 1_048_576;

/** Throws InvalidParameterValue. */
function messageOf(input: SendInput, traceId: string | undefined): NewMessage {
  const { AWSTraceHeader: trace, ...others } = input.MessageSystemAttributes ?? {};
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    throw invalidParameter(`Message system attribute name '${unknown}' is invalid.`);
  }
  if (trace !== undefined && (trace.DataType !== "String" || !trace.StringValue)) {
    throw invalidParameter(
      "Message (system) attribute 'AWSTraceHeader' must contain a non-empty value of type 'String'.",
    );
  }
  return {
    body: input.MessageBody,
    attributes: input.MessageAttributes,
    trace: trace?.StringValue ?? traceId,
    delay: input.DelaySeconds,
    group: input.MessageGroupId,
    deduplication: input.MessageDeduplicationId,
  };
}

const senderOf = ({ principal, account }: Caller): string => principal?.userId ?? account;

const sentFields = (sent: Sent) => ({
  MessageId: sent.messageId,
  MD5OfMessageBody: sent.md5OfBody,
  ...(sent.md5OfAttributes === undefined ? {} : { MD5OfMessageAttributes: sent.md5OfAttributes }),
  ...(sent.md5OfSystemAttributes === undefined ? {} : { MD5OfMessageSystemAttributes: sent.md5OfSystemAttributes }),
  ...(sent.sequence === undefined ? {} : { SequenceNumber: sent.sequence }),
});

/** Throws the refusal of what was asked for alone. */
function only<T>(results: readonly Each<T>[]): T {
  const [result] = results;
  if (result?.ok === true) return result.value;
  throw result?.refusal;
}

/** A digest of system attributes is for who sent some. */
const fieldsFor = (inputs: readonly SendInput[]) => (sent: Sent) =>
  inputs.some(({ MessageSystemAttributes }) => MessageSystemAttributes !== undefined)
    ? sentFields(sent)
    : sentFields({ ...sent, md5OfSystemAttributes: undefined });

export const sendMessage: SqsOperation<OfQueue & SendInput> = async ({ input, queue, queues, caller, traceId }) => {
  const target = queue(input.QueueUrl);
  const sent = await queues.send(target, [messageOf(input, traceId)], senderOf(caller));
  return fieldsFor([input])(only(sent));
};

/** Throws EmptyBatchRequest, TooManyEntriesInBatchRequest, InvalidBatchEntryId, BatchEntryIdsNotDistinct. */
function checkBatch(entries: readonly { readonly Id: string }[], kind: string): void {
  if (entries.length === 0) {
    throw new MessageRefusal(
      "EmptyBatchRequest",
      `There should be at least one ${kind}BatchRequestEntry in the request.`,
    );
  }
  if (entries.length > 10) {
    throw new MessageRefusal(
      "TooManyEntriesInBatchRequest",
      `Maximum number of entries per request are 10. You have sent ${entries.length}.`,
    );
  }
  const seen = new Set<string>();
  for (const { Id } of entries) {
    if (!/^[\w-]{1,80}$/.test(Id)) {
      throw new MessageRefusal(
        "InvalidBatchEntryId",
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
      );
    }
    if (seen.has(Id)) throw new MessageRefusal("BatchEntryIdsNotDistinct", `Id ${Id} repeated.`);
    seen.add(Id);
  }
}

const failed = (Id: string, { code, message: Message }: MessageRefusal) => ({
  Id,
  SenderFault: true,
  Code: codeOf(code),
  Message,
});

/** What a batch's entries came to, each under its id. */
function batchResult<T>(
  entries: readonly { readonly Id: string }[],
  results: readonly Each<T>[],
  fields: (value: T) => object,
): object {
  const Successful: object[] = [];
  const Failed: object[] = [];
  for (const [index, { Id }] of entries.entries()) {
    const result = results[index]!;
    if (result.ok) Successful.push({ Id, ...fields(result.value) });
    else Failed.push(failed(Id, result.refusal));
  }
  return { Successful, Failed };
}

type Entries<T> = OfQueue & { readonly Entries: readonly (T & { readonly Id: string })[] };

export const sendMessageBatch: SqsOperation<Entries<SendInput>> = async ({ input, queue, queues, caller, traceId }) => {
  const target = queue(input.QueueUrl, "SendMessage");
  checkBatch(input.Entries, "SendMessage");
  const messages = input.Entries.map((entry) => messageOf(entry, traceId));
  const bytes = messages.reduce((sum, message) => sum + sizeOf(message), 0);
  if (bytes > batchBytes) {
    throw new MessageRefusal(
      "BatchRequestTooLong",
      `Batch requests cannot be longer than ${batchBytes} bytes. You have sent ${bytes} bytes.`,
    );
  }
  return batchResult(input.Entries, await queues.send(target, messages, senderOf(caller)), fieldsFor(input.Entries));
};

interface ReceiveInput extends OfQueue {
  readonly AttributeNames?: readonly string[];
  readonly MessageSystemAttributeNames?: readonly string[];
  readonly MessageAttributeNames?: readonly string[];
  readonly MaxNumberOfMessages?: number;
  readonly VisibilityTimeout?: number;
  readonly WaitTimeSeconds?: number;
}

function inBounds(value: number | undefined, name: string, min: number, max: number): void {
  if (value === undefined || (value >= min && value <= max)) return;
  throw invalidValue(value, name, `Must be between ${min} and ${max}, if provided.`);
}

export const receiveMessage: SqsOperation<ReceiveInput> = async ({ input, queue, queues, signal }) => {
  const from = queue(input.QueueUrl);
  const { MaxNumberOfMessages: want = 1, VisibilityTimeout, WaitTimeSeconds } = input;
  inBounds(want, "MaxNumberOfMessages", 1, 10);
  inBounds(VisibilityTimeout, "VisibilityTimeout", 0, 43_200);
  inBounds(WaitTimeSeconds, "WaitTimeSeconds", 0, 20);
  const { visibilityMs, waitMs } = from.settings;
  const received = await queues.receive(from, {
    want,
    visibilityMs: VisibilityTimeout === undefined ? visibilityMs : VisibilityTimeout * 1000,
    waitMs: WaitTimeSeconds === undefined ? waitMs : WaitTimeSeconds * 1000,
    signal,
  });
  if (received.length === 0) return {};
  const system = new Set([...(input.AttributeNames ?? []), ...(input.MessageSystemAttributeNames ?? [])]);
  const names = input.MessageAttributeNames ?? [];
  return { Messages: received.map((message) => shown(message, system, names)) };
};

function shown(message: Received, system: ReadonlySet<string>, names: readonly string[]): object {
  const all = system.has("All");
  const wanted = Object.entries(message.system).filter(([name]) => all || system.has(name));
  const chosen = chooseAttributes(message.attributes, names);
  const hash = md5OfAttributes(chosen);
  return {
    MessageId: message.messageId,
    ReceiptHandle: message.handle,
    MD5OfBody: md5(message.body),
    Body: message.body,
    ...(wanted.length === 0 ? {} : { Attributes: Object.fromEntries(wanted) }),
    ...(hash === undefined ? {} : { MD5OfMessageAttributes: hash, MessageAttributes: wired(chosen) }),
  };
}

/** Names, `prefix.*`, `All` or `.*`. Source: SQS API Reference, ReceiveMessage. */
function chooseAttributes(attributes: Received["attributes"], names: readonly string[]): Received["attributes"] {
  if (names.includes("All") || names.includes(".*") || names.includes("*")) return attributes;
  const prefixes = names.filter((name) => name.endsWith(".*")).map((name) => name.slice(0, -2));
  const isChosen = (name: string) => names.includes(name) || prefixes.some((prefix) => name.startsWith(prefix));
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => isChosen(name)));
}

/** Binary values are base64 in JSON as in XML. */
function wired(attributes: Received["attributes"]): object {
  const one = ({ BinaryValue, ...rest }: MessageAttribute) =>
    BinaryValue === undefined ? rest : { ...rest, BinaryValue: Buffer.from(BinaryValue).toString("base64") };
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, one(value)]));
}

export const deleteMessage: SqsOperation<OfQueue & { ReceiptHandle: string }> = async ({ input, queue, queues }) => {
  only(await queues.delete(queue(input.QueueUrl), [input.ReceiptHandle]));
  return {};
};

export const deleteMessageBatch: SqsOperation<Entries<{ ReceiptHandle: string }>> = async ({
  input,
  queue,
  queues,
}) => {
  const target = queue(input.QueueUrl, "DeleteMessage");
  checkBatch(input.Entries, "DeleteMessage");
  const handles = input.Entries.map(({ ReceiptHandle }) => ReceiptHandle);
  return batchResult(input.Entries, await queues.delete(target, handles), () => ({}));
};

interface VisibilityInput {
  readonly ReceiptHandle: string;
  readonly VisibilityTimeout?: number;
}

const changeOf = ({ ReceiptHandle, VisibilityTimeout = 30 }: VisibilityInput) => ({
  handle: ReceiptHandle,
  seconds: VisibilityTimeout,
});

export const changeMessageVisibility: SqsOperation<OfQueue & VisibilityInput> = async ({ input, queue, queues }) => {
  only(await queues.changeVisibility(queue(input.QueueUrl), [changeOf(input)]));
  return {};
};

export const changeMessageVisibilityBatch: SqsOperation<Entries<VisibilityInput>> = async ({
  input,
  queue,
  queues,
}) => {
  const target = queue(input.QueueUrl, "ChangeMessageVisibility");
  checkBatch(input.Entries, "ChangeMessageVisibility");
  return batchResult(input.Entries, await queues.changeVisibility(target, input.Entries.map(changeOf)), () => ({}));
};
