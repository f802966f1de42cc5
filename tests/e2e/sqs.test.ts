import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  type CreateQueueCommandInput,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListDeadLetterSourceQueuesCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  type Message,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
  TagQueueCommand,
  UntagQueueCommand,
} from "@aws-sdk/client-sqs";
import { type Server, startServer } from "./server.ts";

let server: Server;
let sqs: SQSClient;
const credentials = { accessKeyId: "test", secretAccessKey: "test" };

before(async () => {
  server = await startServer();
  sqs = new SQSClient({ endpoint: server.endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
});
after(async () => {
  sqs.destroy();
  await server[Symbol.asyncDispose]();
});

let count = 0;
async function newQueue(Attributes: CreateQueueCommandInput["Attributes"] = {}, name?: string): Promise<string> {
  count += 1;
  const QueueName = name ?? `q${count}${Attributes?.FifoQueue === "true" ? ".fifo" : ""}`;
  return (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl!;
}
const send = (QueueUrl: string, MessageBody: string, more = {}) =>
  sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, ...more }));
async function receive(QueueUrl: string, more: Partial<ReceiveMessageCommandInput> = {}): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, MessageSystemAttributeNames: ["All"], MaxNumberOfMessages: 10, ...more }),
  );
  return Messages;
}
const bodies = (messages: readonly Message[]) => messages.map(({ Body }) => Body);
const attributes = async (QueueUrl: string) =>
  (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }))).Attributes!;
const code =
  (wanted: string, text: RegExp = /./) =>
  (error: Error & { Code?: string; Error?: { Code?: string } }) => {
    assert.equal(error.Error?.Code ?? error.Code ?? error.name, wanted, error.message);
    assert.match(error.message, text);
    return true;
  };

test("what is sent is received with its attributes, hidden, and gone once it is deleted", async () => {
  const QueueUrl = await newQueue();
  const MessageAttributes = {
    text: { DataType: "String", StringValue: "ü" },
    number: { DataType: "Number.int", StringValue: "7" },
    bytes: { DataType: "Binary", BinaryValue: Uint8Array.of(0, 255, 7) },
  };
  const trace = "Root=1-5759e988-bd862e3fe1be46a994272793";
  const MessageSystemAttributes = { AWSTraceHeader: { DataType: "String", StringValue: trace } };
  // The client compares the MD5 of all three with its own.
  const sent = await send(QueueUrl, "line\r\nü \u{1f600}", { MessageAttributes, MessageSystemAttributes });
  const [message] = await receive(QueueUrl, { MessageAttributeNames: ["All"] });
  assert.equal(message?.Body, "line\r\nü \u{1f600}");
  assert.equal(message.MessageId, sent.MessageId);
  assert.deepEqual(message.MessageAttributes, MessageAttributes);
  assert.equal(message.Attributes?.AWSTraceHeader, trace);
  assert.equal(message.Attributes?.ApproximateReceiveCount, "1");
  assert.equal(message.Attributes?.SenderId, "000000000000");
  assert.deepEqual(await receive(QueueUrl), []);
  const { ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible } = await attributes(QueueUrl);
  assert.deepEqual([ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible], ["0", "1"]);
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle! }));
  assert.equal((await attributes(QueueUrl)).ApproximateNumberOfMessagesNotVisible, "0");
});

test("a message that is made visible comes again, and counts", async () => {
  const QueueUrl = await newQueue();
  await send(QueueUrl, "again");
  const [first] = await receive(QueueUrl);
  const ReceiptHandle = first!.ReceiptHandle!;
  await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
  const [second] = await receive(QueueUrl);
  assert.equal(second?.Attributes?.ApproximateReceiveCount, "2");
  assert.notEqual(second.ReceiptHandle, ReceiptHandle);
  assert.equal(second.Attributes.ApproximateFirstReceiveTimestamp, first!.Attributes!.ApproximateFirstReceiveTimestamp);
});

