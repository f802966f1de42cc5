import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  MergeShardsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SplitShardCommand,
} from "@aws-sdk/client-kinesis";
import {
  CreateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  type LambdaClient,
} from "@aws-sdk/client-lambda";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";
import { type Recorder, type StreamServer, startKinesis, startRecorder, tell, until } from "./streams.ts";

/** A real Kinesis server, the official producer, and the platform as its consumer. */
let source: StreamServer;
let recorder: Recorder;
let server: Server;
let kinesis: KinesisClient;
let lambda: LambdaClient;

const code = {
  "index.js": `${tell}
    exports.handler = async (event) => {
      const texts = event.Records.map(({ kinesis }) => Buffer.from(kinesis.data, "base64").toString());
      await tell({ function: process.env.AWS_LAMBDA_FUNCTION_NAME, texts, event });
      const bad = event.Records.filter((_, index) => texts[index].startsWith("bad"));
      if (bad.length > 0 && process.env.REPORTS !== "yes") throw new Error("as asked");
      return { batchItemFailures: bad.map(({ kinesis }) => ({ itemIdentifier: kinesis.sequenceNumber })) };
    };`,
};

before(async () => {
  [source, recorder] = await Promise.all([startKinesis(), startRecorder()]);
  server = await startServer({ env: { ...recorder.env, THAW_UPSTREAM_KINESIS: source.url } });
  const settings = { region: "us-east-1", credentials: { accessKeyId: "test", secretAccessKey: "test" } };
  kinesis = new KinesisClient({ ...settings, endpoint: source.url, requestHandler: new NodeHttpHandler() });
  lambda = lambdaOf(server);
});
after(async () => {
  lambda?.destroy();
  kinesis?.destroy();
  await server?.[Symbol.asyncDispose]();
  await source?.[Symbol.asyncDispose]();
  await recorder?.[Symbol.asyncDispose]();
});

async function stream(name: string, ShardCount = 1): Promise<string> {
  await kinesis.send(new CreateStreamCommand({ StreamName: name, ShardCount }));
  const summary = async () => {
    const { StreamDescriptionSummary } = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: name }));
    return StreamDescriptionSummary!;
  };
  await until(async () => (await summary()).StreamStatus === "ACTIVE");
  return (await summary()).StreamARN!;
}

const put = (StreamName: string, PartitionKey: string, text: string) =>
  kinesis.send(new PutRecordCommand({ StreamName, PartitionKey, Data: Buffer.from(text) }));

async function map(FunctionName: string, EventSourceArn: string, more: Partial<CreateEventSourceMappingCommandInput>) {
  const command = { FunctionName, EventSourceArn, StartingPosition: "TRIM_HORIZON", ...more } as const;
  const { UUID } = await lambda.send(new CreateEventSourceMappingCommand(command));
  const described = () => lambda.send(new GetEventSourceMappingCommand({ UUID }));
  await until(async () => (await described()).State === "Enabled", described);
  return { UUID, described };
}

/** Everything that a function was told, one text after the other, as it came. */
const textsOf = (name: string): string[] =>
  recorder.seen.filter((one) => one.function === name).flatMap(({ texts }) => texts);

test("records arrive in the order of their keys, over a split and a merge", async () => {
  const arn = await stream("resharded");
  await createFunction(lambda, "ordered", { code });
  const keys = ["a", "b", "c", "d"];
  let next = 0;
  const produce = async (count: number) => {
    const Records = Array.from({ length: count }, () => {
      const number = next++;
      return { PartitionKey: keys[number % 4]!, Data: Buffer.from(`${keys[number % 4]} ${number}`) };
    });
    await kinesis.send(new PutRecordsCommand({ StreamName: "resharded", Records }));
  };
  await produce(20);
  const { UUID, described } = await map("ordered", arn, { BatchSize: 7, ParallelizationFactor: 2 });
  const half = "170141183460469231731687303715884105728";
  const split = { StreamName: "resharded", ShardToSplit: "shardId-000000000000", NewStartingHashKey: half };
  await kinesis.send(new SplitShardCommand(split));
  await until(
    async () =>
      (await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: "resharded" }))).StreamDescriptionSummary!
        .StreamStatus === "ACTIVE",
  );
  await produce(20);
  const merge = { ShardToMerge: "shardId-000000000001", AdjacentShardToMerge: "shardId-000000000002" };
  await kinesis.send(new MergeShardsCommand({ StreamName: "resharded", ...merge }));
  await until(
    async () =>
      (await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: "resharded" }))).StreamDescriptionSummary!
        .StreamStatus === "ACTIVE",
  );
  await produce(20);
  await until(
    () => textsOf("ordered").length >= 60,
    () => textsOf("ordered"),
  );
  for (const key of keys) {
    const numbers = textsOf("ordered")
      .filter((text) => text.startsWith(key))
      .map((text) => Number(text.slice(2)));
    assert.deepEqual(
      numbers,
      Array.from({ length: 15 }, (_, index) => index * 4 + keys.indexOf(key)),
    );
  }
  assert.equal((await described()).LastProcessingResult, "OK");
  const { event } = recorder.seen.find((one) => one.function === "ordered");
  assert.deepEqual(Object.keys(event.Records[0]), [
    "kinesis",
    "eventSource",
    "eventVersion",
    "eventID",
    "eventName",
    "invokeIdentityArn",
    "awsRegion",
    "eventSourceARN",
  ]);
  assert.equal(event.Records[0].invokeIdentityArn, "arn:aws:iam::000000000000:role/test");
  await lambda.send(new DeleteEventSourceMappingCommand({ UUID }));
});

