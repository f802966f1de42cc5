import assert from "node:assert/strict";
import { after, before, test } from "node:test";
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
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** What happens to objects is told to functions. */
let server: Server;
let lambda: LambdaClient;
let s3: S3Client;
const arn = "arn:aws:lambda:us-east-1:000000000000:function:told";

before(async () => {
  server = await startServer();
  lambda = lambdaOf(server);
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
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