test("a long poll is answered when a message comes, and when one is visible again", async () => {
  const QueueUrl = await newQueue({ VisibilityTimeout: "1" });
  const waiting = receive(QueueUrl, { WaitTimeSeconds: 20 });
  await send(QueueUrl, "for you");
  assert.deepEqual(bodies(await waiting), ["for you"]);
  assert.deepEqual(bodies(await receive(QueueUrl, { WaitTimeSeconds: 20 })), ["for you"]);
});

test("who does not wait any more gets no message", async () => {
  const QueueUrl = await newQueue();
  const gone = new AbortController();
  const aborted = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }), {
    abortSignal: gone.signal,
  });
  const second = receive(QueueUrl, { WaitTimeSeconds: 20 });
  gone.abort();
  await assert.rejects(aborted);
  await send(QueueUrl, "for the other");
  assert.deepEqual(bodies(await second), ["for the other"]);
});

test("a batch has its entries answered one by one", async () => {
  const QueueUrl = await newQueue({ MaximumMessageSize: "1024" });
  const Entries = [
    { Id: "good", MessageBody: "a", MessageAttributes: { n: { DataType: "Number", StringValue: "1" } } },
    { Id: "long", MessageBody: "x".repeat(1025) },
  ];
  const { Successful, Failed } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  assert.deepEqual(
    Successful?.map(({ Id }) => Id),
    ["good"],
  );
  assert.deepEqual(Failed, [
    {
      Id: "long",
      SenderFault: true,
      Code: "InvalidParameterValue",
      Message: "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
    },
  ]);
  const [message] = await receive(QueueUrl);
  const handles = { Entries: [{ Id: "one", ReceiptHandle: message!.ReceiptHandle!, VisibilityTimeout: 60 }], QueueUrl };
  const changed = await sqs.send(new ChangeMessageVisibilityBatchCommand(handles));
  assert.deepEqual(changed.Successful, [{ Id: "one" }]);
  const bad = { QueueUrl, Entries: [...handles.Entries, { Id: "two", ReceiptHandle: "nothing" }] };
  const deleted = await sqs.send(new DeleteMessageBatchCommand(bad));
  assert.deepEqual(deleted.Successful, [{ Id: "one" }]);
  assert.deepEqual(
    deleted.Failed?.map(({ Code }) => Code),
    ["ReceiptHandleIsInvalid"],
  );
});

for (const { Entries, wanted, text } of [
  {
    Entries: [],
    wanted: "AWS.SimpleQueueService.EmptyBatchRequest",
    text: /at least one SendMessageBatchRequestEntry/,
  },
  {
    Entries: Array.from({ length: 11 }, (_, index) => ({ Id: `${index}`, MessageBody: "x" })),
    wanted: "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    text: /^Maximum number of entries per request are 10. You have sent 11.$/,
  },
  {
    Entries: [{ Id: "a b", MessageBody: "x" }],
    wanted: "AWS.SimpleQueueService.InvalidBatchEntryId",
    text: /80 letters/,
  },
  {
    Entries: [
      { Id: "a", MessageBody: "x" },
      { Id: "a", MessageBody: "y" },
    ],
    wanted: "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    text: /^Id a repeated.$/,
  },
  {
    Entries: [
      { Id: "a", MessageBody: "x".repeat(600_000) },
      { Id: "b", MessageBody: "x".repeat(600_000) },
    ],
    wanted: "AWS.SimpleQueueService.BatchRequestTooLong",
    text: /^Batch requests cannot be longer than 1048576 bytes. You have sent 1200000 bytes.$/,
  },
]) {
  test(`a batch is refused as a whole: ${wanted}`, async () => {
    const QueueUrl = await newQueue();
    await assert.rejects(sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries })), code(wanted, text));
    assert.equal((await attributes(QueueUrl)).ApproximateNumberOfMessages, "0");
  });
}

