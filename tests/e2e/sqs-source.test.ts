import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
  DeleteEventSourceMappingCommand,
  DeleteFunctionConcurrencyCommand,
  GetEventSourceMappingCommand,
  type LambdaClient,
  PutFunctionConcurrencyCommand,
  UpdateEventSourceMappingCommand,
} from "@aws-sdk/client-lambda";
import {
  AddPermissionCommand,
  CreateQueueCommand,
  type CreateQueueCommandInput,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";
import { type Recorder, startRecorder, tell, until } from "./streams.ts";

let server: Server;
let recorder: Recorder;
let lambda: LambdaClient;
let sqs: SQSClient;
const arnOf = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;

/** Tells of every event; a body says what is to become of its message. */
const code = {
  "index.js": `${tell}
    exports.handler = async (event) => {
      const items = event.Records.map((record) => ({
        id: record.messageId, first: record.attributes.ApproximateReceiveCount === "1", ...JSON.parse(record.body),
      }));
      await tell({ function: process.env.AWS_LAMBDA_FUNCTION_NAME, event });
      const slow = Math.max(0, ...items.map(({ ms, first, firstMs }) => ms ?? (first ? firstMs ?? 0 : 0)));
      if (slow > 0) await new Promise((resolve) => setTimeout(resolve, slow));
      await tell({ ended: event.Records.map(({ messageId }) => messageId) });
      if (items.some(({ fails, first }) => fails && first)) throw new Error("as it was told");
      const failed = items.filter(({ poison }) => poison);
      return { batchItemFailures: failed.map(({ id }) => ({ itemIdentifier: id })) };
    };`,
};

before(async () => {
  recorder = await startRecorder();
  server = await startServer({ env: { ...recorder.env, THAW_UPSTREAM: "" } });
  lambda = lambdaOf(server);
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  sqs = new SQSClient({ endpoint: server.endpoint, region: "us-east-1", credentials });
  await createFunction(lambda, "f", { code, MemorySize: 128 });
});
after(async () => {
  lambda?.destroy();
  sqs?.destroy();
  await server?.[Symbol.asyncDispose]();
  await recorder?.[Symbol.asyncDispose]();
});

async function queue(QueueName: string, Attributes: CreateQueueCommandInput["Attributes"] = {}): Promise<string> {
  return (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl!;
}

async function map(name: string, more: Partial<CreateEventSourceMappingCommandInput> = {}): Promise<string> {
  const input = { FunctionName: "f", EventSourceArn: arnOf(name), ...more };
  return (await lambda.send(new CreateEventSourceMappingCommand(input))).UUID!;
}

const describe = (UUID: string) => lambda.send(new GetEventSourceMappingCommand({ UUID }));
const inState = (uuid: string, state: string) =>
  until(
    async () => (await describe(uuid)).State === state,
    async () => (await describe(uuid)).State,
  );
const send = (QueueUrl: string, body: object, more = {}) =>
  sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(body), ...more }));
// biome-ignore lint/suspicious/noExplicitAny: events as functions get them
const events = (name: string): any[] =>
  recorder.seen.flatMap(({ event }) => (event?.Records[0]?.eventSourceARN === arnOf(name) ? [event] : []));
const bodies = (name: string) =>
  events(name).flatMap(({ Records }) => Records.map((one: { body: string }) => JSON.parse(one.body)));
async function left(QueueUrl: string): Promise<number> {
  const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...names] }));
  return names.reduce((sum, name) => sum + Number(Attributes![name]), 0);
}
/** Hides messages for so long, from now on. */
const hide = (QueueUrl: string, seconds: number) =>
  sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { VisibilityTimeout: String(seconds) } }));
/** A mapping that is only read when its queue hides messages for a second: it is made of one that does so for as long as the function may run. */
async function mapHiding(url: string, name: string, given: Parameters<typeof map>[1] = {}): Promise<string> {
  const UUID = await map(name, { ...given, Enabled: false });
  await hide(url, 1);
  await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: true }));
  return UUID;
}
const emptied = (url: string) =>
  until(
    async () => (await left(url)) === 0,
    () => left(url),
  );

