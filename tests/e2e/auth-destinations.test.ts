// Where permissions are checked, what comes of a function's events is sent as its role, and only where that may.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CloudWatchClient, GetMetricStatisticsCommand } from "@aws-sdk/client-cloudwatch";
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import {
  InvokeCommand,
  PutFunctionEventInvokeConfigCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { createFunction, lambdaOf } from "./lambda.ts";
import { startServer } from "./server.ts";
import { until } from "./streams.ts";

test("records, failed events and calls of other functions are the role's to send", async (t) => {
  await using server = await startServer({ args: ["--auth", "iam"], env: { THAW_UPSTREAM: "" } });
  const key = JSON.parse(readFileSync(join(server.dataDir, "operator.json"), "utf8"));
  const credentials = { accessKeyId: key.AccessKeyId, secretAccessKey: key.SecretAccessKey };
  const settings = { endpoint: server.endpoint, region: "us-east-1", credentials };
  const [iam, sqs, lambda] = [new IAMClient(settings), new SQSClient(settings), lambdaOf(server, { credentials })];
  const cloudwatch = new CloudWatchClient(settings);
  t.after(() => {
    for (const client of [iam, sqs, lambda, cloudwatch]) client.destroy();
  });
  const trust = { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [trust] });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: "sender", AssumeRolePolicyDocument }));
  const arnOf = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;
  const urlOf = async (QueueName: string) => (await sqs.send(new CreateQueueCommand({ QueueName }))).QueueUrl!;
  const [records, letters] = [await urlOf("records"), await urlOf("letters")];
  const code = {
    "index.js": `exports.handler = async ({ fails }) => { if (fails) throw new Error("as told"); return 1; };`,
  };
  await createFunction(lambda, "f", { code, MemorySize: 128, Role: Role!.Arn! });
  const { FunctionArn } = await createFunction(lambda, "listener", { code, MemorySize: 128, Role: Role!.Arn! });
  const DeadLetterConfig = { TargetArn: arnOf("letters") };
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: "f", DeadLetterConfig }));
  const DestinationConfig = { OnFailure: { Destination: arnOf("records") }, OnSuccess: { Destination: FunctionArn! } };
  await lambda.send(
    new PutFunctionEventInvokeConfigCommand({ FunctionName: "f", MaximumRetryAttempts: 0, DestinationConfig }),
  );
  const send = (payload: object) =>
    lambda.send(new InvokeCommand({ FunctionName: "f", InvocationType: "Event", Payload: JSON.stringify(payload) }));
  const counted = async (FunctionName: string, MetricName: string) => {
    const { Datapoints = [] } = await cloudwatch.send(
      new GetMetricStatisticsCommand({
        Namespace: "AWS/Lambda",
        MetricName,
        Dimensions: [{ Name: "FunctionName", Value: FunctionName }],
        StartTime: new Date(Date.now() - 3600_000),
        EndTime: new Date(Date.now() + 3600_000),
        Period: 60,
        Statistics: ["Sum"],
      }),
    );
    return Datapoints.reduce((sum, one) => sum + one.Sum!, 0);
  };

  await send({ fails: true, n: 1 });
  await until(async () => (await counted("f", "DeadLetterErrors")) === 1);
  await send({ fails: false, n: 1 });
  await until(async () => (await counted("f", "DestinationDeliveryFailures")) === 2);
  assert.equal(await counted("listener", "Invocations"), 0);

  const statement = (Action: string, Resource: string) => ({ Effect: "Allow", Action, Resource });
  const allowed = [
    statement("sqs:SendMessage", arnOf("records")),
    statement("sqs:SendMessage", arnOf("letters")),
    statement("lambda:InvokeFunction", FunctionArn!),
  ];
  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: allowed });
  await iam.send(new PutRolePolicyCommand({ RoleName: "sender", PolicyName: "send", PolicyDocument }));
  await send({ fails: true, n: 2 });
  await send({ fails: false, n: 2 });
  const bodyOf = async (QueueUrl: string) => {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }));
    return JSON.parse(Messages[0]!.Body!);
  };
  assert.deepEqual((await bodyOf(records)).requestPayload, { fails: true, n: 2 }, "the one before was given up");
  assert.deepEqual(await bodyOf(letters), { fails: true, n: 2 });
  await until(async () => (await counted("listener", "Invocations")) === 1);
});
