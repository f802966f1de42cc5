import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DeleteLogGroupCommand,
  DeleteLogStreamCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  DescribeSubscriptionFiltersCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  ListTagsForResourceCommand,
  PutLogEventsCommand,
  PutRetentionPolicyCommand,
  PutSubscriptionFilterCommand,
  StartLiveTailCommand,
  TagResourceCommand,
  TestMetricFilterCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { AddPermissionCommand, InvokeCommand } from "@aws-sdk/client-lambda";
import fc from "../properties.ts";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

let server: Server;
let logs: CloudWatchLogsClient;
const logGroupName = "/app/orders";
const logStreamName = "one";

before(async () => {
  server = await startServer();
  logs = new CloudWatchLogsClient({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
    disableHostPrefix: true,
  });
});
after(async () => {
  logs.destroy();
  await server[Symbol.asyncDispose]();
});

const named = (name: string) => (error: Error) => error.name === name;
const put = (messages: readonly string[], group = logGroupName, start = Date.now()) =>
  logs.send(
    new PutLogEventsCommand({
      logGroupName: group,
      logStreamName,
      logEvents: messages.map((message, index) => ({ timestamp: start + index, message })),
    }),
  );

test("groups and streams are made once, described, tagged and deleted", async () => {
  await logs.send(new CreateLogGroupCommand({ logGroupName, tags: { a: "1" } }));
  await assert.rejects(logs.send(new CreateLogGroupCommand({ logGroupName })), named("ResourceAlreadyExistsException"));
  await assert.rejects(put(["x"]), named("ResourceNotFoundException"));
  await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
  await put(["first", "second", "third"]);
  const { logGroups } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: "/app" }));
  assert.equal(logGroups![0]!.arn, `arn:aws:logs:us-east-1:000000000000:log-group:${logGroupName}:*`);
  const { logStreams } = await logs.send(new DescribeLogStreamsCommand({ logGroupName, orderBy: "LastEventTime" }));
  assert.equal(logStreams![0]!.logStreamName, logStreamName);
  const resourceArn = logGroups![0]!.logGroupArn!;
  await logs.send(new TagResourceCommand({ resourceArn, tags: { b: "2" } }));
  assert.deepEqual((await logs.send(new ListTagsForResourceCommand({ resourceArn }))).tags, { a: "1", b: "2" });
});

test("a stream is read from either end, on and back, each event once", async () => {
  const ask = (input: object) => logs.send(new GetLogEventsCommand({ logGroupName, logStreamName, ...input }));
  const texts = (answer: Awaited<ReturnType<typeof ask>>) => answer.events!.map(({ message }) => message);
  const head = await ask({ startFromHead: true, limit: 2 });
  assert.deepEqual(texts(head), ["first", "second"]);
  const next = await ask({ startFromHead: true, nextToken: head.nextForwardToken });
  assert.deepEqual(texts(next), ["third"]);
  const end = await ask({ startFromHead: true, nextToken: next.nextForwardToken });
  assert.deepEqual(texts(end), []);
  assert.equal(end.nextForwardToken, next.nextForwardToken);
  const tail = await ask({ limit: 1 });
  assert.deepEqual(texts(tail), ["third"]);
  assert.deepEqual(texts(await ask({ nextToken: tail.nextBackwardToken })), ["first", "second"]);
});

test("events are filtered by pattern, stream and time, in pages", async () => {
  const ask = (input: object) => logs.send(new FilterLogEventsCommand({ logGroupName, ...input }));
  const one = await ask({ limit: 2 });
  const two = await ask({ nextToken: one.nextToken });
  assert.deepEqual(
    [...one.events!, ...two.events!].map(({ message }) => message),
    ["first", "second", "third"],
  );
  assert.equal((await ask({ filterPattern: "-first ?second ?third" })).events!.length, 2);
  assert.equal((await ask({ filterPattern: "second", logStreamNames: ["other"] })).events!.length, 0);
  await assert.rejects(ask({ filterPattern: "{ $.a = " }), named("InvalidParameterException"));
});