test("a message becomes a record as documented, and is deleted when the function has succeeded", async () => {
  const url = await queue("plain");
  const uuid = await map("plain");
  const MessageAttributes = {
    text: { DataType: "String", StringValue: "v" },
    bytes: { DataType: "Binary", BinaryValue: Buffer.from("v") },
  };
  const sent = await send(url, { n: 1 }, { MessageAttributes });
  await until(() => bodies("plain").length === 1);
  const { receiptHandle, attributes, ...record } = events("plain")[0].Records[0];
  assert.deepEqual(record, {
    messageId: sent.MessageId,
    body: '{"n":1}',
    messageAttributes: {
      bytes: { binaryValue: "dg==", stringListValues: [], binaryListValues: [], dataType: "Binary" },
      text: { stringValue: "v", stringListValues: [], binaryListValues: [], dataType: "String" },
    },
    md5OfMessageAttributes: sent.MD5OfMessageAttributes,
    md5OfBody: sent.MD5OfMessageBody,
    eventSource: "aws:sqs",
    eventSourceARN: arnOf("plain"),
    awsRegion: "us-east-1",
  });
  assert.match(receiptHandle, /./);
  assert.equal(attributes.ApproximateReceiveCount, "1");
  for (const name of ["SentTimestamp", "ApproximateFirstReceiveTimestamp"]) assert.match(attributes[name], /^\d{13}$/);
  assert.match(attributes.SenderId, /./);
  await emptied(url);
  const { State, StateTransitionReason, BatchSize } = await describe(uuid);
  assert.deepEqual(
    { State, StateTransitionReason, BatchSize },
    { State: "Enabled", StateTransitionReason: "USER_INITIATED", BatchSize: 10 },
  );
});

test("what no pattern fits is deleted and never seen", async () => {
  const url = await queue("filtered");
  const patterns = [{ body: { n: [{ numeric: [">", 5] }] } }, { messageAttributes: { kind: { stringValue: ["x"] } } }];
  const uuid = await map("filtered", {
    FilterCriteria: { Filters: patterns.map((one) => ({ Pattern: JSON.stringify(one) })) },
  });
  for (const n of [1, 9]) await send(url, { n });
  await send(url, { n: 2 }, { MessageAttributes: { kind: { DataType: "String", StringValue: "x" } } });
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "no JSON" }));
  await emptied(url);
  await until(() => bodies("filtered").length === 2);
  assert.deepEqual(new Set(bodies("filtered").map(({ n }) => n)), new Set([9, 2]));
  const info = (await (await fetch(`${server.endpoint}/_thaw/info`)).json()) as {
    sources: { uuid: string; counts: Record<string, number> }[];
  };
  const { counts } = info.sources.find((one) => one.uuid === uuid)!;
  assert.deepEqual(counts, {
    PolledEventCount: 4,
    FilteredOutEventCount: 2,
    InvokedEventCount: 2,
    FailedInvokeEventCount: 0,
    DroppedEventCount: 0,
    DeletedEventCount: 4,
    OnFailureDestinationDeliveredEventCount: 0,
  });
});

test("a window gathers a batch", async () => {
  const url = await queue("gathered");
  await map("gathered", { BatchSize: 50, MaximumBatchingWindowInSeconds: 1 });
  for (let part = 0; part < 3; part += 1) {
    const Entries = Array.from({ length: 10 }, (_, n) => ({
      Id: `${n}`,
      MessageBody: JSON.stringify({ n: part * 10 + n }),
    }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
  }
  await emptied(url);
  assert.equal(bodies("gathered").length, 30);
  assert.ok(events("gathered").length <= 2, `${events("gathered").length} batches`);
});

test("only what the function names as failed comes again, and a poisoned message ends in the dead-letter queue", async () => {
  const letters = await queue("letters");
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arnOf("letters"), maxReceiveCount: 2 });
  const url = await queue("poisoned", { RedrivePolicy });
  await mapHiding(url, "poisoned", { FunctionResponseTypes: ["ReportBatchItemFailures"] });
  const bodyOf = (n: number) => ({ n, poison: n === 3 });
  const Entries = [1, 2, 3, 4].map((n) => ({ Id: `${n}`, MessageBody: JSON.stringify(bodyOf(n)) }));
  await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: letters, WaitTimeSeconds: 15 }));
  assert.deepEqual(
    Messages?.map(({ Body }) => JSON.parse(Body!)),
    [bodyOf(3)],
  );
  await emptied(url);
  const times = (n: number) => bodies("poisoned").filter((one) => one.n === n).length;
  assert.deepEqual([1, 2, 3, 4].map(times), [1, 1, 2, 1]);
});

