import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { CloudWatchLogsClient, CreateLogGroupCommand, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CancelReplayCommand,
  CreateArchiveCommand,
  CreateEventBusCommand,
  DeleteArchiveCommand,
  DeleteEventBusCommand,
  DeleteRuleCommand,
  DescribeArchiveCommand,
  DescribeEventBusCommand,
  DescribeReplayCommand,
  DescribeRuleCommand,
  DisableRuleCommand,
  EventBridgeClient,
  ListArchivesCommand,
  ListEventBusesCommand,
  ListReplaysCommand,
  ListRuleNamesByTargetCommand,
  ListRulesCommand,
  ListTagsForResourceCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  PutPermissionCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemovePermissionCommand,
  RemoveTargetsCommand,
  StartReplayCommand,
  TagResourceCommand,
  type Target,
  TestEventPatternCommand,
  UntagResourceCommand,
  UpdateArchiveCommand,
} from "@aws-sdk/client-eventbridge";
import { AddPermissionCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

let server: Server;
let events: EventBridgeClient;
let other: EventBridgeClient;
let sqs: SQSClient;
let logs: CloudWatchLogsClient;
let lambda: LambdaClient;
const account = "000000000000";
const fn = `arn:aws:lambda:us-east-1:${account}:function:f`;

before(async () => {
  server = await startServer({ env: { THAW_UPSTREAM: "" } });
  const settings = (accessKeyId = "test") => ({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId, secretAccessKey: "test" },
    maxAttempts: 1,
  });
  events = new EventBridgeClient(settings());
  other = new EventBridgeClient(settings("111111111111"));
  sqs = new SQSClient(settings());
  logs = new CloudWatchLogsClient(settings());
  lambda = lambdaOf(server);
  const code = { "index.js": "exports.handler = async (event) => console.log('got ' + JSON.stringify(event));" };
  await createFunction(lambda, "f", { code, MemorySize: 128 });
});
after(async () => {
  for (const client of [events, other, sqs, logs, lambda]) client.destroy();
  await server[Symbol.asyncDispose]();
});

const named = (name: string, message?: RegExp) => (error: Error) =>
  error.name === name && (message === undefined || message.test(error.message));

async function queue(name: string, attributes: Record<string, string> = {}) {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
  return { url: QueueUrl, arn: `arn:aws:sqs:us-east-1:${account}:${name}` };
}

/** The next message of a queue, waited for. */
async function received(QueueUrl: string | undefined) {
  const names = { MessageAttributeNames: ["All"], MessageSystemAttributeNames: ["All" as const] };
  for (let tries = 0; tries < 20; tries += 1) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1, ...names }));
    if (Messages[0] !== undefined) return Messages[0];
  }
  throw new Error(`nothing came to ${QueueUrl}`);
}

/** Lines that functions, or rules, wrote into a log group. */
async function logged(logGroupName: string, filterPattern: string) {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await logs.send(new FilterLogEventsCommand({ logGroupName, filterPattern })).catch(() => undefined);
    if (found?.events?.[0] !== undefined) return found.events.map(({ message = "" }) => message);
    await pause(50);
  }
  throw new Error(`${filterPattern} is not in ${logGroupName}`);
}

async function rule(Name: string, pattern: object, targets: readonly Target[], EventBusName?: string) {
  const { RuleArn } = await events.send(
    new PutRuleCommand({ Name, EventPattern: JSON.stringify(pattern), EventBusName }),
  );
  const put = await events.send(new PutTargetsCommand({ Rule: Name, Targets: [...targets], EventBusName }));
  assert.deepEqual(put.FailedEntries, []);
  return RuleArn;
}

