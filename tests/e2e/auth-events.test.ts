import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  IAMClient,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { CreateScheduleCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { CreateQueueCommand, ReceiveMessageCommand, SetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { type Server, startServer } from "./server.ts";

/** Where permissions are checked, a schedule may what its role may, and no more than who made it could pass on. */
let server: Server;
let operator: { accessKeyId: string; secretAccessKey: string };
let user: typeof operator;
const account = "000000000000";
const clients: { destroy(): void }[] = [];

function made<T extends { destroy(): void }>(client: T): T {
  clients.push(client);
  return client;
}
const settings = (credentials: typeof operator) => ({
  endpoint: server.endpoint,
  region: "us-east-1",
  maxAttempts: 1,
  credentials,
});
const policy = (...statements: object[]) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const allow = (Action: string | string[], Resource: string) => ({ Effect: "Allow", Action, Resource });

before(async () => {
  server = await startServer({ args: ["--auth", "iam"], env: { THAW_UPSTREAM: "" } });
  const key = JSON.parse(readFileSync(join(server.dataDir, "operator.json"), "utf8"));
  operator = { accessKeyId: key.AccessKeyId, secretAccessKey: key.SecretAccessKey };
  const iam = made(new IAMClient(settings(operator)));
  const trust = (Service: string) => policy({ Effect: "Allow", Principal: { Service }, Action: "sts:AssumeRole" });
  for (const [RoleName, service] of [
    ["sender", "scheduler.amazonaws.com"],
    ["idle", "scheduler.amazonaws.com"],
    ["powerful", "scheduler.amazonaws.com"],
    ["of-lambda", "lambda.amazonaws.com"],
  ] as const) {
    await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust(service) }));
  }
  const queues = `arn:aws:sqs:us-east-1:${account}:*`;
  const PolicyDocument = policy(allow("sqs:SendMessage", queues));
  await iam.send(new PutRolePolicyCommand({ RoleName: "sender", PolicyName: "p", PolicyDocument }));
  await iam.send(new CreateUserCommand({ UserName: "u" }));
  const passable = ["sender", "idle", "of-lambda"].map((name) => `arn:aws:iam::${account}:role/${name}`);
  const own = policy(
    allow(["scheduler:*"], "*"),
    { ...allow("iam:PassRole", "*"), Resource: passable },
    allow("events:PutEvents", `arn:aws:events:us-east-1:${account}:event-bus/default`),
  );
  await iam.send(new PutUserPolicyCommand({ UserName: "u", PolicyName: "p", PolicyDocument: own }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: "u" }));
  user = { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
});
after(async () => {
  for (const client of clients) client.destroy();
  await server[Symbol.asyncDispose]();
});

async function firstOf(sqs: SQSClient, QueueUrl: string | undefined) {
  for (let tries = 0; tries < 20; tries += 1) {
    const ask = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1, MessageAttributeNames: ["All"] });
    const { Messages = [] } = await sqs.send(ask);
    if (Messages[0] !== undefined) return Messages[0];
  }
  throw new Error(`nothing came to ${QueueUrl}`);
}

test("a schedule sends as its role: what the role may comes, what it may not is a dead letter", async () => {
  const sqs = made(new SQSClient(settings(operator)));
  const scheduler = made(new SchedulerClient(settings(user)));
  const urls: Record<string, string | undefined> = {};
  for (const QueueName of ["q", "letters"]) {
    urls[QueueName] = (await sqs.send(new CreateQueueCommand({ QueueName }))).QueueUrl;
  }
  const received = (QueueUrl: string | undefined) => firstOf(sqs, QueueUrl);
  const create = (Name: string, role: string, Arn: string, Input: string) =>
    scheduler.send(
      new CreateScheduleCommand({
        Name,
        ScheduleExpression: `at(${new Date().toISOString().slice(0, 19)})`,
        FlexibleTimeWindow: { Mode: "OFF" },
        Target: {
          Arn,
          Input,
          RoleArn: `arn:aws:iam::${account}:role/${role}`,
          DeadLetterConfig: { Arn: `arn:aws:sqs:us-east-1:${account}:letters` },
        },
      }),
    );
  const queue = `arn:aws:sqs:us-east-1:${account}:q`;
  const refused = (name: string, message: RegExp) => (error: Error) =>
    error.name === name && message.test(error.message);
  await assert.rejects(create("a", "powerful", queue, "x"), refused("AccessDeniedException", /iam:PassRole/));
  await assert.rejects(create("a", "of-lambda", queue, "x"), refused("ValidationException", /assume the role/));
  await create("a", "sender", queue, "sent");
  assert.equal((await received(urls.q)).Body, "sent");
  await create("b", "idle", "arn:aws:scheduler:::aws-sdk:ssm:putParameter", '{"Name":"p","Value":"v","Type":"String"}');
  const { MessageAttributes = {} } = await received(urls.letters);
  assert.equal(MessageAttributes.ERROR_CODE?.StringValue, "NO_PERMISSIONS");
});

