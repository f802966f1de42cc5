import assert from "node:assert/strict";
import { createVerify, X509Certificate } from "node:crypto";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { AddPermissionCommand, PutFunctionEventInvokeConfigCommand } from "@aws-sdk/client-lambda";
import {
  CreateTopicCommand,
  DeleteTopicCommand,
  GetSubscriptionAttributesCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListTagsForResourceCommand,
  ListTopicsCommand,
  type MessageAttributeValue,
  PublishBatchCommand,
  PublishCommand,
  SetSubscriptionAttributesCommand,
  SetTopicAttributesCommand,
  SNSClient,
  SubscribeCommand,
  TagResourceCommand,
  UnsubscribeCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

let server: Server;
let sns: SNSClient;
let sqs: SQSClient;
const credentials = { accessKeyId: "test", secretAccessKey: "test" };

before(async () => {
  server = await startServer();
  const options = { endpoint: server.endpoint, region: "us-east-1", credentials, maxAttempts: 1 };
  sns = new SNSClient(options);
  sqs = new SQSClient(options);
});
after(async () => {
  sns.destroy();
  sqs.destroy();
  await server[Symbol.asyncDispose]();
});

let count = 0;
async function newTopic(Attributes: Record<string, string> = {}): Promise<string> {
  count += 1;
  const Name = `t${count}${Attributes.FifoTopic === "true" ? ".fifo" : ""}`;
  return (await sns.send(new CreateTopicCommand({ Name, Attributes }))).TopicArn!;
}

/** A queue that topics may send to. */
async function newQueue(Attributes: Record<string, string> = {}): Promise<{ url: string; arn: string }> {
  count += 1;
  const QueueName = `q${count}${Attributes.FifoQueue === "true" ? ".fifo" : ""}`;
  const { QueueUrl: url = "" } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
  const shown = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["QueueArn"] }));
  const arn = shown.Attributes!.QueueArn!;
  const statement = { Effect: "Allow", Principal: { Service: "sns.amazonaws.com" }, Action: "sqs:SendMessage" };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [{ ...statement, Resource: arn }] });
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { Policy } }));
  return { url, arn };
}

const subscribe = async (
  TopicArn: string,
  Protocol: string,
  Endpoint: string,
  Attributes: Record<string, string> = {},
) =>
  (await sns.send(new SubscribeCommand({ TopicArn, Protocol, Endpoint, Attributes, ReturnSubscriptionArn: true })))
    .SubscriptionArn!;

async function received(QueueUrl: string, WaitTimeSeconds = 0) {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl,
      WaitTimeSeconds,
      MaxNumberOfMessages: 10,
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: ["All"],
    }),
  );
  return Messages;
}

const refusal = (name: string, text: RegExp) => (error: Error) => {
  assert.equal(error.name, name, error.message);
  assert.match(error.message, text);
  return true;
};

/** Is it signed as SNS signs, by the key that its certificate is of? */
async function isSigned(message: Record<string, string>): Promise<boolean> {
  const names =
    message.Type === "Notification"
      ? ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
      : ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
  const text = names.flatMap((name) => (message[name] === undefined ? [] : [`${name}\n${message[name]}\n`])).join("");
  const pem = await (await fetch(message.SigningCertURL ?? "")).text();
  const algorithm = message.SignatureVersion === "2" ? "RSA-SHA256" : "RSA-SHA1";
  const verify = createVerify(algorithm).update(text);
  return verify.verify(new X509Certificate(pem).publicKey, message.Signature ?? "", "base64");
}

const attribute = (StringValue: string, DataType = "String"): MessageAttributeValue => ({ DataType, StringValue });

