import { randomUUID } from "node:crypto";
import {
  badParameter,
  type MessageAttributes,
  MessageRefusal,
  mostPublishedBytes,
  type Publication,
  type Published,
  sizeOf,
} from "../../../messages/index.ts";
import { errorOf } from "./model.ts";
import type { SnsOperation } from "./operation.ts";

interface Entry {
  readonly Message: string;
  readonly Subject?: string;
  readonly MessageStructure?: string;
  readonly MessageAttributes?: MessageAttributes;
  readonly MessageDeduplicationId?: string;
  readonly MessageGroupId?: string;
}

const publicationOf = (entry: Entry): Publication => ({
  message: entry.Message,
  subject: entry.Subject,
  structure: entry.MessageStructure,
  attributes: entry.MessageAttributes,
  group: entry.MessageGroupId,
  deduplication: entry.MessageDeduplicationId,
});

const fields = ({ messageId, sequence }: Published) => ({
  MessageId: messageId,
  ...(sequence === undefined ? {} : { SequenceNumber: sequence }),
});

interface PublishInput extends Entry {
  readonly TopicArn?: string;
  readonly TargetArn?: string;
  readonly PhoneNumber?: string;
}

export const publish: SnsOperation<PublishInput> = async ({ input, topics, topic, note }) => {
  const { TopicArn, TargetArn, PhoneNumber } = input;
  if (PhoneNumber !== undefined && TopicArn === undefined && TargetArn === undefined) {
    if (!/^\+?[\d-]{3,20}$/.test(PhoneNumber))
      throw badParameter(`PhoneNumber Reason: ${PhoneNumber} is not valid to publish to`);
    note(`a text message for ${PhoneNumber} is not sent: ${input.Message.slice(0, 200)}`);
    return { MessageId: randomUUID() };
  }
  const arn = TopicArn ?? TargetArn;
  if (arn === undefined) throw badParameter("TopicArn or TargetArn Reason: no value for required parameter");
  const [result] = await topics.publish(topic(arn), [publicationOf(input)]);
  if (result?.ok !== true) throw result?.refusal;
  return fields(result.value);
};

interface BatchInput {
  readonly TopicArn: string;
  readonly PublishBatchRequestEntries: readonly (Entry & { readonly Id: string })[];
}

export const publishBatch: SnsOperation<BatchInput> = async ({ input, topics, topic }) => {
  const found = topic(input.TopicArn);
  const { PublishBatchRequestEntries: entries } = input;
  checkBatch(entries);
  const publications = entries.map(publicationOf);
  const bytes = publications.reduce((sum, { message, attributes }) => sum + sizeOf({ body: message, attributes }), 0);
  if (bytes > mostPublishedBytes) {
    throw new MessageRefusal(
      "BatchRequestTooLongException",
      "The length of all the messages put together is more than the limit.",
    );
  }
  const results = await topics.publish(found, publications);
  const Successful: object[] = [];
  const Failed: object[] = [];
  for (const [index, { Id }] of entries.entries()) {
    const result = results[index]!;
    if (result.ok) Successful.push({ Id, ...fields(result.value) });
    else {
      const { code, message: Message } = result.refusal;
      Failed.push({ Id, Code: errorOf(code).code, Message, SenderFault: true });
    }
  }
  return { Successful, Failed };
};

/** Source: SNS API Reference, PublishBatch. */
function checkBatch(entries: readonly { readonly Id: string }[]): void {
  if (entries.length === 0) {
    throw new MessageRefusal("EmptyBatchRequestException", "The batch request doesn't contain any entries.");
  }
  if (entries.length > 10) {
    throw new MessageRefusal(
      "TooManyEntriesInBatchRequestException",
      "The batch request contains more entries than permissible.",
    );
  }
  if (new Set(entries.map(({ Id }) => Id)).size < entries.length) {
    throw new MessageRefusal(
      "BatchEntryIdsNotDistinctException",
      "Two or more batch entries in the request have the same Id.",
    );
  }
  if (entries.some(({ Id }) => !/^[\w-]{1,80}$/.test(Id))) {
    throw new MessageRefusal(
      "InvalidBatchEntryIdException",
      "The Id of a batch entry in a batch request doesn't abide by the specification. ",
    );
  }
}
