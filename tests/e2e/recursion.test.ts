import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  AddPermissionCommand,
  GetFunctionRecursionConfigCommand,
  InvokeCommand,
  type LambdaClient,
  PutFunctionRecursionConfigCommand,
} from "@aws-sdk/client-lambda";
import {
  CreateBucketCommand,
  ListObjectsV2Command,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Functions that call each other without end, and what ends them. */
let server: Server;
let client: LambdaClient;

/**
 * Calls the next function of `event.loop` and says how many ran. The header is what an AWS SDK sets inside a function
 * (botocore's and the JavaScript SDK's recursion detection); `event.left` ends what nobody else does.
 */
const code = {
  "index.js": `
    const http = require("node:http");
    exports.handler = async ({ loop, left, ran = 0 }) => {
      if (left === 0) return { ran: ran + 1 };
      const name = loop[(ran + 1) % loop.length];
      const { status, body } = await post(name, { loop, left: left - 1, ran: ran + 1 });
      if (status !== 200) return { ran: ran + 1, status, refused: JSON.parse(body) };
      return JSON.parse(body);
    };
    const post = (name, event) => new Promise((resolve, reject) => {
      const url = process.env.AWS_ENDPOINT_URL + "/2015-03-31/functions/" + name + "/invocations";
      const headers = { "X-Amzn-Trace-Id": process.env._X_AMZN_TRACE_ID };
      const request = http.request(url, { method: "POST", headers }, (response) => {
        let body = "";
        response.on("data", (chunk) => (body += chunk));
        response.on("end", () => resolve({ status: response.statusCode, body }));
      });
      request.on("error", reject);
      request.end(JSON.stringify(event));
    });`,
};

before(async () => {
  server = await startServer();
  client = lambdaOf(server);
  for (const name of ["self", "ping", "pong"]) await createFunction(client, name, { code, MemorySize: 128 });
});
after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

async function run(loop: readonly string[], left: number) {
  const Payload = JSON.stringify({ loop, left });
  const answer = await client.send(new InvokeCommand({ FunctionName: loop[0], Payload }));
  return JSON.parse(answer.Payload!.transformToString());
}

test("a function that calls itself runs 16 times, and the next call is refused", async () => {
  const { ran, status, refused } = await run(["self"], 25);
  assert.equal(ran, 16);
  assert.equal(status, 400);
  assert.match(
    refused.Message ?? refused.message,
    /^Lambda has detected your function being invoked in a recursive loop/,
  );
});

test("two functions that call each other are stopped, too", async () => {
  const { ran, status } = await run(["ping", "pong"], 60);
  assert.ok(ran >= 31 && ran <= 36, String(ran));
  assert.equal(status, 400);
});

test("a function that allows recursion may call itself as often as it likes", async () => {
  await client.send(new PutFunctionRecursionConfigCommand({ FunctionName: "self", RecursiveLoop: "Allow" }));
  assert.deepEqual(await run(["self"], 20), { ran: 21 });
  const seen = await client.send(new GetFunctionRecursionConfigCommand({ FunctionName: "self" }));
  assert.equal(seen.RecursiveLoop, "Allow");
});

test("a function that is told of the objects that it writes is stopped, too", async () => {
  const writing = `
    const http = require("node:http");
    exports.handler = ({ Records: [{ s3 }] }) => new Promise((resolve, reject) => {
      const left = Number(s3.object.key);
      if (left === 0) return resolve();
      const headers = { "X-Amzn-Trace-Id": process.env._X_AMZN_TRACE_ID, "content-length": 0 };
      const url = process.env.AWS_ENDPOINT_URL + "/looped/" + (left - 1);
      http.request(url, { method: "PUT", headers }, (response) => response.resume().on("end", resolve))
        .on("error", reject).end();
    });`;
  const { FunctionArn } = await createFunction(client, "writer", { code: { "index.js": writing }, MemorySize: 128 });
  const s3 = new S3Client({
    endpoint: server.endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const Bucket = "looped";
  await s3.send(new CreateBucketCommand({ Bucket }));
  const LambdaFunctionConfigurations = [{ LambdaFunctionArn: FunctionArn, Events: ["s3:ObjectCreated:*" as const] }];
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket,
      NotificationConfiguration: { LambdaFunctionConfigurations },
      SkipDestinationValidation: true,
    }),
  );
  await client.send(
    new AddPermissionCommand({
      FunctionName: "writer",
      StatementId: "s3",
      Action: "lambda:InvokeFunction",
      Principal: "s3.amazonaws.com",
    }),
  );
  await s3.send(new PutObjectCommand({ Bucket, Key: "60", Body: "x" }));
  const written = async () => (await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount!;
  const resting = async () => {
    const info = await (await fetch(`${server.endpoint}/_thaw/info`)).json();
    const { waiting, running } = (info as { events: { waiting: number; running: number } }).events;
    return waiting === 0 && running === 0;
  };
  // The one that was put, and one by each run that was let through.
  while ((await written()) < 17 || !(await resting())) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(await written(), 17);
  s3.destroy();
});