test("a message of 1 MiB is taken, one more byte is not", async () => {
  const QueueUrl = await newQueue();
  await send(QueueUrl, "x".repeat(2 ** 20));
  await assert.rejects(
    send(QueueUrl, "x".repeat(2 ** 20 + 1)),
    code("InvalidParameterValue", /Message must be shorter than 1048576 bytes/),
  );
  assert.equal((await receive(QueueUrl))[0]?.Body?.length, 2 ** 20);
});

test("a delayed message is not there before its time", async () => {
  const QueueUrl = await newQueue();
  await send(QueueUrl, "later", { DelaySeconds: 1 });
  assert.equal((await attributes(QueueUrl)).ApproximateNumberOfMessagesDelayed, "1");
  assert.deepEqual(await receive(QueueUrl), []);
  assert.deepEqual(bodies(await receive(QueueUrl, { WaitTimeSeconds: 5 })), ["later"]);
});

test("what is received too often goes to the dead-letter queue", async () => {
  const letters = await newQueue();
  const { QueueArn } = await attributes(letters);
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: QueueArn, maxReceiveCount: 2 });
  const QueueUrl = await newQueue({ RedrivePolicy, VisibilityTimeout: "0" });
  await send(QueueUrl, "bad");
  await receive(QueueUrl);
  await receive(QueueUrl);
  const waiting = receive(letters, { WaitTimeSeconds: 20 });
  assert.deepEqual(await receive(QueueUrl), []);
  const [letter] = await waiting;
  assert.equal(letter?.Body, "bad");
  assert.equal(letter.Attributes?.DeadLetterQueueSourceArn, (await attributes(QueueUrl)).QueueArn);
  assert.equal(letter.Attributes?.ApproximateReceiveCount, "3");
  const sources = await sqs.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: letters }));
  assert.deepEqual(sources.queueUrls, [QueueUrl]);
});

test("a FIFO queue keeps the order of each group, and holds back what comes behind", async () => {
  const QueueUrl = await newQueue({ FifoQueue: "true", ContentBasedDeduplication: "true" });
  for (const [MessageGroupId, body] of [
    ["a", "a1"],
    ["b", "b1"],
    ["a", "a2"],
    ["a", "a3"],
    ["b", "b2"],
  ] as const) {
    await send(QueueUrl, body, { MessageGroupId });
  }
  const first = await receive(QueueUrl, { MaxNumberOfMessages: 2 });
  assert.deepEqual(bodies(first), ["a1", "a2"]);
  const others = await receive(QueueUrl);
  assert.deepEqual(bodies(others), ["b1", "b2"]);
  assert.deepEqual(await receive(QueueUrl), []);
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: first[0]!.ReceiptHandle! }));
  assert.deepEqual(await receive(QueueUrl), []);
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: first[1]!.ReceiptHandle! }));
  assert.deepEqual(bodies(await receive(QueueUrl)), ["a3"]);
});

test("a FIFO queue takes a message once", async () => {
  const QueueUrl = await newQueue({ FifoQueue: "true" });
  const ids = { MessageGroupId: "g", MessageDeduplicationId: "d" };
  const one = await send(QueueUrl, "x", ids);
  const two = await send(QueueUrl, "other", ids);
  assert.equal(one.MessageId, two.MessageId);
  assert.equal(one.SequenceNumber, two.SequenceNumber);
  assert.match(one.SequenceNumber ?? "", /^\d{20}$/);
  const [message] = await receive(QueueUrl);
  assert.equal(message?.Attributes?.MessageDeduplicationId, "d");
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle! }));
  await send(QueueUrl, "x", ids);
  assert.deepEqual(await receive(QueueUrl), []);
});