test("messages of a group keep their order, one batch after the other, also behind a failure", async () => {
  const url = await queue("ordered.fifo", {
    FifoQueue: "true",
    ContentBasedDeduplication: "true",
  });
  await mapHiding(url, "ordered.fifo", { BatchSize: 3 });
  const groups = ["a", "b"];
  for (let n = 0; n < 12; n += 1) {
    for (const MessageGroupId of groups)
      await send(url, { n, group: MessageGroupId, fails: n === 4 && MessageGroupId === "a" }, { MessageGroupId });
  }
  await emptied(url);
  for (const group of groups) {
    const order = bodies("ordered.fifo").flatMap((one) => (one.group === group ? [one.n] : []));
    // What came again came in order; the first time of each is what counts.
    assert.deepEqual(
      [...new Set(order)],
      Array.from({ length: 12 }, (_, n) => n),
      group,
    );
    if (group === "a") assert.equal(order.filter((n) => n === 4).length, 2);
  }
  const { attributes } = events("ordered.fifo")[0].Records[0];
  assert.match(attributes.SequenceNumber, /^\d{20}$/);
  assert.equal(attributes.MessageDeduplicationId.length, 64);
});

test("a message that is shown again while its function still runs waits for its end, and so does its group", async () => {
  const fifo = { FifoQueue: "true", ContentBasedDeduplication: "true" };
  const url = await queue("late.fifo", fifo);
  await mapHiding(url, "late.fifo", { BatchSize: 1 });
  await send(url, { n: 0, firstMs: 1500 }, { MessageGroupId: "a" });
  await send(url, { n: 1 }, { MessageGroupId: "a" });
  await emptied(url);
  const ids = new Set(events("late.fifo").map(({ Records }) => Records[0].messageId));
  let running = 0;
  for (const { event, ended } of recorder.seen) {
    if (event !== undefined && ids.has(event.Records[0].messageId)) running += 1;
    else if (ended !== undefined && ids.has(ended[0])) running -= 1;
    assert.ok(running <= 1, "two batches of a group at once");
  }
  const order = bodies("late.fifo").map(({ n }) => n);
  assert.equal(order.at(-1), 1);
  assert.equal(order.filter((n) => n === 1).length, 1);
});

test("a queue of another account is read when its policy says so", async () => {
  const url = await queue("theirs");
  await send(url, { n: 1 });
  const other = lambdaOf(server, { credentials: { accessKeyId: "111111111111", secretAccessKey: "test" } });
  try {
    await createFunction(other, "f", { code, MemorySize: 128, Role: "arn:aws:iam::111111111111:role/test" });
    const input = { FunctionName: "f", EventSourceArn: arnOf("theirs") };
    const { UUID } = await other.send(new CreateEventSourceMappingCommand(input));
    const reason = async () =>
      (await other.send(new GetEventSourceMappingCommand({ UUID }))).StateTransitionReason ?? "";
    await until(async () => /PROBLEM/.test(await reason()), reason);
    assert.equal(await left(url), 1);
    const allowed = { AWSAccountIds: ["111111111111"], Actions: ["*"], Label: "reader", QueueUrl: url };
    await sqs.send(new AddPermissionCommand(allowed));
    await emptied(url);
    assert.equal(bodies("theirs").length, 1);
  } finally {
    other.destroy();
  }
});

test("a function that feeds its own queue is stopped, and the message ends in the dead-letter queue", async () => {
  const letters = await queue("circle-letters");
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arnOf("circle-letters"), maxReceiveCount: 1 });
  const url = await queue("circle", { RedrivePolicy });
  const QueueUrl = new URL(url).pathname;
  const feeding = `
    const http = require("node:http");
    exports.handler = ({ Records }) => new Promise((resolve, reject) => {
      const n = JSON.parse(Records[0].body).n + 1;
      const authorization = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0";
      const headers = {
        authorization,
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "AmazonSQS.SendMessage",
        "x-amzn-trace-id": process.env._X_AMZN_TRACE_ID,
      };
      const options = { method: "POST", headers };
      const sending = http.request(process.env.AWS_ENDPOINT_URL, options, (answer) => answer.resume().on("end", resolve));
      const MessageBody = JSON.stringify({ n });
      const QueueUrl = process.env.AWS_ENDPOINT_URL + "${QueueUrl}";
      sending.once("error", reject).end(JSON.stringify({ QueueUrl, MessageBody }));
    });`;
  await createFunction(lambda, "feeding", { code: { "index.js": feeding }, MemorySize: 128 });
  await mapHiding(url, "circle", { FunctionName: "feeding" });
  await send(url, { n: 0 });
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: letters, WaitTimeSeconds: 20 }));
  const { n } = JSON.parse(Messages?.[0]?.Body ?? "{}");
  assert.ok(n >= 15 && n <= 17, String(n));
});

