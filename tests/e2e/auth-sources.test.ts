import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AttachRolePolicyCommand, CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { CreateEventSourceMappingCommand, GetEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { CreateQueueCommand, GetQueueAttributesCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { createFunction, lambdaOf } from "./lambda.ts";
import { startServer } from "./server.ts";
import { until } from "./streams.ts";

test("where permissions are checked, a queue is read as the function's role, and only if that may", async (t) => {
  await using server = await startServer({ args: ["--auth", "iam"], env: { THAW_UPSTREAM: "" } });
  const key = JSON.parse(readFileSync(join(server.dataDir, "operator.json"), "utf8"));
  const credentials = { accessKeyId: key.AccessKeyId, secretAccessKey: key.SecretAccessKey };
  const settings = { endpoint: server.endpoint, region: "us-east-1", credentials };
  const [iam, sqs, lambda] = [new IAMClient(settings), new SQSClient(settings), lambdaOf(server, { credentials })];
  t.after(() => {
    for (const client of [iam, sqs, lambda]) client.destroy();
  });
  const trust = { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [trust] });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: "reader", AssumeRolePolicyDocument }));
  const code = { "index.js": "exports.handler = async () => {};" };
  await createFunction(lambda, "f", { code, MemorySize: 128, Role: Role!.Arn! });
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "q" }));
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "1" }));
  const EventSourceArn = "arn:aws:sqs:us-east-1:000000000000:q";
  const { UUID } = await lambda.send(new CreateEventSourceMappingCommand({ FunctionName: "f", EventSourceArn }));
  const reason = async () =>
    (await lambda.send(new GetEventSourceMappingCommand({ UUID }))).StateTransitionReason ?? "";
  await until(async () => /AccessDenied/.test(await reason()), reason);
  const left = async () => {
    const AttributeNames = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
    const answer = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] }));
    return AttributeNames.reduce((sum, name) => sum + Number(answer.Attributes![name]), 0);
  };
  assert.equal(await left(), 1);
  const PolicyArn = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole";
  await iam.send(new AttachRolePolicyCommand({ RoleName: "reader", PolicyArn }));
  await until(async () => (await left()) === 0, reason);
  await until(async () => (await reason()) === "USER_INITIATED", reason);
});