test("a queue's attributes are shown as they are set, and are refused when they are not allowed", async () => {
  const QueueUrl = await newQueue({ VisibilityTimeout: "7" }, "settings");
  const all = await attributes(QueueUrl);
  assert.deepEqual(
    { ...all, CreatedTimestamp: "", LastModifiedTimestamp: "" },
    {
      ApproximateNumberOfMessages: "0",
      ApproximateNumberOfMessagesDelayed: "0",
      ApproximateNumberOfMessagesNotVisible: "0",
      CreatedTimestamp: "",
      DelaySeconds: "0",
      LastModifiedTimestamp: "",
      MaximumMessageSize: "1048576",
      MessageRetentionPeriod: "345600",
      QueueArn: "arn:aws:sqs:us-east-1:000000000000:settings",
      ReceiveMessageWaitTimeSeconds: "0",
      SqsManagedSseEnabled: "true",
      VisibilityTimeout: "7",
    },
  );
  const set = (Attributes: Record<string, string>) => sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
  await assert.rejects(set({ VisibilityTimeout: "43201" }), code("InvalidAttributeValue", /VisibilityTimeout/));
  await assert.rejects(set({ Nonsense: "1" }), code("InvalidAttributeName", /^Unknown Attribute Nonsense.$/));
  await assert.rejects(set({ Policy: "{" }), code("InvalidAttributeValue", /^Invalid value for the parameter Policy./));
  await assert.rejects(
    set({ RedrivePolicy: '{"deadLetterTargetArn": "dummy", "maxReceiveCount": 42}' }),
    code("InvalidParameterValue", /Reason: Invalid value for deadLetterTargetArn.$/),
  );
  await set({ DelaySeconds: "3", KmsMasterKeyId: "alias/mine" });
  const { DelaySeconds, SqsManagedSseEnabled } = await attributes(QueueUrl);
  assert.deepEqual([DelaySeconds, SqsManagedSseEnabled], ["3", "false"]);
  await newQueue({ VisibilityTimeout: "7" }, "settings");
  await assert.rejects(
    newQueue({ VisibilityTimeout: "8" }, "settings"),
    code("QueueAlreadyExists", /VisibilityTimeout$/),
  );
});

test("tags come and go", async () => {
  const QueueUrl = await newQueue();
  await sqs.send(new TagQueueCommand({ QueueUrl, Tags: { one: "1", two: "2" } }));
  await sqs.send(new UntagQueueCommand({ QueueUrl, TagKeys: ["one"] }));
  assert.deepEqual((await sqs.send(new ListQueueTagsCommand({ QueueUrl }))).Tags, { two: "2" });
});

test("a queue that is purged is empty, and one that is deleted is gone, whoever waits for it", async () => {
  const QueueUrl = await newQueue();
  await send(QueueUrl, "gone");
  await sqs.send(new PurgeQueueCommand({ QueueUrl }));
  assert.deepEqual(await receive(QueueUrl), []);
  await send(QueueUrl, "new");
  assert.deepEqual(bodies(await receive(QueueUrl)), ["new"]);
  const waiting = receive(QueueUrl, { WaitTimeSeconds: 20 });
  await sqs.send(new DeleteQueueCommand({ QueueUrl }));
  assert.deepEqual(await waiting.catch(() => []), []);
  await assert.rejects(
    receive(QueueUrl),
    code("AWS.SimpleQueueService.NonExistentQueue", /^The specified queue does not exist.$/),
  );
});

test("queues are listed by prefix and in pages", async () => {
  for (const name of ["list-a", "list-b", "list-c"]) await newQueue({}, name);
  const first = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: "list-", MaxResults: 2 }));
  assert.equal(first.QueueUrls?.length, 2);
  const rest = await sqs.send(
    new ListQueuesCommand({ QueueNamePrefix: "list-", MaxResults: 2, NextToken: first.NextToken }),
  );
  assert.deepEqual(
    [...first.QueueUrls, ...(rest.QueueUrls ?? [])].map((url) => url.split("/").at(-1)),
    ["list-a", "list-b", "list-c"],
  );
  assert.equal(rest.NextToken, undefined);
});