test("a record that fails is found by splitting, and its numbers go to the destination", async () => {
  const sqs = new SQSClient({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "lost" }));
  const arn = await stream("poisoned");
  await createFunction(lambda, "splits", { code });
  const Records = ["1", "2", "bad", "4"].map((text) => ({ PartitionKey: "k", Data: Buffer.from(text) }));
  const { Records: numbers } = await kinesis.send(new PutRecordsCommand({ StreamName: "poisoned", Records }));
  await map("splits", arn, {
    BisectBatchOnFunctionError: true,
    MaximumRetryAttempts: 1,
    DestinationConfig: { OnFailure: { Destination: "arn:aws:sqs:us-east-1:000000000000:lost" } },
  });
  await until(
    () => recorder.seen.filter((one) => one.function === "splits").length === 6,
    () => textsOf("splits"),
  );
  assert.deepEqual(
    recorder.seen.filter((one) => one.function === "splits").map(({ texts }) => texts),
    [["1", "2", "bad", "4"], ["1", "2"], ["bad", "4"], ["bad"], ["bad"], ["4"]],
  );
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 10 }));
  const record = JSON.parse(Messages![0]!.Body!);
  assert.deepEqual(
    { ...record, timestamp: 0, requestContext: { ...record.requestContext, requestId: 0 } },
    {
      requestContext: {
        requestId: 0,
        functionArn: "arn:aws:lambda:us-east-1:000000000000:function:splits",
        condition: "RetryAttemptsExhausted",
        approximateInvokeCount: 2,
      },
      responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
      version: "1.0",
      timestamp: 0,
      KinesisBatchInfo: {
        shardId: "shardId-000000000000",
        startSequenceNumber: numbers![2]!.SequenceNumber,
        endSequenceNumber: numbers![2]!.SequenceNumber,
        approximateArrivalOfFirstRecord: record.KinesisBatchInfo.approximateArrivalOfFirstRecord,
        approximateArrivalOfLastRecord: record.KinesisBatchInfo.approximateArrivalOfLastRecord,
        batchSize: 1,
        streamArn: arn,
      },
    },
  );
  sqs.destroy();
});

test("what a function reports as failed is sent again, and nothing before it; filters leave records out", async () => {
  const arn = await stream("partial");
  await createFunction(lambda, "reports", { code, Environment: { Variables: { REPORTS: "yes" } } });
  await map("reports", arn, {
    StartingPosition: "LATEST",
    FunctionResponseTypes: ["ReportBatchItemFailures"],
    MaximumRetryAttempts: 1,
    MaximumBatchingWindowInSeconds: 1,
    FilterCriteria: { Filters: [{ Pattern: '{"data":["1","bad 2","3"]}' }] },
  });
  const isRead = () => textsOf("reports").length > 0;
  // LATEST begins when the mapping is at work, which nobody is told.
  while (!isRead()) {
    await put("partial", "k", "1");
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  recorder.seen.length = 0;
  // At once, so that they come in one batch, however slow the machine is.
  const Records = ["1", "left out", "bad 2", "3"].map((text) => ({ PartitionKey: "k", Data: Buffer.from(text) }));
  await kinesis.send(new PutRecordsCommand({ StreamName: "partial", Records }));
  await until(
    () => textsOf("reports").filter((text) => text === "3").length >= 2,
    () => textsOf("reports"),
  );
  const batches = recorder.seen.filter((one) => one.function === "reports").map(({ texts }) => texts.join());
  assert.ok(batches.at(-1)!.startsWith("bad 2"), `${batches}`);
  assert.ok(!batches.join().includes("left out"));
});

test("a stream that is not there is no source", async () => {
  const arn = "arn:aws:kinesis:us-east-1:000000000000:stream/nowhere";
  const message = `Stream not found: ${arn}`;
  await assert.rejects(map("reports", arn, {}), { name: "InvalidParameterValueException", message });
});

test("a consumer of enhanced fan-out is pushed its records", async () => {
  const StreamARN = await stream("fanned");
  const { Consumer } = await kinesis.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: "c" }));
  await createFunction(lambda, "fan", { code });
  await put("fanned", "k", "first");
  const { UUID } = await map("fan", Consumer!.ConsumerARN!, {});
  await until(
    () => textsOf("fan").includes("first"),
    () => recorder.seen,
  );
  await put("fanned", "k", "second");
  await until(() => textsOf("fan").includes("second"));
  assert.deepEqual(textsOf("fan"), ["first", "second"]);
  const { event } = recorder.seen.find((one) => one.function === "fan");
  assert.equal(event.Records[0].eventSourceARN, Consumer!.ConsumerARN);
  await lambda.send(new DeleteEventSourceMappingCommand({ UUID }));
});

test("a stream that is deleted is named as the reason that nothing comes", async () => {
  const arn = await stream("short-lived");
  await createFunction(lambda, "orphan", { code });
  const { described } = await map("orphan", arn, {});
  await kinesis.send(new DeleteStreamCommand({ StreamName: "short-lived" }));
  await until(async () => (await described()).StateTransitionReason === "PROBLEM: Stream not found", described);
  assert.equal((await described()).State, "Enabled");
});