test("what functions write is there, and live", async () => {
  const client = lambdaOf(server);
  const FunctionName = "writer";
  await createFunction(client, FunctionName, {
    code: { "index.js": "exports.handler = async (e) => console.log('said', e.what);" },
  });
  const invoke = (what: string) =>
    client.send(new InvokeCommand({ FunctionName, Payload: Buffer.from(JSON.stringify({ what })) }));
  await invoke("hello");
  const group = `/aws/lambda/${FunctionName}`;
  const found = await logs.send(new FilterLogEventsCommand({ logGroupName: group, filterPattern: '"said hello"' }));
  assert.equal(found.events!.length, 1);
  const { logGroups } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: "/aws/lambda/" }));
  assert.equal(logGroups!.length, 1);
  const tail = await logs.send(
    new StartLiveTailCommand({ logGroupIdentifiers: [logGroups![0]!.logGroupArn!], logEventFilterPattern: "said" }),
  );
  let seen: string | undefined;
  for await (const event of tail.responseStream!) {
    if (event.sessionStart) await invoke("again");
    seen = event.sessionUpdate?.sessionResults?.[0]?.message;
    if (seen !== undefined) break;
  }
  assert.match(seen!, /said again/);
  client.destroy();
});

test("a subscription filter runs a function with what it lets through", async () => {
  const client = lambdaOf(server);
  await createFunction(client, "receiver", {
    code: {
      "index.js":
        "exports.handler = async (e) => console.log(require('zlib').gunzipSync(Buffer.from(e.awslogs.data, 'base64')).toString());",
    },
  });
  const destinationArn = "arn:aws:lambda:us-east-1:000000000000:function:receiver";
  const command = new PutSubscriptionFilterCommand({
    logGroupName,
    filterName: "errors",
    filterPattern: '{ $.level = "error" }',
    destinationArn,
  });
  await assert.rejects(logs.send(command), named("InvalidParameterException"));
  await client.send(
    new AddPermissionCommand({
      FunctionName: "receiver",
      StatementId: "logs",
      Action: "lambda:InvokeFunction",
      Principal: "logs.amazonaws.com",
    }),
  );
  await logs.send(command);
  const { subscriptionFilters } = await logs.send(new DescribeSubscriptionFiltersCommand({ logGroupName }));
  assert.equal(subscriptionFilters!.length, 1);
  await put(['{"level":"info"}', '{"level":"error","n":7}']);
  const ask = () =>
    logs
      .send(new FilterLogEventsCommand({ logGroupName: "/aws/lambda/receiver", filterPattern: "DATA_MESSAGE" }))
      .catch(() => undefined);
  let answer = await ask();
  for (const until = Date.now() + 20_000; !answer?.events?.length && Date.now() < until; ) {
    await new Promise((done) => setTimeout(done, 50));
    answer = await ask();
  }
  const document = answer!.events![0]!.message!;
  assert.match(document, /"subscriptionFilters":\["errors"\]/);
  assert.match(document, /\\"n\\":7/);
  assert.doesNotMatch(document, /info/);
  assert.match(document, /"id":"\d{56}"/);
  client.destroy();
});