test("a queue's URL leads back to it, in any of its forms", async () => {
  const url = await newQueue({}, "forms");
  assert.equal(url, `${server.endpoint}/000000000000/forms`);
  assert.equal((await sqs.send(new GetQueueUrlCommand({ QueueName: "forms" }))).QueueUrl, url);
  for (const form of [
    `http://sqs.us-east-1.localhost:${server.port}/000000000000/forms`,
    "https://sqs.us-east-1.amazonaws.com/000000000000/forms",
    `http://localhost:${server.port}/queue/us-east-1/000000000000/forms`,
    "https://us-east-1.queue.amazonaws.com/000000000000/forms",
  ]) {
    const client = new SQSClient({
      endpoint: server.endpoint,
      region: "us-east-1",
      credentials,
      useQueueUrlAsEndpoint: false,
    });
    await client.send(new SendMessageCommand({ QueueUrl: form, MessageBody: form }));
    client.destroy();
    assert.deepEqual(bodies(await receive(url, { VisibilityTimeout: 60 })), [form]);
  }
});

test("messages wait for the next process", async () => {
  await using first = await startServer();
  const client = new SQSClient({ endpoint: first.endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
  const { QueueUrl = "" } = await client.send(new CreateQueueCommand({ QueueName: "kept" }));
  await client.send(new SendMessageCommand({ QueueUrl, MessageBody: "still here" }));
  client.destroy();
  await first.kill();
  await using second = await startServer({ dataDir: first.dataDir });
  const later = new SQSClient({ endpoint: second.endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
  const kept = `${second.endpoint}/000000000000/kept`;
  const { Messages = [] } = await later.send(new ReceiveMessageCommand({ QueueUrl: kept }));
  later.destroy();
  assert.deepEqual(bodies(Messages), ["still here"]);
});

/** A call as SDKs made it before they spoke JSON. */
async function query(fields: Record<string, string>, path = "/"): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${server.endpoint}${path}`, {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      authorization:
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0",
    },
    body: new URLSearchParams({ Version: "2012-11-05", ...fields }),
  });
  return { status: answer.status, text: await answer.text() };
}

test("older clients speak the Query protocol, and post to a queue's own URL", async () => {
  const created = await query({
    Action: "CreateQueue",
    QueueName: "old",
    "Attribute.1.Name": "VisibilityTimeout",
    "Attribute.1.Value": "5",
    "Tag.1.Key": "k",
    "Tag.1.Value": "v",
  });
  assert.match(created.text, /<CreateQueueResult><QueueUrl>http:\/\/[^<]+\/000000000000\/old<\/QueueUrl>/);
  const path = "/000000000000/old";
  const sent = await query(
    {
      Action: "SendMessageBatch",
      "SendMessageBatchRequestEntry.1.Id": "x",
      "SendMessageBatchRequestEntry.1.MessageBody": "a <b> & \r\n",
      "SendMessageBatchRequestEntry.1.MessageAttribute.1.Name": "n",
      "SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType": "String",
      "SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue": "v",
    },
    path,
  );
  assert.match(sent.text, /<SendMessageBatchResultEntry><Id>x<\/Id><MessageId>/);
  const received = await query(
    { Action: "ReceiveMessage", "AttributeName.1": "All", "MessageAttributeName.1": "n" },
    path,
  );
  assert.match(received.text, /<Body>a &lt;b&gt; &amp; &#xD;\n<\/Body>/);
  assert.match(received.text, /<Attribute><Name>SentTimestamp<\/Name><Value>\d+<\/Value><\/Attribute>/);
  assert.match(
    received.text,
    /<MessageAttribute><Name>n<\/Name><Value><StringValue>v<\/StringValue><DataType>String<\/DataType><\/Value>/,
  );
  const shown = await query({ Action: "GetQueueAttributes", "AttributeName.1": "VisibilityTimeout" }, path);
  assert.match(shown.text, /<Attribute><Name>VisibilityTimeout<\/Name><Value>5<\/Value><\/Attribute>/);
  const none = await query({ Action: "ReceiveMessage" }, "/000000000000/nothing");
  assert.equal(none.status, 400);
  assert.match(none.text, /<Code>AWS.SimpleQueueService.NonExistentQueue<\/Code>/);
  assert.match(none.text, /<Message>The specified queue does not exist for this wsdl version.<\/Message>/);
});