test("queues get what is published, wrapped and signed, or as it is", async () => {
  const TopicArn = await newTopic();
  const [wrapped, raw] = [await newQueue(), await newQueue()];
  const SubscriptionArn = await subscribe(TopicArn, "sqs", wrapped.arn);
  await subscribe(TopicArn, "sqs", raw.arn, { RawMessageDelivery: "true" });
  const MessageAttributes = { a: attribute("x"), n: attribute("1", "Number") };
  const { MessageId } = await sns.send(
    new PublishCommand({ TopicArn, Message: "hello ü", Subject: "s", MessageAttributes }),
  );
  const [one] = await received(wrapped.url);
  const body = JSON.parse(one!.Body!);
  assert.deepEqual(
    { ...body, Signature: "", Timestamp: "", SigningCertURL: "" },
    {
      Type: "Notification",
      MessageId,
      TopicArn,
      Subject: "s",
      Message: "hello ü",
      Timestamp: "",
      SignatureVersion: "1",
      Signature: "",
      SigningCertURL: "",
      UnsubscribeURL: `${server.endpoint}/?Action=Unsubscribe&SubscriptionArn=${SubscriptionArn}`,
      MessageAttributes: { a: { Type: "String", Value: "x" }, n: { Type: "Number", Value: "1" } },
    },
  );
  assert.equal(await isSigned(body), true);
  assert.equal(await isSigned({ ...body, Message: "other" }), false);
  const [other] = await received(raw.url);
  assert.equal(other?.Body, "hello ü");
  assert.deepEqual(other.MessageAttributes, MessageAttributes);
});

test("a queue whose policy does not name the topic's service gets nothing; the dead-letter queue gets it", async () => {
  const TopicArn = await newTopic();
  const { url, arn } = await newQueue();
  const letters = await newQueue();
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { Policy: "" } }));
  await subscribe(TopicArn, "sqs", arn, { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: letters.arn }) });
  await sns.send(new PublishCommand({ TopicArn, Message: "m" }));
  assert.deepEqual(await received(url), []);
  assert.equal(JSON.parse((await received(letters.url))[0]!.Body!).Message, "m");
});

test("subscriptions get what their filter policies let through", async () => {
  const TopicArn = await newTopic();
  const [byAttributes, byBody] = [await newQueue(), await newQueue()];
  const SubscriptionArn = await subscribe(TopicArn, "sqs", byAttributes.arn, {
    FilterPolicy: '{"kind":["order"],"price":[{"numeric":[">",10]}]}',
    RawMessageDelivery: "true",
  });
  await subscribe(TopicArn, "sqs", byBody.arn, {
    FilterPolicy: '{"customer":{"name":[{"prefix":"A"}]}}',
    FilterPolicyScope: "MessageBody",
    RawMessageDelivery: "true",
  });
  const publish = (Message: string, kind: string, price: string) =>
    sns.send(
      new PublishCommand({
        TopicArn,
        Message,
        MessageAttributes: { kind: attribute(kind), price: attribute(price, "Number") },
      }),
    );
  await publish('{"customer":{"name":"Ada"}}', "order", "5");
  await publish('{"customer":{"name":"Bob"}}', "order", "50");
  const bodies = async (url: string) => (await received(url)).map(({ Body }) => JSON.parse(Body!).customer.name);
  assert.deepEqual(await bodies(byAttributes.url), ["Bob"]);
  assert.deepEqual(await bodies(byBody.url), ["Ada"]);
  await assert.rejects(
    sns.send(
      new SetSubscriptionAttributesCommand({
        SubscriptionArn,
        AttributeName: "FilterPolicy",
        AttributeValue: '{"a":"not a list"}',
      }),
    ),
    refusal("InvalidParameterException", /^Invalid parameter: FilterPolicy: /),
  );
  const { Attributes } = await sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
  assert.equal(Attributes?.FilterPolicyScope, "MessageAttributes");
});

test("a function is run with what is published, if its policy lets the topic", async () => {
  const lambda = lambdaOf(server);
  const { url, arn } = await newQueue();
  try {
    const code = { "index.js": "exports.handler = async () => {};" };
    const { FunctionArn = "" } = await createFunction(lambda, "told", { code, MemorySize: 128 });
    // The record of its success says what it was told, whichever environment it was.
    const heard = await newQueue();
    const DestinationConfig = { OnSuccess: { Destination: heard.arn } };
    await lambda.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: "told", DestinationConfig }));
    const TopicArn = await newTopic();
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn });
    const SubscriptionArn = await subscribe(TopicArn, "lambda", FunctionArn, { RedrivePolicy });
    await sns.send(new PublishCommand({ TopicArn, Message: "not allowed" }));
    assert.equal(JSON.parse((await received(url, 20))[0]!.Body!).Records[0].Sns.Message, "not allowed");
    const permission = { Action: "lambda:InvokeFunction", Principal: "sns.amazonaws.com", SourceArn: TopicArn };
    await lambda.send(new AddPermissionCommand({ FunctionName: "told", StatementId: "s", ...permission }));
    await sns.send(new PublishCommand({ TopicArn, Message: "hello", MessageAttributes: { a: attribute("b") } }));
    const event: { Records: { Sns: Record<string, unknown> }[] } = JSON.parse(
      (await received(heard.url, 20))[0]!.Body!,
    ).requestPayload;
    const { Sns, ...record } = event.Records[0]!;
    assert.deepEqual(record, {
      EventSource: "aws:sns",
      EventVersion: "1.0",
      EventSubscriptionArn: SubscriptionArn,
    });
    assert.equal(Sns.Message, "hello");
    assert.equal(Sns.Subject, null);
    assert.deepEqual(Sns.MessageAttributes, { a: { Type: "String", Value: "b" } });
  } finally {
    lambda.destroy();
  }
});

