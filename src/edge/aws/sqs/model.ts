import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceModel } from "../../lambda-api/model.ts";
import type { FormModel } from "../forms.ts";

const text = readFileSync(join(import.meta.dirname, "generated/model.json"), "utf8");
const { operations, shapes } = JSON.parse(text) as ServiceModel;

/** What a name may be is for the operations to say, in SQS's words. */
const anyText = { type: "string" } as const;

export const model: ServiceModel = {
  operations,
  shapes: {
    ...shapes,
    QueueAttributeName: anyText,
    MessageSystemAttributeName: anyText,
    MessageSystemAttributeNameForSends: anyText,
  },
};

const nameAndValue = ["Name", "Value"] as const;

/**
 * The older protocol's names, which the model has no more: it speaks of JSON only.
 * Source: SQS API Reference, examples of the "AWS query protocol".
 */
export const forms: FormModel = {
  shapes: model.shapes,
  elements: {
    AWSAccountIdList: "AWSAccountId",
    ActionNameList: "ActionName",
    AttributeNameList: "AttributeName",
    BatchResultErrorEntryList: "BatchResultErrorEntry",
    BinaryList: "BinaryListValue",
    ChangeMessageVisibilityBatchRequestEntryList: "ChangeMessageVisibilityBatchRequestEntry",
    ChangeMessageVisibilityBatchResultEntryList: "ChangeMessageVisibilityBatchResultEntry",
    DeleteMessageBatchRequestEntryList: "DeleteMessageBatchRequestEntry",
    DeleteMessageBatchResultEntryList: "DeleteMessageBatchResultEntry",
    ListMessageMoveTasksResultEntryList: "ListMessageMoveTasksResultEntry",
    MessageAttributeNameList: "MessageAttributeName",
    MessageBodyAttributeMap: "MessageAttribute",
    MessageBodySystemAttributeMap: "MessageSystemAttribute",
    MessageList: "Message",
    MessageSystemAttributeList: "MessageSystemAttributeName",
    MessageSystemAttributeMap: "Attribute",
    QueueAttributeMap: "Attribute",
    QueueUrlList: "QueueUrl",
    SendMessageBatchRequestEntryList: "SendMessageBatchRequestEntry",
    SendMessageBatchResultEntryList: "SendMessageBatchResultEntry",
    StringList: "StringListValue",
    TagKeyList: "TagKey",
    TagMap: "Tag",
  },
  pairs: {
    MessageBodyAttributeMap: nameAndValue,
    MessageBodySystemAttributeMap: nameAndValue,
    MessageSystemAttributeMap: nameAndValue,
    QueueAttributeMap: nameAndValue,
    TagMap: ["Key", "Value"],
  },
};