test("what a subscription lets through reaches its function though the platform is killed, and none of it twice in peace", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "thaw-subscription-"));
  const settings = (endpoint: string) => ({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  let own = await startServer({ dataDir });
  try {
    const client = lambdaOf(own);
    const source =
      "exports.handler = async (e) => JSON.parse(require('zlib').gunzipSync(Buffer.from(e.awslogs.data, 'base64'))).logEvents.forEach((one) => console.log('GOT ' + one.message + '.'));";
    await createFunction(client, "receiver", { code: { "index.js": source }, MemorySize: 128 });
    const permission = { StatementId: "logs", Action: "lambda:InvokeFunction", Principal: "logs.amazonaws.com" };
    await client.send(new AddPermissionCommand({ FunctionName: "receiver", ...permission }));
    client.destroy();
    const before = new CloudWatchLogsClient(settings(own.endpoint));
    await before.send(new CreateLogGroupCommand({ logGroupName }));
    await before.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    const say = (messages: readonly string[], timestamp: number) =>
      before.send(
        new PutLogEventsCommand({
          logGroupName,
          logStreamName,
          logEvents: messages.map((message) => ({ timestamp, message })),
        }),
      );
    await say(["earlier"], Date.now());
    const destinationArn = "arn:aws:lambda:us-east-1:000000000000:function:receiver";
    const filter = { logGroupName, filterName: "all", filterPattern: "", destinationArn };
    await before.send(new PutSubscriptionFilterCommand(filter));
    // Older than the subscription, but it comes after it.
    await say(["one", "two"], Date.now() - 60_000);
    await say(["three"], Date.now());
    const texts = async () => {
      const answer = await fetch(new URL("/_thaw/logs?function=receiver&limit=1000", own.endpoint));
      return [...(await answer.text()).matchAll(/GOT (\w+)\./g)].map(([, text]) => text);
    };
    const waitFor = async (count: number) => {
      for (const until = Date.now() + 20_000; (await texts()).length < count && Date.now() < until; ) {
        await new Promise((done) => setTimeout(done, 50));
      }
      return (await texts()).sort();
    };
    assert.deepEqual(await waitFor(3), ["one", "three", "two"]);
    await say(["four"], Date.now());
    await own.kill();
    before.destroy();
    own = await startServer({ dataDir });
    assert.deepEqual([...new Set(await waitFor(4))], ["four", "one", "three", "two"]);
  } finally {
    await own.stop();
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
});

test("what is older than a group keeps is gone, and what is deleted too", async () => {
  const group = "/short";
  await logs.send(new CreateLogGroupCommand({ logGroupName: group }));
  await logs.send(new CreateLogStreamCommand({ logGroupName: group, logStreamName }));
  await put(["old"], group, Date.now() - 3 * 86_400_000);
  await put(["new"], group);
  const ask = () => logs.send(new FilterLogEventsCommand({ logGroupName: group }));
  assert.equal((await ask()).events!.length, 2);
  await assert.rejects(
    logs.send(new PutRetentionPolicyCommand({ logGroupName: group, retentionInDays: 2 })),
    named("InvalidParameterException"),
  );
  await logs.send(new PutRetentionPolicyCommand({ logGroupName: group, retentionInDays: 1 }));
  assert.deepEqual(
    (await ask()).events!.map(({ message }) => message),
    ["new"],
  );
  const { rejectedLogEventsInfo } = await put(["expired"], group, Date.now() - 3 * 86_400_000);
  assert.equal(rejectedLogEventsInfo?.expiredLogEventEndIndex, 1);
  await logs.send(new DeleteLogStreamCommand({ logGroupName: group, logStreamName }));
  assert.equal((await ask()).events!.length, 0);
  await logs.send(new DeleteLogGroupCommand({ logGroupName: group }));
  await assert.rejects(ask(), named("ResourceNotFoundException"));
});

test("bad input is refused in the service's words and never by a failure of the platform", async () => {
  const anything = fc.oneof(fc.string(), fc.jsonValue());
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("FilterLogEvents", "PutLogEvents", "GetLogEvents", "TestMetricFilter", "PutSubscriptionFilter"),
      anything,
      anything,
      async (name, one, other) => {
        const answer = await fetch(server.endpoint, {
          method: "POST",
          headers: { "x-amz-target": `Logs_20140328.${name}`, authorization: signed },
          body: JSON.stringify({
            logGroupName: one,
            logStreamName: other,
            filterPattern: other,
            logEvents: one,
            nextToken: one,
          }),
        });
        assert.equal(answer.status, 400, await answer.text());
      },
    ),
    { numRuns: 40 },
  );
});

test("patterns, as the service itself tries them", async () => {
  const messages = [
    '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534',
    '{"a":{"b":[1,{"c":"xyz"}]},"n":null,"t":true,"s":"5"}',
    "ERROR timeout in worker",
  ];
  for (const [filterPattern, numbers] of [
    ["", [1, 2, 3]],
    ["ERROR worker", [3]],
    ["?ERROR ?frank", [1, 3]],
    ['-ERROR -"GET /"', [2]],
    ["%time[a-z]+%", [3]],
    ["[ip, id, user, ..., status = 4*, size > 1000]", [1]],
    ["[ip, ..., status = 2* || status = 3*, size]", []],
    ['{ $.a.b[1].c = "x*z" && $.n IS NULL }', [2]],
    ["{ $.t IS TRUE && ($.s > 6 || $.s = 5) }", [2]],
    ["{ $.missing NOT EXISTS && $.a.b[0] != 2 }", [2]],
    ["{ $.missing = 1 }", []],
  ] as const) {
    const { matches } = await logs.send(new TestMetricFilterCommand({ filterPattern, logEventMessages: messages }));
    assert.deepEqual(
      matches!.map(({ eventNumber }) => Number(eventNumber)),
      numbers,
      filterPattern,
    );
  }
});

const signed = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=0";
