import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import type { LambdaClient } from "@aws-sdk/client-lambda";
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import {
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  CreateScheduleGroupCommand,
  DeleteScheduleCommand,
  DeleteScheduleGroupCommand,
  GetScheduleCommand,
  ListScheduleGroupsCommand,
  ListSchedulesCommand,
  ListTagsForResourceCommand,
  SchedulerClient,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateScheduleCommand,
} from "@aws-sdk/client-scheduler";
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { createFunction, lambdaOf, role } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

const account = "000000000000";
const dataDir = mkdtempSync(join(tmpdir(), "thaw-scheduler-"));
let server: Server;
let scheduler: SchedulerClient;
let events: EventBridgeClient;
let sqs: SQSClient;
let lambda: LambdaClient;
let s3: S3Client;

async function start() {
  server = await startServer({ dataDir, env: { THAW_UPSTREAM: "" } });
  const settings = {
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  };
  scheduler = new SchedulerClient(settings);
  events = new EventBridgeClient(settings);
  sqs = new SQSClient(settings);
  lambda = lambdaOf(server);
  s3 = new S3Client({ ...settings, forcePathStyle: true });
}
function forget() {
  for (const client of [scheduler, events, sqs, lambda, s3]) client.destroy();
}
before(start);
after(async () => {
  forget();
  await server[Symbol.asyncDispose]();
  rmSync(dataDir, { recursive: true, force: true });
});

const named = (name: string, message?: RegExp) => (error: Error) =>
  error.name === name && (message === undefined || message.test(error.message));
const FlexibleTimeWindow = { Mode: "OFF" as const };
/** A moment as one-time schedules take it. */
const moment = (ms: number) => `at(${new Date(ms).toISOString().slice(0, 19)})`;

async function queue(QueueName: string) {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName }));
  return { url: QueueUrl, arn: `arn:aws:sqs:us-east-1:${account}:${QueueName}` };
}

async function received(QueueUrl: string | undefined) {
  for (let tries = 0; tries < 30; tries += 1) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1, MessageAttributeNames: ["All"] }),
    );
    const [message] = Messages;
    if (message === undefined) continue;
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
    return message;
  }
  throw new Error(`nothing came to ${QueueUrl}`);
}

const create = (Name: string, input: Partial<CreateScheduleCommandInput>) =>
  scheduler.send(
    new CreateScheduleCommand({
      Name,
      ScheduleExpression: "rate(1 hour)",
      FlexibleTimeWindow,
      Target: { Arn: `arn:aws:sqs:us-east-1:${account}:q`, RoleArn: role },
      ...input,
    }),
  );

test("a schedule runs its function with its input, and a one-time schedule goes when it has run", async () => {
  const code = { "index.js": "exports.handler = async (event) => console.log('GOT ' + JSON.stringify(event));" };
  await createFunction(lambda, "f", { code, MemorySize: 128 });
  const Input =
    '{"id":"<aws.scheduler.execution-id>","arn":"<aws.scheduler.schedule-arn>","n":"<aws.scheduler.attempt-number>"}';
  const { ScheduleArn } = await create("once", {
    ScheduleExpression: moment(Date.now() + 1000),
    ActionAfterCompletion: "DELETE",
    Target: { Arn: `arn:aws:lambda:us-east-1:${account}:function:f`, RoleArn: role, Input },
  });
  assert.equal(ScheduleArn, `arn:aws:scheduler:us-east-1:${account}:schedule/default/once`);
  let text = "";
  for (let tries = 0; tries < 200 && !text.includes("GOT"); tries += 1) {
    await pause(50);
    text = await (await fetch(new URL("/_thaw/logs?function=f&limit=1000", server.endpoint))).text();
  }
  assert.match(text.replaceAll('\\"', '"'), new RegExp(`GOT {"id":"[0-9a-f]{16}","arn":"${ScheduleArn}","n":"1"}`));
  await assert.rejects(
    scheduler.send(new GetScheduleCommand({ Name: "once" })),
    named("ResourceNotFoundException", /^Schedule once does not exist\.$/),
  );
});