test("an event comes to functions, queues and log groups as its rules say", async () => {
  const plain = await queue("plain");
  const fifo = await queue("ordered.fifo", { FifoQueue: "true", ContentBasedDeduplication: "true" });
  const logGroupName = "/aws/events/all";
  await logs.send(new CreateLogGroupCommand({ logGroupName }));
  const InputTransformer = {
    InputPathsMap: { n: "$.detail.n", type: "$.detail-type" },
    InputTemplate: '{"number": <n>, "text": "<type> by <aws.events.rule-name>"}',
  };
  const RuleArn = await rule("orders", { source: ["shop"], detail: { n: [{ numeric: [">", 1] }] } }, [
    { Id: "function", Arn: fn },
    { Id: "queue", Arn: plain.arn, InputTransformer },
    { Id: "fifo", Arn: fifo.arn, InputPath: "$.detail", SqsParameters: { MessageGroupId: "group" } },
    { Id: "log", Arn: `arn:aws:logs:us-east-1:${account}:log-group:${logGroupName}` },
  ]);
  assert.equal(RuleArn, `arn:aws:events:us-east-1:${account}:rule/orders`);
  await lambda.send(
    new AddPermissionCommand({
      FunctionName: "f",
      StatementId: "events",
      Action: "lambda:InvokeFunction",
      Principal: "events.amazonaws.com",
      SourceArn: RuleArn,
    }),
  );
  const Entries = [
    { Source: "shop", DetailType: "made", Detail: '{"n": 2, "id": 12345678901234567890}', Resources: ["r"] },
    { Source: "shop", DetailType: "made", Detail: '{"n":1}' },
    { Source: "shop", DetailType: "made", Detail: "[]" },
    { Source: "", DetailType: "made", Detail: "{}" },
    { Source: "aws.s3", DetailType: "made", Detail: "{}" },
  ];
  const answer = await events.send(new PutEventsCommand({ Entries }));
  assert.equal(answer.FailedEntryCount, 3);
  assert.deepEqual(
    answer.Entries?.map(({ ErrorCode }) => ErrorCode),
    [undefined, undefined, "MalformedDetail", "InvalidArgument", "NotAuthorizedForSourceException"],
  );
  assert.deepEqual(JSON.parse((await received(plain.url)).Body!), { number: 2, text: "made by orders" });
  const ordered = await received(fifo.url);
  assert.equal(ordered.Body, '{"n":2,"id":12345678901234567000}');
  assert.equal(ordered.Attributes?.MessageGroupId, "group");
  const [line = ""] = await logged("/aws/lambda/f", '"got"');
  assert.ok(line.includes('"source":"shop"') && line.includes(`"id":"${answer.Entries?.[0]?.EventId}"`), line);
  const [whole = ""] = await logged(logGroupName, "");
  assert.ok(whole.includes('"id": 12345678901234567890'), "the detail is as it was sent");
  assert.match(JSON.parse(whole).time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

test("an event comes to a topic, and from there to its queue", async () => {
  const sns = new SNSClient({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  try {
    const Principal = { Service: "sns.amazonaws.com" };
    const Statement = { Effect: "Allow", Principal, Action: "sqs:SendMessage", Resource: "*" };
    const target = await queue("behind-a-topic", { Policy: JSON.stringify({ Version: "2012-10-17", Statement }) });
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "topic" }));
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: target.arn }));
    await rule("topic", { source: ["topical"] }, [{ Id: "1", Arn: TopicArn!, Input: '{"fixed":1}' }]);
    await events.send(new PutEventsCommand({ Entries: [{ Source: "topical", DetailType: "t", Detail: "{}" }] }));
    assert.equal(JSON.parse((await received(target.url)).Body!).Message, '{"fixed":1}');
  } finally {
    sns.destroy();
  }
});

test("what cannot be delivered is a dead letter that says why", async () => {
  const letters = await queue("letters");
  const DeadLetterConfig = { Arn: letters.arn };
  const gone = `arn:aws:lambda:us-east-1:${account}:function:gone`;
  const RuleArn = await rule("hopeless", { source: ["hopeless"] }, [{ Id: "1", Arn: gone, DeadLetterConfig }]);
  await events.send(new PutEventsCommand({ Entries: [{ Source: "hopeless", DetailType: "t", Detail: "{}" }] }));
  const { Body, MessageAttributes = {} } = await received(letters.url);
  assert.equal(JSON.parse(Body!).source, "hopeless");
  const said = Object.fromEntries(
    Object.entries(MessageAttributes).map(([name, { StringValue }]) => [name, StringValue]),
  );
  assert.equal(said.ERROR_CODE, "NO_RESOURCE");
  assert.equal(said.RULE_ARN, RuleArn);
  assert.equal(said.TARGET_ARN, gone);
});

