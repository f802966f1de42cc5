import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  CreateArchiveCommand,
  DescribeArchiveCommand,
  DescribeReplayCommand,
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  StartReplayCommand,
} from "@aws-sdk/client-eventbridge";
import { CreateQueueCommand, DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { type Server, startServer } from "./server.ts";

const account = "000000000000";
const count = 500;

function clientsOf(server: Server) {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const settings = { endpoint: server.endpoint, region: "us-east-1", maxAttempts: 1, credentials };
  return { events: new EventBridgeClient(settings), sqs: new SQSClient(settings) };
}

/** Takes what a queue has into `numbers`; gives back how many that were. */
async function take(sqs: SQSClient, QueueUrl: string, numbers: number[]): Promise<number> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
  );
  numbers.push(...Messages.map(({ Body }) => JSON.parse(Body!).detail.n as number));
  if (Messages.length > 0) {
    const Entries = Messages.map(({ ReceiptHandle }, at) => ({ Id: `${at}`, ReceiptHandle: ReceiptHandle! }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
  }
  return Messages.length;
}

test("an archive and a replay outlive SIGKILL: every event is there, and every one is replayed", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "thaw-replay-"));
  let server = await startServer({ dataDir, env: { THAW_UPSTREAM: "" } });
  let { events, sqs } = clientsOf(server);
  try {
    await sqs.send(new CreateQueueCommand({ QueueName: "replayed" }));
    await events.send(new PutRuleCommand({ Name: "r", EventPattern: '{"replay-name":["again"]}' }));
    const Arn = `arn:aws:sqs:us-east-1:${account}:replayed`;
    await events.send(new PutTargetsCommand({ Rule: "r", Targets: [{ Id: "1", Arn }] }));
    const EventSourceArn = `arn:aws:events:us-east-1:${account}:event-bus/default`;
    const { ArchiveArn } = await events.send(new CreateArchiveCommand({ ArchiveName: "a", EventSourceArn }));
    const begun = Date.now();
    for (let n = 0; n < count; n += 10) {
      const Entries = Array.from({ length: 10 }, (_, at) => ({
        Source: "app",
        DetailType: "t",
        Detail: JSON.stringify({ n: n + at }),
      }));
      await events.send(new PutEventsCommand({ Entries }));
    }
    await events.send(
      new StartReplayCommand({
        ReplayName: "again",
        EventSourceArn: ArchiveArn!,
        EventStartTime: new Date(begun - 60_000),
        EventEndTime: new Date(begun + 600_000),
        Destination: { Arn: EventSourceArn },
      }),
    );
    await server.kill();
    for (const client of [events, sqs]) client.destroy();
    server = await startServer({ dataDir, env: { THAW_UPSTREAM: "" } });
    ({ events, sqs } = clientsOf(server));
    assert.equal((await events.send(new DescribeArchiveCommand({ ArchiveName: "a" }))).EventCount, count);
    const QueueUrl = `${server.endpoint}/${account}/replayed`;
    const numbers: number[] = [];
    for (let quiet = 0; new Set(numbers).size < count && quiet < 30; quiet += 1) {
      if ((await take(sqs, QueueUrl, numbers)) > 0) quiet = 0;
    }
    assert.deepEqual(
      [...new Set(numbers)].sort((one, other) => one - other),
      [...Array(count).keys()],
    );
    let state: string | undefined;
    for (let tries = 0; state !== "COMPLETED" && tries < 500; tries += 1) {
      await pause(20);
      state = (await events.send(new DescribeReplayCommand({ ReplayName: "again" }))).State;
    }
    assert.equal(state, "COMPLETED");
    // A hundred at most are sent anew, for the one batch between the two writes.
    assert.ok(numbers.length <= count + 100, `${numbers.length} came`);
  } finally {
    for (const client of [events, sqs]) client.destroy();
    await server[Symbol.asyncDispose]();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