test("queues, buses and operations are targets", async () => {
  const { url, arn } = await queue("q");
  const at = moment(Date.now());
  await create("plain", {
    ScheduleExpression: at,
    Target: { Arn: arn, RoleArn: role, Input: "no JSON: <aws.scheduler.scheduled-time>" },
  });
  assert.match((await received(url)).Body ?? "", /^no JSON: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  await create("silent", { ScheduleExpression: at, Target: { Arn: arn, RoleArn: role } });
  const { detail, ...rest } = JSON.parse((await received(url)).Body!);
  assert.equal(detail, "{}");
  assert.deepEqual([rest.source, rest["detail-type"]], ["aws.scheduler", "Scheduled Event"]);
  const universal = { Arn: "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", RoleArn: role };
  const Input = JSON.stringify({ QueueUrl: url, MessageBody: "by operation" });
  await create("universal", { ScheduleExpression: at, Target: { ...universal, Input } });
  assert.equal((await received(url)).Body, "by operation");
  await events.send(new PutRuleCommand({ Name: "r", EventPattern: '{"source":["of.a.schedule"]}' }));
  await events.send(new PutTargetsCommand({ Rule: "r", Targets: [{ Id: "1", Arn: arn, InputPath: "$.detail" }] }));
  const bus = `arn:aws:events:us-east-1:${account}:event-bus/default`;
  const EventBridgeParameters = { Source: "of.a.schedule", DetailType: "t" };
  await create("bus", {
    ScheduleExpression: at,
    Target: { Arn: bus, RoleArn: role, Input: '{"n":1}', EventBridgeParameters },
  });
  assert.equal((await received(url)).Body, '{"n":1}');
});

test("what a schedule cannot deliver is a dead letter", async () => {
  const letters = await queue("letters");
  const Arn = `arn:aws:sqs:us-east-1:${account}:nobody`;
  const { ScheduleArn } = await create("hopeless", {
    ScheduleExpression: moment(Date.now()),
    Target: { Arn, RoleArn: role, Input: "x", DeadLetterConfig: { Arn: letters.arn } },
  });
  const { Body, MessageAttributes = {} } = await received(letters.url);
  assert.equal(Body, "x");
  assert.equal(MessageAttributes.SCHEDULE_ARN?.StringValue, ScheduleArn);
  assert.equal(MessageAttributes.TARGET_ARN?.StringValue, Arn);
  assert.equal(MessageAttributes.ERROR_CODE?.StringValue, "NO_RESOURCE");
});

test("schedules are described, changed as a whole, listed by page, and deleted with their group", async () => {
  const GroupName = "nightly";
  const { ScheduleGroupArn: ResourceArn } = await scheduler.send(
    new CreateScheduleGroupCommand({ Name: GroupName, Tags: [{ Key: "a", Value: "1" }] }),
  );
  await scheduler.send(new TagResourceCommand({ ResourceArn, Tags: [{ Key: "b", Value: "2" }] }));
  await scheduler.send(new UntagResourceCommand({ ResourceArn, TagKeys: ["a"] }));
  assert.deepEqual((await scheduler.send(new ListTagsForResourceCommand({ ResourceArn }))).Tags, [
    { Key: "b", Value: "2" },
  ]);
  const { ScheduleGroups } = await scheduler.send(new ListScheduleGroupsCommand({}));
  assert.deepEqual(
    ScheduleGroups?.map(({ Name }) => Name),
    ["default", GroupName],
  );
  const input = {
    GroupName,
    ScheduleExpression: "cron(0 3 ? * 2#1 *)",
    ScheduleExpressionTimezone: "Europe/Berlin",
    StartDate: new Date(Date.now() + 3_600_000),
    EndDate: new Date(Date.now() + 7_200_000),
    FlexibleTimeWindow: { Mode: "FLEXIBLE" as const, MaximumWindowInMinutes: 15 },
    Description: "d",
  };
  for (const name of ["one", "two", "three"]) await create(name, input);
  await assert.rejects(create("one", input), named("ConflictException", /^Schedule one already exists\.$/));
  const found = await scheduler.send(new GetScheduleCommand({ Name: "one", GroupName }));
  assert.equal(found.ScheduleExpressionTimezone, "Europe/Berlin");
  assert.deepEqual(found.FlexibleTimeWindow, input.FlexibleTimeWindow);
  assert.equal(found.EndDate?.getTime(), input.EndDate.getTime());
  assert.deepEqual(found.Target?.RetryPolicy, { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 });
  const { Target } = found;
  await scheduler.send(
    new UpdateScheduleCommand({
      Name: "one",
      GroupName,
      ScheduleExpression: "rate(2 days)",
      FlexibleTimeWindow,
      Target,
      State: "DISABLED",
    }),
  );
  const changed = await scheduler.send(new GetScheduleCommand({ Name: "one", GroupName }));
  assert.deepEqual(
    [changed.Description, changed.State, changed.ScheduleExpressionTimezone],
    [undefined, "DISABLED", "UTC"],
  );
  assert.equal(changed.CreationDate?.getTime(), found.CreationDate?.getTime());
  const page = (NextToken?: string) =>
    scheduler.send(new ListSchedulesCommand({ GroupName, MaxResults: 2, NextToken }));
  const first = await page();
  const second = await page(first.NextToken);
  assert.deepEqual(
    [first, second].flatMap(({ Schedules = [] }) => Schedules.map(({ Name }) => Name)),
    ["one", "three", "two"],
  );
  assert.equal(second.NextToken, undefined);
  await scheduler.send(new DeleteScheduleCommand({ Name: "two", GroupName }));
  await scheduler.send(new DeleteScheduleGroupCommand({ Name: GroupName }));
  await assert.rejects(
    scheduler.send(new GetScheduleCommand({ Name: "one", GroupName })),
    named("ResourceNotFoundException"),
  );
});

test("what cannot be a schedule is refused, and nothing is made", async () => {
  const wrong = (input: Partial<CreateScheduleCommandInput>) => create("wrong", input);
  const validation = (message: RegExp) => named("ValidationException", message);
  await assert.rejects(
    wrong({ ScheduleExpression: "rate(5)" }),
    validation(/^Invalid Schedule Expression rate\(5\)\.$/),
  );
  await assert.rejects(wrong({ ScheduleExpressionTimezone: "Mars/One" }), validation(/timezone/));
  await assert.rejects(
    wrong({ GroupName: "none" }),
    named("ResourceNotFoundException", /^Schedule group none does not exist\.$/),
  );
  await assert.rejects(wrong({ FlexibleTimeWindow: { Mode: "FLEXIBLE" } }), validation(/MaximumWindowInMinutes/));
  await assert.rejects(wrong({ StartDate: new Date(Date.now() - 3_600_000) }), validation(/5 minutes ago/));
  const Arn = `arn:aws:lambda:us-east-1:${account}:function:f`;
  await assert.rejects(wrong({ Target: { Arn, RoleArn: role, Input: "{" } }), validation(/JSON/));
  await assert.rejects(
    wrong({ Target: { Arn: "arn:aws:scheduler:::aws-sdk:ec2:stopInstances", RoleArn: role } }),
    validation(/ec2/),
  );
  await assert.rejects(scheduler.send(new GetScheduleCommand({ Name: "wrong" })), named("ResourceNotFoundException"));
});

test("what was accepted comes, and what was due meanwhile comes once, though the platform is killed", async () => {
  const { url, arn } = await queue("survivor");
  await events.send(new PutRuleCommand({ Name: "survivor", EventPattern: '{"source":["survivor"]}' }));
  await events.send(
    new PutTargetsCommand({ Rule: "survivor", Targets: [{ Id: "1", Arn: arn, InputPath: "$.detail.n" }] }),
  );
  const due = Date.now() + 3000;
  await create("survivor", { ScheduleExpression: moment(due), Target: { Arn: arn, RoleArn: role, Input: "due" } });
  const sent = Array.from({ length: 40 }, (_, n) => String(n));
  const put = (n: string) =>
    events.send(new PutEventsCommand({ Entries: [{ Source: "survivor", DetailType: "t", Detail: `{"n":${n}}` }] }));
  const Bucket = "survivors";
  await s3.send(new CreateBucketCommand({ Bucket }));
  const NotificationConfiguration = {
    QueueConfigurations: [{ QueueArn: arn, Events: ["s3:ObjectCreated:*" as const] }],
  };
  await s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
  const keys = sent.slice(0, 10).map((n) => `object-${n}`);
  const store = (Key: string) => s3.send(new PutObjectCommand({ Bucket, Key, Body: "x" }));
  await Promise.all([...sent.map(put), ...keys.map(store)]);
  await server.kill();
  forget();
  while (Date.now() < due) await pause(50);
  await start();
  const seen = new Map<string, number>();
  const wanted = [...sent, ...keys, "due", "test"];
  while (seen.size < wanted.length) {
    const { Body = "" } = await received(url);
    const told = Body.startsWith("{") ? JSON.parse(Body) : undefined;
    const name = told === undefined ? Body : (told.Records?.[0].s3.object.key ?? "test");
    seen.set(name, (seen.get(name) ?? 0) + 1);
  }
  assert.deepEqual([...seen.keys()].sort(), wanted.sort());
  assert.equal(seen.get("due"), 1);
});