/** An endpoint that keeps what it is sent. `status`: what it answers to each in turn, and then 200. */
async function listen(statuses: number[] = []): Promise<{
  url: string;
  next(): Promise<{ headers: Record<string, unknown>; body: Record<string, string> }>;
  server: HttpServer;
}> {
  const got: { headers: Record<string, unknown>; body: Record<string, string> }[] = [];
  const waiting: (() => void)[] = [];
  const http = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    got.push({ headers: request.headers, body: JSON.parse(text) });
    response.writeHead(statuses.shift() ?? 200).end();
    for (const wake of waiting.splice(0)) wake();
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/hook`,
    async next() {
      while (got.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      return got.shift()!;
    },
    server: http,
  };
}

test("an HTTP endpoint is asked first, told afterwards, and may leave by a link", async () => {
  const TopicArn = await newTopic({ SignatureVersion: "2" });
  const endpoint = await listen([200, 503]);
  try {
    const DeliveryPolicy = JSON.stringify({ healthyRetryPolicy: { numRetries: 3, numNoDelayRetries: 3 } });
    const SubscriptionArn = await subscribe(TopicArn, "http", endpoint.url, { DeliveryPolicy });
    const asked = await endpoint.next();
    assert.equal(asked.headers["x-amz-sns-message-type"], "SubscriptionConfirmation");
    assert.equal(await isSigned(asked.body), true);
    const list = async () =>
      (await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }))).Subscriptions!.map(
        (one) => one.SubscriptionArn,
      );
    assert.deepEqual(await list(), ["PendingConfirmation"]);
    assert.equal((await fetch(asked.body.SubscribeURL!)).status, 200);
    assert.deepEqual(await list(), [SubscriptionArn]);
    await sns.send(new PublishCommand({ TopicArn, Message: "m" }));
    const refused = await endpoint.next();
    const told = await endpoint.next();
    assert.deepEqual(told.body, refused.body);
    assert.equal(told.headers["x-amz-sns-subscription-arn"], SubscriptionArn);
    assert.equal(told.body.SignatureVersion, "2");
    assert.equal(await isSigned(told.body), true);
    assert.equal((await fetch(told.body.UnsubscribeURL!)).status, 200);
    assert.deepEqual(await list(), []);
  } finally {
    endpoint.server.close();
  }
});

test("a FIFO topic keeps order and groups, and takes a message once", async () => {
  const TopicArn = await newTopic({ FifoTopic: "true", ContentBasedDeduplication: "true" });
  const { url, arn } = await newQueue({ FifoQueue: "true" });
  await subscribe(TopicArn, "sqs", arn, { RawMessageDelivery: "true" });
  for (const Message of ["1", "2", "2", "3"]) {
    await sns.send(new PublishCommand({ TopicArn, Message, MessageGroupId: "g" }));
  }
  const messages = await received(url);
  assert.deepEqual(
    messages.map(({ Body }) => Body),
    ["1", "2", "3"],
  );
  assert.equal(messages[0]?.Attributes?.MessageGroupId, "g");
  await assert.rejects(
    sns.send(new PublishCommand({ TopicArn, Message: "x" })),
    refusal("InvalidParameterException", /MessageGroupId parameter is required for FIFO topics$/),
  );
});

test("a message can have a text for each protocol", async () => {
  const TopicArn = await newTopic();
  const { url, arn } = await newQueue();
  await subscribe(TopicArn, "sqs", arn, { RawMessageDelivery: "true" });
  const Message = JSON.stringify({ default: "d", sqs: "for queues" });
  await sns.send(new PublishCommand({ TopicArn, Message, MessageStructure: "json" }));
  assert.equal((await received(url))[0]?.Body, "for queues");
  await assert.rejects(
    sns.send(new PublishCommand({ TopicArn, Message: "{}", MessageStructure: "json" })),
    refusal("InvalidParameterException", /No default entry in JSON message body$/),
  );
});

test("a batch has its entries answered one by one", async () => {
  const TopicArn = await newTopic();
  const PublishBatchRequestEntries = [
    { Id: "good", Message: "m" },
    { Id: "bad", Message: "m", Subject: "line\nbreak" },
  ];
  const { Successful, Failed } = await sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries }));
  assert.deepEqual(
    Successful?.map(({ Id }) => Id),
    ["good"],
  );
  assert.deepEqual(Failed, [
    { Id: "bad", Code: "InvalidParameter", Message: "Invalid parameter: Subject", SenderFault: true },
  ]);
});

test("topics are made once, shown, tagged, changed and deleted", async () => {
  const TopicArn = await newTopic();
  const Name = TopicArn.split(":").at(-1)!;
  assert.equal((await sns.send(new CreateTopicCommand({ Name }))).TopicArn, TopicArn);
  await sns.send(new SetTopicAttributesCommand({ TopicArn, AttributeName: "DisplayName", AttributeValue: "shown" }));
  const { Attributes } = await sns.send(new GetTopicAttributesCommand({ TopicArn }));
  assert.equal(Attributes?.DisplayName, "shown");
  assert.equal(Attributes.Owner, "000000000000");
  assert.equal(JSON.parse(Attributes.Policy!).Statement[0].Sid, "__default_statement_ID");
  await sns.send(
    new TagResourceCommand({
      ResourceArn: TopicArn,
      Tags: [
        { Key: "a", Value: "1" },
        { Key: "b", Value: "2" },
      ],
    }),
  );
  await sns.send(new UntagResourceCommand({ ResourceArn: TopicArn, TagKeys: ["a"] }));
  const { Tags } = await sns.send(new ListTagsForResourceCommand({ ResourceArn: TopicArn }));
  assert.deepEqual(Tags, [{ Key: "b", Value: "2" }]);
  const { Topics } = await sns.send(new ListTopicsCommand({}));
  assert.ok(Topics?.some((one) => one.TopicArn === TopicArn));
  const { arn } = await newQueue();
  const SubscriptionArn = await subscribe(TopicArn, "sqs", arn);
  assert.equal(await subscribe(TopicArn, "sqs", arn), SubscriptionArn);
  await sns.send(new UnsubscribeCommand({ SubscriptionArn }));
  await sns.send(new DeleteTopicCommand({ TopicArn }));
  await assert.rejects(
    sns.send(new PublishCommand({ TopicArn, Message: "m" })),
    refusal("NotFoundException", /^Topic does not exist$/),
  );
});

for (const { what, input, name, text } of [
  { what: "an empty message", input: { Message: "" }, name: "InvalidParameterException", text: /Empty message$/ },
  {
    what: "a message of more than 256 KiB",
    input: { Message: "x".repeat(262_145) },
    name: "InvalidParameterException",
    text: /^Invalid parameter: Message too long$/,
  },
  {
    what: "an attribute without a value",
    input: { Message: "m", MessageAttributes: { a: attribute("") } },
    name: "InvalidParameterValueException",
    text: /The message attribute 'a' must contain non-empty message attribute value/,
  },
  {
    what: "an attribute of no known type",
    input: { Message: "m", MessageAttributes: { a: attribute("x", "Text") } },
    name: "InvalidParameterValueException",
    text: /has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.$/,
  },
]) {
  test(`${what} is refused`, async () => {
    const TopicArn = await newTopic();
    await assert.rejects(sns.send(new PublishCommand({ TopicArn, ...input })), refusal(name, text));
  });
}

test("a subscription's endpoint must be one of its protocol", async () => {
  const TopicArn = await newTopic();
  for (const [protocol, endpoint, text] of [
    ["carrier-pigeon", "coop", /Amazon SNS does not support this protocol string: carrier-pigeon$/],
    ["http", "https://localhost/", /Endpoint must match the specified protocol$/],
    ["sqs", "nothing", /SQS endpoint ARN$/],
    ["lambda", "nothing", /Lambda endpoint ARN$/],
  ] as const) {
    await assert.rejects(subscribe(TopicArn, protocol, endpoint), refusal("InvalidParameterException", text));
  }
});