test("a queue that is not there, or hides messages for less than the function may run, is no source", async () => {
  const refused = (name: string, message: string) =>
    assert.rejects(map(name), { name: "InvalidParameterValueException", message });
  for (const name of ["nowhere", "nowhere.fifo"]) {
    await refused(
      name,
      "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.",
    );
  }
  const url = await queue("short", { VisibilityTimeout: "29" });
  await refused("short", "Queue visibility timeout: 29 seconds is less than Function timeout: 30 seconds");
  await hide(url, 30);
  await map("short");
});

test("no more batches run at once than MaximumConcurrency says", async () => {
  const url = await queue("narrow");
  await map("narrow", { BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } });
  const Entries = Array.from({ length: 10 }, (_, n) => ({ Id: `${n}`, MessageBody: JSON.stringify({ n, ms: 60 }) }));
  await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
  await emptied(url);
  const ids = new Set(events("narrow").map(({ Records }) => Records[0].messageId));
  let running = 0;
  let most = 0;
  for (const { event, ended } of recorder.seen) {
    if (event !== undefined && ids.has(event.Records[0].messageId)) running += 1;
    else if (ended !== undefined && ids.has(ended[0])) running -= 1;
    most = Math.max(most, running);
  }
  assert.equal(ids.size, 10);
  assert.equal(most, 2);
});

test("a throttled function's messages wait", async () => {
  await createFunction(lambda, "throttled", { code, MemorySize: 128 });
  const FunctionName = "throttled";
  await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
  const url = await queue("busy");
  const uuid = await map("busy", { FunctionName });
  await send(url, { n: 1 });
  const failures = async () => {
    const info = (await (await fetch(`${server.endpoint}/_thaw/info`)).json()) as {
      sources: { uuid: string; counts: { FailedInvokeEventCount: number } }[];
    };
    return info.sources.find((one) => one.uuid === uuid)!.counts.FailedInvokeEventCount;
  };
  await until(async () => (await failures()) > 0);
  assert.equal(await left(url), 1);
  await lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
  await emptied(url);
  assert.equal(bodies("busy").length, 1);
});

test("a disabled mapping reads nothing, an enabled one goes on, and a deleted one is over", async () => {
  const url = await queue("switched");
  const uuid = await map("switched", { Enabled: false });
  assert.equal((await describe(uuid)).State, "Disabled");
  await send(url, { n: 1 });
  const enabling = await lambda.send(new UpdateEventSourceMappingCommand({ UUID: uuid, Enabled: true }));
  assert.equal(enabling.State, "Enabling");
  await emptied(url);
  const disabling = await lambda.send(new UpdateEventSourceMappingCommand({ UUID: uuid, Enabled: false }));
  assert.equal(disabling.State, "Disabling");
  await inState(uuid, "Disabled");
  await send(url, { n: 2 });
  await lambda.send(new DeleteEventSourceMappingCommand({ UUID: uuid }));
  await assert.rejects(describe(uuid), { name: "ResourceNotFoundException" });
  assert.equal(await left(url), 1);
  assert.deepEqual(
    bodies("switched").map(({ n }) => n),
    [1],
  );
});

test("a queue that nobody serves, or that is gone, stalls its own mapping only, and says why", async () => {
  const url = await queue("alive");
  const dead = await map("dead", { Tags: { "thaw:endpoint": "http://127.0.0.1:9" } });
  const gone = await queue("none-there");
  const none = await map("none-there");
  await sqs.send(new DeleteQueueCommand({ QueueUrl: gone }));
  const alive = await map("alive");
  await until(async () => /ECONNREFUSED/.test((await describe(dead)).StateTransitionReason ?? ""));
  await until(async () => /QueueDoesNotExist/.test((await describe(none)).StateTransitionReason ?? ""));
  await send(url, { n: 1 });
  await emptied(url);
  assert.equal((await describe(alive)).StateTransitionReason, "USER_INITIATED");
  // It appears again, and is read.
  const late = await queue("none-there");
  await send(late, { n: 2 });
  await emptied(late);
  assert.equal(bodies("none-there").length, 1);
});
