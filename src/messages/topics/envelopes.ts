import { isBinary, type MessageAttributes } from "../message.ts";
import type { SubscriptionRecord } from "./catalogue.ts";
import type { Signing } from "./signing.ts";

/** A message that was published, as far as its receivers see it. */
export interface Notification {
  readonly id: string;
  readonly topic: string;
  /** of FIFO topics */
  readonly sequence: string | undefined;
  readonly subject: string | undefined;
  /** for this protocol */
  readonly message: string;
  /** ISO 8601 */
  readonly timestamp: string;
  readonly attributes: MessageAttributes | undefined;
  /** SignatureVersion */
  readonly version: string;
}

/** Values as text, those of Binary ones in base64. */
const textOf = ({ DataType, StringValue = "", BinaryValue }: MessageAttributes[string]): string =>
  isBinary(DataType) ? Buffer.from(BinaryValue ?? []).toString("base64") : StringValue;

export function attributesIn(attributes: MessageAttributes | undefined) {
  const entries = Object.entries(attributes ?? {});
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(([name, one]) => [name, { Type: one.DataType, Value: textOf(one) }]));
}

const signedFields = ({ id, topic, subject, message, timestamp }: Notification) => ({
  Type: "Notification",
  MessageId: id,
  TopicArn: topic,
  Subject: subject,
  Message: message,
  Timestamp: timestamp,
});

const unsubscribeUrl = (endpoint: string, arn: string): string =>
  `${endpoint}/?Action=Unsubscribe&SubscriptionArn=${arn}`;

/** What queues and HTTP endpoints get, but for raw delivery. Source: SNS Developer Guide, "HTTP/HTTPS notification JSON format". */
export function notificationJson(
  one: Notification,
  { arn }: Pick<SubscriptionRecord, "arn">,
  signing: Signing,
  endpoint: string,
): string {
  return JSON.stringify({
    Type: "Notification",
    MessageId: one.id,
    SequenceNumber: one.sequence,
    TopicArn: one.topic,
    Subject: one.subject,
    Message: one.message,
    Timestamp: one.timestamp,
    ...(one.sequence === undefined
      ? {
          SignatureVersion: one.version,
          Signature: signing.sign(signedFields(one), one.version),
          SigningCertURL: endpoint + signing.certificatePath(),
        }
      : {}),
    UnsubscribeURL: unsubscribeUrl(endpoint, arn),
    MessageAttributes: attributesIn(one.attributes),
  });
}

/** What a function is run with. Source: Lambda Developer Guide, "Invoking Lambda functions with Amazon SNS notifications". */
export function lambdaEvent(
  one: Notification,
  { arn }: Pick<SubscriptionRecord, "arn">,
  signing: Signing,
  endpoint: string,
): string {
  const record = {
    EventSource: "aws:sns",
    EventVersion: "1.0",
    EventSubscriptionArn: arn,
    Sns: {
      Type: "Notification",
      MessageId: one.id,
      TopicArn: one.topic,
      Subject: one.subject ?? null,
      Message: one.message,
      Timestamp: one.timestamp,
      SignatureVersion: one.version,
      Signature: signing.sign(signedFields(one), one.version),
      SigningCertUrl: endpoint + signing.certificatePath(),
      UnsubscribeUrl: unsubscribeUrl(endpoint, arn),
      MessageAttributes: attributesIn(one.attributes) ?? {},
    },
  };
  return JSON.stringify({ Records: [record] });
}

/** What an HTTP endpoint gets before anything else. Source: SNS Developer Guide, "HTTP/HTTPS subscription confirmation JSON format". */
export function confirmationJson(
  { topic, token = "" }: Pick<SubscriptionRecord, "topic" | "token">,
  id: string,
  now: number,
  signing: Signing,
  endpoint: string,
): string {
  const fields = {
    Type: "SubscriptionConfirmation",
    MessageId: id,
    Token: token,
    TopicArn: topic,
    Message: `You have chosen to subscribe to the topic ${topic}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`,
    SubscribeURL: `${endpoint}/?Action=ConfirmSubscription&TopicArn=${topic}&Token=${token}`,
    Timestamp: new Date(now).toISOString(),
  };
  return JSON.stringify({
    ...fields,
    SignatureVersion: "1",
    Signature: signing.sign(fields, "1"),
    SigningCertURL: endpoint + signing.certificatePath(),
  });
}
