import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { AddPermissionCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetBucketNotificationConfigurationCommand,
  GetObjectCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** What happens to objects is told to functions, queues and the event bus. */
const credentials = { accessKeyId: "test", secretAccessKey: "test" };
let server: Server;
let lambda: LambdaClient;
let s3: S3Client;
const arn = "arn:aws:lambda:us-east-1:000000000000:function:told";

before(async () => {
  server = await startServer({ env: { THAW_UPSTREAM: "" } });
  lambda = lambdaOf(server);
  s3 = new S3Client({ endpoint: server.endpoint, region: "us-east-1", forcePathStyle: true, credentials });
});
after(async () => {
  lambda.destroy();
  s3.destroy();
  await server[Symbol.asyncDispose]();
});

const code = `exports.handler = async ({ Records: [record] }) => {
  console.log("TOLD " + JSON.stringify(record));
};`;

async function told(): Promise<Record<string, never>[]> {
  const answer = await fetch(new URL("/_thaw/logs?function=told&limit=1000", server.endpoint));
  return [...(await answer.text()).matchAll(/TOLD (\{.*?\}\}\})/g)].map(([, text]) =>
    JSON.parse(text!.replaceAll('\\"', '"')),
  );
}

test("a function is told of the objects it wants to hear of, and of no others", async () => {
  await createFunction(lambda, "told", { code: { "index.js": code } });
  const Bucket = "events";
  await s3.send(new CreateBucketCommand({ Bucket }));
  const Filter = { Key: { FilterRules: [{ Name: "prefix", Value: "in/" } as const] } };
  const NotificationConfiguration = {
    LambdaFunctionConfigurations: [
      { Id: "own", LambdaFunctionArn: arn, Events: ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"] as never, Filter },
    ],
  };
  const configure = new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration });
  await assert.rejects(
    s3.send(configure),
    (error: Error) =>
      error.name === "InvalidArgument" &&
      error.message === "Unable to validate the following destination configurations",
  );
  const permission = {
    FunctionName: "told",
    StatementId: "s3",
    Action: "lambda:InvokeFunction",
    Principal: "s3.amazonaws.com",
    SourceArn: `arn:aws:s3:::${Bucket}`,
  };
  await lambda.send(new AddPermissionCommand(permission));
  await s3.send(configure);
  const kept = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket }));
  assert.deepEqual(kept.LambdaFunctionConfigurations?.[0]?.Events, ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"]);
  await s3.send(new PutObjectCommand({ Bucket, Key: "out/k", Body: "x" }));
  await s3.send(new PutObjectCommand({ Bucket, Key: "in/a b", Body: "content" }));
  await s3.send(new GetObjectCommand({ Bucket, Key: "in/a b" }));
  await s3.send(new DeleteObjectCommand({ Bucket, Key: "in/a b" }));
  let records: Record<string, never>[] = [];
  for (const end = Date.now() + 20_000; records.length < 2 && Date.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    records = await told();
  }
  assert.deepEqual(records.map(({ eventName }) => eventName).toSorted(), ["ObjectCreated:Put", "ObjectRemoved:Delete"]);
  const { s3: detail } = records.find(({ eventName }) => eventName === "ObjectCreated:Put") as never as {
    s3: { object: { key: string; size: number }; bucket: { arn: string }; configurationId: string };
  };
  assert.deepEqual([detail.object.key, detail.object.size, detail.configurationId], ["in/a+b", 7, "own"]);
});

test("queues, topics and the default event bus are told of what happens to objects", async () => {
  const Bucket = "widely-told";
  await s3.send(new CreateBucketCommand({ Bucket }));
  const settings = { endpoint: server.endpoint, region: "us-east-1", credentials };
  const sqs = new SQSClient(settings);
  const events = new EventBridgeClient(settings);
  const queue = async (QueueName: string) => {
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName }));
    return { QueueUrl, arn: `arn:aws:sqs:us-east-1:000000000000:${QueueName}` };
  };
  /** The next message, waited for and taken away. */
  const next = async (QueueUrl: string | undefined) => {
    for (let tries = 0; tries < 20; tries += 1) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }));
      if (Messages[0] === undefined) continue;
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle }));
      return JSON.parse(Messages[0].Body!);
    }
    throw new Error(`nothing came to ${QueueUrl}`);
  };
  try {
    const [direct, bused] = [await queue("direct"), await queue("bused")];
    await events.send(new PutRuleCommand({ Name: "s3", EventPattern: '{"source":["aws.s3"]}' }));
    await events.send(new PutTargetsCommand({ Rule: "s3", Targets: [{ Id: "1", Arn: bused.arn }] }));
    const one = { QueueArn: direct.arn, Events: ["s3:ObjectCreated:*" as const] };
    const suffix = (Value: string) => ({ Key: { FilterRules: [{ Name: "suffix" as const, Value }] } });
    const put = (QueueConfigurations: object[]) =>
      s3.send(
        new PutBucketNotificationConfigurationCommand({
          Bucket,
          NotificationConfiguration: {
            QueueConfigurations: QueueConfigurations as never,
            EventBridgeConfiguration: {},
          },
        }),
      );
    const ambiguous = put([one, { ...one, Filter: suffix(".txt") }]);
    await assert.rejects(ambiguous, (error: Error) => /ambiguously defined/.test(error.message));
    await put([{ ...one, Id: "own", Filter: suffix(".txt") }]);
    const { HostId, RequestId, Time, ...test } = await next(direct.QueueUrl);
    assert.deepEqual(test, { Service: "Amazon S3", Event: "s3:TestEvent", Bucket });
    await s3.send(new PutObjectCommand({ Bucket, Key: "a b.bin", Body: "12345" }));
    await s3.send(new PutObjectCommand({ Bucket, Key: "a b.txt", Body: "123" }));
    const { Records } = await next(direct.QueueUrl);
    assert.deepEqual(
      [Records.length, Records[0].eventName, Records[0].s3.object.key],
      [1, "ObjectCreated:Put", "a+b.txt"],
    );
    assert.equal(Records[0].s3.configurationId, "own");
    const first = await next(bused.QueueUrl);
    assert.deepEqual([first["detail-type"], first.resources], ["Object Created", [`arn:aws:s3:::${Bucket}`]]);
    const { sequencer, ...object } = first.detail.object;
    assert.deepEqual(object, { key: "a b.bin", size: 5, etag: "827ccb0eea8a706c4c34a16891f84e7b" });
    assert.deepEqual([first.detail.reason, first.detail.requester], ["PutObject", "000000000000"]);
    await next(bused.QueueUrl);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: "a b.bin" }));
    const deleted = await next(bused.QueueUrl);
    assert.deepEqual(
      [deleted["detail-type"], deleted.detail["deletion-type"], deleted.detail.object.sequencer > sequencer],
      ["Object Deleted", "Permanently Deleted", true],
    );
  } finally {
    sqs.destroy();
    events.destroy();
  }
});