test("actions of EventBridge need permission, by rule and by bus", async () => {
  const events = made(new EventBridgeClient(settings(user)));
  const Entries = [{ Source: "a", DetailType: "t", Detail: "{}" }];
  assert.equal((await events.send(new PutEventsCommand({ Entries }))).FailedEntryCount, 0);
  const denied = (resource: string) => (error: Error) =>
    error.name === "AccessDeniedException" && error.message.includes(`on resource: ${resource} `);
  await assert.rejects(
    events.send(new PutEventsCommand({ Entries: [{ ...Entries[0], EventBusName: "other" }] })),
    denied(`arn:aws:events:us-east-1:${account}:event-bus/other`),
  );
  await assert.rejects(
    events.send(new PutRuleCommand({ Name: "r", EventPattern: '{"source":["a"]}' })),
    denied(`arn:aws:events:us-east-1:${account}:rule/r`),
  );
});

test("rules and buckets send to a queue where its policy lets their service in, and nowhere else", async () => {
  const sqs = made(new SQSClient(settings(operator)));
  const events = made(new EventBridgeClient(settings(operator)));
  const s3 = made(new S3Client({ ...settings(operator), forcePathStyle: true }));
  const queue = async (QueueName: string) => {
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName }));
    return { QueueUrl, arn: `arn:aws:sqs:us-east-1:${account}:${QueueName}` };
  };
  const [guarded, refused] = [await queue("guarded"), await queue("refused")];
  const letIn = (Service: string, sourceArn: string) =>
    sqs.send(
      new SetQueueAttributesCommand({
        QueueUrl: guarded.QueueUrl,
        Attributes: {
          Policy: policy({
            ...allow("sqs:SendMessage", guarded.arn),
            Principal: { Service },
            Condition: { ArnEquals: { "aws:SourceArn": sourceArn } },
          }),
        },
      }),
    );
  await events.send(new PutRuleCommand({ Name: "guarded", EventPattern: '{"source":["guarded"]}' }));
  const Targets = [{ Id: "1", Arn: guarded.arn, DeadLetterConfig: { Arn: refused.arn } }];
  await events.send(new PutTargetsCommand({ Rule: "guarded", Targets }));
  const put = (Detail: string) =>
    events.send(new PutEventsCommand({ Entries: [{ Source: "guarded", DetailType: "t", Detail }] }));
  await put('{"n":1}');
  const letter = await firstOf(sqs, refused.QueueUrl);
  assert.equal(letter.MessageAttributes?.ERROR_CODE?.StringValue, "NO_PERMISSIONS");
  assert.deepEqual(JSON.parse(letter.Body!).detail, { n: 1 });
  await letIn("events.amazonaws.com", `arn:aws:events:us-east-1:${account}:rule/guarded`);
  await put('{"n":2}');
  assert.deepEqual(JSON.parse((await firstOf(sqs, guarded.QueueUrl)).Body!).detail, { n: 2 });

  await s3.send(new CreateBucketCommand({ Bucket: "guarded" }));
  const configure = () => {
    const QueueConfigurations = [{ QueueArn: guarded.arn, Events: ["s3:ObjectCreated:*" as const] }];
    const NotificationConfiguration = { QueueConfigurations };
    return s3.send(new PutBucketNotificationConfigurationCommand({ Bucket: "guarded", NotificationConfiguration }));
  };
  await assert.rejects(configure(), {
    name: "InvalidArgument",
    message: "Unable to validate the following destination configurations",
  });
  await letIn("s3.amazonaws.com", "arn:aws:s3:::guarded");
  await configure();
  await s3.send(new PutObjectCommand({ Bucket: "guarded", Key: "k", Body: "b" }));
  const bodies = [await firstOf(sqs, guarded.QueueUrl), await firstOf(sqs, guarded.QueueUrl)].map(({ Body }) => Body!);
  assert.ok(bodies.some((body) => body.includes("s3:TestEvent")));
  assert.ok(bodies.some((body) => body.includes('"ObjectCreated:Put"')));
});
