import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import {
  CloudWatchClient,
  DescribeAlarmHistoryCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
} from "@aws-sdk/client-cloudwatch";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { type Server, startServer } from "./server.ts";

const config = ({ endpoint }: Server) => ({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
});

/** A topic whose messages lie in a queue, as they were published. */
async function makeTopic(server: Server): Promise<string> {
  const sns = new SNSClient(config(server));
  const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "alarms" }));
  const Endpoint = "arn:aws:sqs:us-east-1:000000000000:alarms";
  const Principal = { Service: "sns.amazonaws.com" };
  const Statement = [{ Effect: "Allow", Principal, Action: "sqs:SendMessage", Resource: Endpoint }];
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
  await new SQSClient(config(server)).send(
    new CreateQueueCommand({ QueueName: "alarms", Attributes: { Policy, VisibilityTimeout: "3600" } }),
  );
  const Attributes = { RawMessageDelivery: "true" };
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes }));
  return TopicArn;
}

/** An alarm about nothing that is ever put: its state is what it is set to. */
function alarm(AlarmName: string, topic: string): PutMetricAlarmCommand {
  const metric = { Namespace: "Nobody", MetricName: "Nothing", Statistic: "Sum", Period: 60 } as const;
  const rule = { EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: "GreaterThanThreshold" } as const;
  return new PutMetricAlarmCommand({
    AlarmName,
    AlarmActions: [topic],
    TreatMissingData: "ignore",
    ...metric,
    ...rule,
  });
}

const sound = (AlarmName: string) =>
  new SetAlarmStateCommand({ AlarmName, StateValue: "ALARM", StateReason: "as asked" });

/** Resolves when the queue was told of all of these alarms. */
async function told(server: Server, names: readonly string[]): Promise<void> {
  const sqs = new SQSClient(config(server));
  const QueueUrl = `${server.endpoint}/000000000000/alarms`;
  const seen = new Set<string>();
  while (names.some((name) => !seen.has(name))) {
    const poll = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 };
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(poll));
    assert.notEqual(Messages.length, 0, `nobody was told of ${names.filter((name) => !seen.has(name))}`);
    for (const { Body = "{}", ReceiptHandle } of Messages) {
      seen.add(JSON.parse(Body).AlarmName);
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  }
}

test("whoever is to be told of changed alarms is told, though the platform was killed right behind the changes", async () => {
  await using first = await startServer();
  const client = new CloudWatchClient(config(first));
  const topic = await makeTopic(first);
  const names = Array.from({ length: 20 }, (_, number) => `alarm-${number}`);
  for (const name of names) await client.send(alarm(name, topic));
  const changed: string[] = [];
  let kill: Promise<void> | undefined;
  const change = async (name: string) => {
    await client.send(sound(name));
    changed.push(name);
    if (changed.length >= 5) kill ??= first.kill();
  };
  await Promise.allSettled(names.map(change));
  await kill;
  assert.ok(changed.length >= 5, `${changed.length} were answered`);
  await using second = await startServer({ dataDir: first.dataDir });
  await told(second, changed);
});

test("an action that the queue of events could not take is done when it can, by the next process if need be", async () => {
  await using first = await startServer();
  const client = new CloudWatchClient(config(first));
  const topic = await makeTopic(first);
  await client.send(alarm("kept", topic));
  // Nobody else can write to the queue while this transaction is open.
  const queue = new DatabaseSync(join(first.dataDir, "queue.sqlite"));
  queue.exec("BEGIN IMMEDIATE");
  await client.send(sound("kept"));
  await first.kill();
  queue.exec("ROLLBACK");
  queue.close();

  await using second = await startServer({ dataDir: first.dataDir });
  await told(second, ["kept"]);
  const { AlarmHistoryItems = [] } = await new CloudWatchClient(config(second)).send(
    new DescribeAlarmHistoryCommand({ AlarmName: "kept", HistoryItemType: "Action" }),
  );
  assert.deepEqual(
    AlarmHistoryItems.map(({ HistorySummary }) => HistorySummary),
    [`Successfully executed action ${topic}`],
  );
});
