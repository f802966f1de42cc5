import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import {
  CreateEventSourceMappingCommand,
  CreateFunctionUrlConfigCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  DeleteFunctionEventInvokeConfigCommand,
  DeleteFunctionUrlConfigCommand,
  GetEventSourceMappingCommand,
  GetFunctionEventInvokeConfigCommand,
  GetFunctionRecursionConfigCommand,
  GetFunctionUrlConfigCommand,
  GetRuntimeManagementConfigCommand,
  type LambdaClient,
  ListEventSourceMappingsCommand,
  ListFunctionEventInvokeConfigsCommand,
  ListFunctionUrlConfigsCommand,
  ListTagsCommand,
  PutFunctionEventInvokeConfigCommand,
  PutFunctionRecursionConfigCommand,
  PutRuntimeManagementConfigCommand,
  TagResourceCommand,
  UpdateEventSourceMappingCommand,
  UpdateFunctionEventInvokeConfigCommand,
  UpdateFunctionUrlConfigCommand,
} from "@aws-sdk/client-lambda";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** What is configured beside a function's versions, on a platform that is killed in between. */
let server: Server;
let client: LambdaClient;
const FunctionName = "configured";
const EventSourceArn = "arn:aws:sqs:us-east-1:000000000000:orders";
let uuid = "";
let mapping = "";

before(async () => {
  server = await startServer();
  client = lambdaOf(server);
  await createFunction(client, FunctionName, { code: { "index.js": "exports.handler = async () => 1;" } });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const sqs = new SQSClient({ endpoint: server.endpoint, region: "us-east-1", credentials });
  await sqs.send(new CreateQueueCommand({ QueueName: "orders" }));
  sqs.destroy();
});
after(async () => {
  client.destroy();
  const { dataDir } = server;
  await server[Symbol.asyncDispose]();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Without its port, which is another one after a restart. */
const urlOf = (url: string | undefined) => url?.replace(/:\d+\/$/, "/");

test("everything is configured, changed and read back", async () => {
  await client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName, MaximumRetryAttempts: 0 }));
  await client.send(new UpdateFunctionEventInvokeConfigCommand({ FunctionName, MaximumEventAgeInSeconds: 60 }));
  await client.send(new CreateFunctionUrlConfigCommand({ FunctionName, AuthType: "AWS_IAM" }));
  await client.send(new UpdateFunctionUrlConfigCommand({ FunctionName, Cors: { AllowOrigins: ["*"] } }));
  await client.send(new PutFunctionRecursionConfigCommand({ FunctionName, RecursiveLoop: "Allow" }));
  await client.send(new PutRuntimeManagementConfigCommand({ FunctionName, UpdateRuntimeOn: "FunctionUpdate" }));
  const made = await client.send(new CreateEventSourceMappingCommand({ FunctionName, EventSourceArn }));
  uuid = made.UUID ?? "";
  mapping = made.EventSourceMappingArn ?? "";
  await client.send(new UpdateEventSourceMappingCommand({ UUID: uuid, Enabled: false, BatchSize: 5 }));
  await client.send(new TagResourceCommand({ Resource: mapping, Tags: { team: "a" } }));
  const url = await client.send(new GetFunctionUrlConfigCommand({ FunctionName }));
  assert.match(
    url.FunctionUrl!,
    new RegExp(`^http://[a-z0-9]{32}\\.lambda-url\\.us-east-1\\.localhost:${server.port}/$`),
  );
});

test("all of it is there after the platform was killed", async () => {
  const before = await client.send(new GetFunctionUrlConfigCommand({ FunctionName }));
  const { dataDir } = server;
  await server.kill();
  client.destroy();
  server = await startServer({ dataDir });
  client = lambdaOf(server);

  const invoke = await client.send(new GetFunctionEventInvokeConfigCommand({ FunctionName }));
  assert.deepEqual([invoke.MaximumRetryAttempts, invoke.MaximumEventAgeInSeconds], [0, 60]);
  const url = await client.send(new GetFunctionUrlConfigCommand({ FunctionName }));
  assert.equal(urlOf(url.FunctionUrl), urlOf(before.FunctionUrl));
  assert.deepEqual(url.Cors, { AllowOrigins: ["*"] });
  assert.equal(url.AuthType, "AWS_IAM");
  const recursion = await client.send(new GetFunctionRecursionConfigCommand({ FunctionName }));
  assert.equal(recursion.RecursiveLoop, "Allow");
  const runtime = await client.send(new GetRuntimeManagementConfigCommand({ FunctionName }));
  assert.equal(runtime.UpdateRuntimeOn, "FunctionUpdate");
  const seen = await client.send(new GetEventSourceMappingCommand({ UUID: uuid }));
  assert.deepEqual([seen.State, seen.BatchSize, seen.EventSourceArn], ["Disabled", 5, EventSourceArn]);
  assert.deepEqual((await client.send(new ListTagsCommand({ Resource: mapping }))).Tags, { team: "a" });
});

test("what is deleted is gone, and the rest goes with its function, but for the mapping", async () => {
  await client.send(new DeleteFunctionEventInvokeConfigCommand({ FunctionName }));
  const invokes = await client.send(new ListFunctionEventInvokeConfigsCommand({ FunctionName }));
  assert.deepEqual(invokes.FunctionEventInvokeConfigs, []);
  await client.send(new DeleteFunctionUrlConfigCommand({ FunctionName }));
  const urls = await client.send(new ListFunctionUrlConfigsCommand({ FunctionName }));
  assert.deepEqual(urls.FunctionUrlConfigs, []);
  await client.send(new DeleteFunctionCommand({ FunctionName }));
  const left = await client.send(new ListEventSourceMappingsCommand({ FunctionName }));
  assert.deepEqual(
    left.EventSourceMappings?.map((one) => one.UUID),
    [uuid],
  );
  const deleted = await client.send(new DeleteEventSourceMappingCommand({ UUID: uuid }));
  assert.equal(deleted.State, "Deleting");
  assert.deepEqual((await client.send(new ListEventSourceMappingsCommand({}))).EventSourceMappings, []);
});
