import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateFunctionCommand,
  GetFunctionCommand,
  InvokeCommand,
  type LambdaClient,
  PublishLayerVersionCommand,
  UpdateFunctionCodeCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { PutSigningProfileCommand, SignerClient, StartSigningJobCommand } from "@aws-sdk/client-signer";
import { lambdaOf, role, zipOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Code of functions and layers out of a bucket, as deployment tools bring it. */
let server: Server;
let lambda: LambdaClient;
let s3: S3Client;
const Bucket = "artifacts";

before(async () => {
  server = await startServer();
  lambda = lambdaOf(server);
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  s3 = new S3Client({ endpoint: server.endpoint, region: "us-east-1", forcePathStyle: true, credentials });
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }));
});
after(async () => {
  lambda.destroy();
  s3.destroy();
  await server[Symbol.asyncDispose]();
});

async function upload(Key: string, answer: string): Promise<string> {
  const Body = await zipOf({ "index.js": `exports.handler = async () => ${JSON.stringify(answer)};` });
  return (await s3.send(new PutObjectCommand({ Bucket, Key, Body }))).VersionId ?? "";
}

async function answer(FunctionName: string): Promise<unknown> {
  const { Payload } = await lambda.send(new InvokeCommand({ FunctionName }));
  return JSON.parse(Buffer.from(Payload!).toString());
}

const settings = { Runtime: "nodejs24.x", Role: role, Handler: "index.handler" } as const;

test("a function is made of an object, and updated from one of its versions", async () => {
  const one = await upload("code.zip", "one");
  await upload("code.zip", "two");
  const Code = { S3Bucket: Bucket, S3Key: "code.zip" };
  await lambda.send(new CreateFunctionCommand({ FunctionName: "f", Code, ...settings }));
  await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 30 }, { FunctionName: "f" });
  assert.equal(await answer("f"), "two");
  const update = { FunctionName: "f", ...Code, S3ObjectVersion: one, S3ObjectStorageMode: "REFERENCE" } as const;
  await lambda.send(new UpdateFunctionCodeCommand(update));
  await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 30 }, { FunctionName: "f" });
  assert.equal(await answer("f"), "one");
  const shown = await lambda.send(new GetFunctionCommand({ FunctionName: "f" }));
  assert.equal(shown.Code?.RepositoryType, "S3");
  assert.deepEqual(shown.Code?.ResolvedS3Object, { S3Bucket: Bucket, S3Key: "code.zip", S3ObjectVersion: one });
});

test("a layer is made of an object", async () => {
  const Body = await zipOf({ "nodejs/x.js": "" });
  await s3.send(new PutObjectCommand({ Bucket, Key: "layer.zip", Body }));
  const Content = { S3Bucket: Bucket, S3Key: "layer.zip" };
  const made = await lambda.send(new PublishLayerVersionCommand({ LayerName: "l", Content }));
  assert.equal(made.Content?.CodeSize, Body.length);
});

for (const [what, Code, text] of [
  [
    "a key that is not there",
    { S3Bucket: Bucket, S3Key: "none.zip" },
    "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
  ],
  [
    "a bucket that is not there",
    { S3Bucket: "nowhere", S3Key: "none.zip" },
    "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist",
  ],
] as const) {
  test(`code of ${what} is refused in S3's words`, async () => {
    await assert.rejects(
      lambda.send(new CreateFunctionCommand({ FunctionName: "refused", Code, ...settings })),
      (error: Error) => error.name === "InvalidParameterValueException" && error.message === text,
    );
  });
}

test("AWS Signer signs an object into another", async () => {
  const version = await upload("unsigned.zip", "signed");
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const signer = new SignerClient({ endpoint: server.endpoint, region: "us-east-1", credentials });
  const platformId = "AWSLambda-SHA384-ECDSA";
  await signer.send(new PutSigningProfileCommand({ profileName: "profile", platformId }));
  const { jobId } = await signer.send(
    new StartSigningJobCommand({
      profileName: "profile",
      source: { s3: { bucketName: Bucket, key: "unsigned.zip", version } },
      destination: { s3: { bucketName: Bucket, prefix: "signed/" } },
    }),
  );
  signer.destroy();
  const signed = await s3.send(new GetObjectCommand({ Bucket, Key: `signed/${jobId}.zip` }));
  assert.match(Buffer.from(await signed.Body!.transformToByteArray()).toString("latin1"), /thaw-signature:/);
});