test("buses are made, described, listed, opened to others and deleted", async () => {
  const Name = "shop-bus";
  const { EventBusArn } = await events.send(
    new CreateEventBusCommand({ Name, Description: "d", Tags: [{ Key: "a", Value: "1" }] }),
  );
  assert.equal(EventBusArn, `arn:aws:events:us-east-1:${account}:event-bus/${Name}`);
  await assert.rejects(events.send(new CreateEventBusCommand({ Name })), named("ResourceAlreadyExistsException"));
  const { EventBuses } = await events.send(new ListEventBusesCommand({}));
  assert.deepEqual(
    EventBuses?.map((bus) => bus.Name),
    ["default", Name],
  );
  const target = await queue("of-the-bus");
  await rule("all", { account: [{ exists: true }] }, [{ Id: "1", Arn: target.arn }], Name);
  const Entries = [{ Source: "away", DetailType: "t", Detail: "{}", EventBusName: EventBusArn }];
  const refused = await other.send(new PutEventsCommand({ Entries }));
  assert.equal(refused.Entries?.[0]?.ErrorCode, "AccessDeniedException");
  const permission = { EventBusName: Name, Action: "events:PutEvents", StatementId: "s" };
  await events.send(new PutPermissionCommand({ ...permission, Principal: "111111111111" }));
  const { Policy = "" } = await events.send(new DescribeEventBusCommand({ Name }));
  assert.deepEqual(JSON.parse(Policy).Statement[0].Principal, { AWS: "arn:aws:iam::111111111111:root" });
  assert.equal((await other.send(new PutEventsCommand({ Entries }))).FailedEntryCount, 0);
  assert.equal(JSON.parse((await received(target.url)).Body!).account, "111111111111");
  await events.send(new RemovePermissionCommand({ EventBusName: Name, StatementId: "s" }));
  await assert.rejects(
    events.send(new RemovePermissionCommand({ EventBusName: Name, StatementId: "s" })),
    named("ResourceNotFoundException"),
  );
  await assert.rejects(events.send(new DeleteEventBusCommand({ Name })), named("ValidationException", /has rules/));
  await assert.rejects(
    events.send(new DeleteRuleCommand({ Name: "all", EventBusName: Name })),
    named("ValidationException", /^Rule can't be deleted since it has targets\.$/),
  );
  await events.send(new RemoveTargetsCommand({ Rule: "all", EventBusName: Name, Ids: ["1"] }));
  await events.send(new DeleteRuleCommand({ Name: "all", EventBusName: Name }));
  await events.send(new DeleteEventBusCommand({ Name }));
  await assert.rejects(events.send(new DescribeEventBusCommand({ Name })), named("ResourceNotFoundException"));
});

test("an event goes on to another bus as it is", async () => {
  const target = await queue("far");
  await events.send(new CreateEventBusCommand({ Name: "second" }));
  await rule("far", { source: ["far"] }, [{ Id: "1", Arn: target.arn }], "second");
  await rule("near", { source: ["far"] }, [{ Id: "1", Arn: `arn:aws:events:us-east-1:${account}:event-bus/second` }]);
  const sent = await events.send(new PutEventsCommand({ Entries: [{ Source: "far", DetailType: "t", Detail: "{}" }] }));
  assert.equal(JSON.parse((await received(target.url)).Body!).id, sent.Entries?.[0]?.EventId);
});

test("rules are described, listed by page and by target, tagged, disabled; what is wrong is refused in EventBridge's words", async () => {
  for (const name of ["p1", "p2", "p3"]) await rule(name, { source: [name] }, [{ Id: "1", Arn: fn }]);
  const first = await events.send(new ListRulesCommand({ NamePrefix: "p", Limit: 2 }));
  const second = await events.send(new ListRulesCommand({ NamePrefix: "p", Limit: 2, NextToken: first.NextToken }));
  assert.deepEqual(
    [first, second].flatMap(({ Rules = [] }) => Rules.map(({ Name }) => Name)),
    ["p1", "p2", "p3"],
  );
  assert.equal(second.NextToken, undefined);
  const { RuleNames } = await events.send(new ListRuleNamesByTargetCommand({ TargetArn: fn }));
  assert.deepEqual(RuleNames, ["orders", "p1", "p2", "p3"]);
  await events.send(new DisableRuleCommand({ Name: "p1" }));
  const described = await events.send(new DescribeRuleCommand({ Name: "p1" }));
  assert.deepEqual(
    [described.State, described.EventPattern, described.EventBusName],
    ["DISABLED", '{"source":["p1"]}', "default"],
  );
  const ResourceARN = described.Arn;
  await events.send(
    new TagResourceCommand({
      ResourceARN,
      Tags: [
        { Key: "a", Value: "1" },
        { Key: "b", Value: "2" },
      ],
    }),
  );
  await events.send(new UntagResourceCommand({ ResourceARN, TagKeys: ["a"] }));
  assert.deepEqual((await events.send(new ListTagsForResourceCommand({ ResourceARN }))).Tags, [
    { Key: "b", Value: "2" },
  ]);
  const { Targets } = await events.send(new ListTargetsByRuleCommand({ Rule: "p1" }));
  assert.deepEqual(Targets, [{ Id: "1", Arn: fn }]);
  const wrong = (input: object) => events.send(new PutRuleCommand({ Name: "w", ...input }));
  await assert.rejects(wrong({}), named("ValidationException", /EventPattern or ScheduleExpression must be specified/));
  await assert.rejects(
    wrong({ EventPattern: '{"source":"a"}' }),
    named("InvalidEventPatternException", /^Event pattern is not valid/),
  );
  await assert.rejects(
    wrong({ ScheduleExpression: "rate(1 minutes)" }),
    named("ValidationException", /^Parameter ScheduleExpression is not valid\.$/),
  );
  await assert.rejects(
    events.send(new DescribeRuleCommand({ Name: "w" })),
    named("ResourceNotFoundException", /^Rule w does not exist on EventBus default\.$/),
  );
  const Arn = `arn:aws:ecs:us-east-1:${account}:cluster/c`;
  const { FailedEntries } = await events.send(new PutTargetsCommand({ Rule: "p1", Targets: [{ Id: "2", Arn }] }));
  assert.equal(FailedEntries?.[0]?.ErrorCode, "NotImplementedException");
});

test("a pattern is tested against an event", async () => {
  const event = {
    id: "1",
    account,
    source: "a",
    time: "2026-01-01T00:00:00Z",
    region: "r",
    resources: [],
    "detail-type": "t",
    detail: { n: 1 },
  };
  const ask = (pattern: object, Event = JSON.stringify(event)) =>
    events.send(new TestEventPatternCommand({ EventPattern: JSON.stringify(pattern), Event }));
  assert.equal((await ask({ source: ["a"], detail: { n: [1] } })).Result, true);
  assert.equal((await ask({ source: [{ "anything-but": ["a"] }] })).Result, false);
  await assert.rejects(ask({ source: ["a"] }, "{}"), named("ValidationException"));
});

test("what a bus had is archived, and replayed with the replay's name", async () => {
  const { EventBusArn } = await events.send(new CreateEventBusCommand({ Name: "kept" }));
  const made = await events.send(
    new CreateArchiveCommand({
      ArchiveName: "a",
      EventSourceArn: EventBusArn!,
      EventPattern: '{"source":["app"]}',
      RetentionDays: 1,
    }),
  );
  assert.deepEqual([made.ArchiveArn, made.State], [`arn:aws:events:us-east-1:${account}:archive/a`, "ENABLED"]);
  const begun = Date.now();
  const Entries = ["app", "app", "other"].map((Source, n) => ({
    Source,
    DetailType: "t",
    Detail: `{"n":${n}}`,
    EventBusName: "kept",
  }));
  await events.send(new PutEventsCommand({ Entries }));
  const shown = await events.send(new DescribeArchiveCommand({ ArchiveName: "a" }));
  assert.deepEqual([shown.EventCount, shown.RetentionDays, shown.EventSourceArn], [2, 1, EventBusArn]);
  const to = await queue("replayed");
  const where = { EventBusName: "kept" };
  await events.send(new PutRuleCommand({ ...where, Name: "r", EventPattern: '{"replay-name":["again"]}' }));
  await events.send(new PutTargetsCommand({ ...where, Rule: "r", Targets: [{ Id: "1", Arn: to.arn }] }));
  const replay = {
    ReplayName: "again",
    EventSourceArn: made.ArchiveArn!,
    EventStartTime: new Date(begun - 60_000),
    EventEndTime: new Date(begun + 60_000),
    Destination: { Arn: EventBusArn! },
  };
  const started = await events.send(new StartReplayCommand(replay));
  assert.deepEqual(
    [started.ReplayArn, started.State],
    [`arn:aws:events:us-east-1:${account}:replay/again`, "STARTING"],
  );
  const bodies = [await received(to.url), await received(to.url)].map(({ Body }) => JSON.parse(Body!));
  assert.deepEqual(bodies.map((body) => [body["replay-name"], body.detail.n]).sort(), [
    ["again", 0],
    ["again", 1],
  ]);
  let state: string | undefined;
  for (let tries = 0; tries < 100 && state !== "COMPLETED"; tries += 1) {
    await pause(20);
    state = (await events.send(new DescribeReplayCommand({ ReplayName: "again" }))).State;
  }
  assert.equal(state, "COMPLETED");
  const { Replays = [] } = await events.send(new ListReplaysCommand({ EventSourceArn: made.ArchiveArn }));
  assert.deepEqual(
    Replays.map(({ ReplayName, State }) => [ReplayName, State]),
    [["again", "COMPLETED"]],
  );

  await assert.rejects(events.send(new StartReplayCommand(replay)), named("ResourceAlreadyExistsException"));
  await assert.rejects(events.send(new CancelReplayCommand({ ReplayName: "again" })), named("IllegalStatusException"));
  const wrong: [object, RegExp][] = [
    [{ EventSourceArn: EventBusArn }, /Must contain an archive ARN/],
    [{ Destination: { Arn: made.ArchiveArn } }, /Must contain an event bus ARN/],
    [{ Destination: { Arn: EventBusArn?.replace("kept", "default") } }, /Cross event bus replay/],
    [{ EventSourceArn: `${made.ArchiveArn}x` }, /Archive ax does not exist/],
    [{ EventEndTime: replay.EventStartTime }, /EventStartTime must be before EventEndTime/],
  ];
  for (const [change, message] of wrong) {
    const asked = { ...replay, ReplayName: "wrong", ...change };
    await assert.rejects(events.send(new StartReplayCommand(asked)), named("ValidationException", message));
  }
  await assert.rejects(
    events.send(new CreateArchiveCommand({ ArchiveName: "a", EventSourceArn: EventBusArn! })),
    named("ResourceAlreadyExistsException"),
  );
  await assert.rejects(
    events.send(new CreateArchiveCommand({ ArchiveName: "b", EventSourceArn: EventBusArn!, EventPattern: "{" })),
    named("InvalidEventPatternException"),
  );
  await events.send(new UpdateArchiveCommand({ ArchiveName: "a", Description: "d" }));
  const { Archives = [] } = await events.send(new ListArchivesCommand({ NamePrefix: "a" }));
  assert.deepEqual(
    Archives.map(({ ArchiveName, EventCount }) => [ArchiveName, EventCount]),
    [["a", 2]],
  );
  await events.send(new DeleteArchiveCommand({ ArchiveName: "a" }));
  await assert.rejects(
    events.send(new DescribeArchiveCommand({ ArchiveName: "a" })),
    named("ResourceNotFoundException", /Archive a does not exist/),
  );
});
