import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  InvokeCommand,
  type LambdaClient,
  PutFunctionEventInvokeConfigCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

let server: Server;
let lambda: LambdaClient;
let sqs: SQSClient;
let sns: SNSClient;

before(async () => {
  server = await startServer({ env: { THAW_UPSTREAM: "" } });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const options = { endpoint: server.endpoint, region: "us-east-1", credentials, maxAttempts: 1 };
  lambda = lambdaOf(server);
  sqs = new SQSClient(options);
  sns = new SNSClient(options);
  const code = {
    "index.js": `exports.handler = async ({ fails }) => { if (fails) throw new Error("as told"); return 1; };`,
  };
  await createFunction(lambda, "f", { code, MemorySize: 128 });
});
after(async () => {
  for (const client of [lambda, sqs, sns]) client.destroy();
  await server[Symbol.asyncDispose]();
});

const arnOf = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;

async function newQueue(QueueName: string, Attributes: Record<string, string> = {}): Promise<string> {
  return (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl!;
}

async function next(QueueUrl: string) {
  const input = { QueueUrl, WaitTimeSeconds: 20, MessageAttributeNames: ["All"] };
  const { Messages: [message] = [] } = await sqs.send(new ReceiveMessageCommand(input));
  assert.ok(message !== undefined, "no message came");
  return message;
}

const invoke = (payload: object) =>
  lambda.send(new InvokeCommand({ FunctionName: "f", InvocationType: "Event", Payload: JSON.stringify(payload) }));

test("records of asynchronous invocations go to this platform's queues and topics", async () => {
  const failures = await newQueue("failures");
  const Policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: { Effect: "Allow", Principal: { Service: "sns.amazonaws.com" }, Action: "sqs:*", Resource: "*" },
  });
  const successes = await newQueue("successes", { Policy });
  const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "went-well" }));
  const subscription = { TopicArn, Protocol: "sqs", Endpoint: arnOf("successes") };
  await sns.send(new SubscribeCommand({ ...subscription, Attributes: { RawMessageDelivery: "true" } }));
  const DestinationConfig = { OnFailure: { Destination: arnOf("failures") }, OnSuccess: { Destination: TopicArn } };
  const config = { FunctionName: "f", MaximumRetryAttempts: 0, DestinationConfig };
  await lambda.send(new PutFunctionEventInvokeConfigCommand(config));
  await invoke({ fails: true });
  const failure = JSON.parse((await next(failures)).Body!);
  assert.equal(failure.requestContext.condition, "RetriesExhausted");
  assert.equal(failure.responsePayload.errorMessage, "as told");
  await invoke({ fails: false });
  assert.equal(JSON.parse((await next(successes)).Body!).requestContext.condition, "Success");
});

test("failed events go to a dead-letter queue of this platform", async () => {
  const letters = await newQueue("letters");
  const DeadLetterConfig = { TargetArn: arnOf("letters") };
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: "f", DeadLetterConfig }));
  await invoke({ fails: true, n: 7 });
  const { Body, MessageAttributes } = await next(letters);
  assert.deepEqual(JSON.parse(Body!), { fails: true, n: 7 });
  assert.equal(MessageAttributes?.ErrorMessage?.StringValue, "as told");
});

test("the event of a durable execution that nobody waits for and that fails goes to a dead-letter queue", async () => {
  const letters = await newQueue("durable-letters");
  const failed = `exports.handler = async () => ({ Status: "FAILED", Error: { ErrorMessage: "as told" } });`;
  await createFunction(lambda, "durable", {
    code: { "index.js": failed },
    MemorySize: 128,
    DeadLetterConfig: { TargetArn: arnOf("durable-letters") },
    DurableConfig: { ExecutionTimeout: 60, RetentionPeriodInDays: 1 },
  });
  const called = { FunctionName: "durable", Qualifier: "$LATEST", InvocationType: "Event" as const };
  await lambda.send(new InvokeCommand({ ...called, Payload: '{"n":8}' }));
  const { Body, MessageAttributes } = await next(letters);
  assert.deepEqual(JSON.parse(Body!), { n: 8 });
  assert.equal(MessageAttributes?.ErrorMessage?.StringValue, "as told");
});
