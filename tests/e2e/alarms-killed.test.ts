import assert from "node:assert/strict";
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

test("whoever is to be told of a changed alarm is told, though the platform was killed right behind the change", async () => {
  await using first = await startServer();
  const client = new CloudWatchClient(config(first));
  const TopicArn = await makeTopic(first);
  const names = Array.from({ length: 40 }, (_, number) => `alarm-${number}`);
  for (const AlarmName of names) {
    // Nothing is ever put there: its state is what it is set to.
    const metric = { Namespace: "Nobody", MetricName: "Nothing", Statistic: "Sum", Period: 60 } as const;
    const rule = { EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: "GreaterThanThreshold" } as const;
    const TreatMissingData = "ignore";
    await client.send(
      new PutMetricAlarmCommand({ AlarmName, AlarmActions: [TopicArn], TreatMissingData, ...metric, ...rule }),
    );
  }
  const changed: string[] = [];
  let kill: Promise<void> | undefined;
  const change = async (AlarmName: string) => {
    await client.send(new SetAlarmStateCommand({ AlarmName, StateValue: "ALARM", StateReason: "as asked" }));
    changed.push(AlarmName);
    if (changed.length >= 5) kill ??= first.kill();
  };
  await Promise.allSettled(names.map(change));
  await kill;
  assert.ok(changed.length >= 5, `${changed.length} were answered`);

  await using second = await startServer({ dataDir: first.dataDir });
  const sqs = new SQSClient(config(second));
  const QueueUrl = `${second.endpoint}/000000000000/alarms`;
  const told = new Set<string>();
  while (changed.some((name) => !told.has(name))) {
    const poll = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 };
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(poll));
    assert.notEqual(Messages.length, 0, `nobody was told of ${changed.filter((name) => !told.has(name))}`);
    for (const { Body = "{}", ReceiptHandle } of Messages) {
      told.add(JSON.parse(Body).AlarmName);
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  }
  const { AlarmHistoryItems = [] } = await new CloudWatchClient(config(second)).send(
    new DescribeAlarmHistoryCommand({ AlarmName: changed[0], HistoryItemType: "Action" }),
  );
  assert.equal(AlarmHistoryItems[0]?.HistorySummary, `Successfully executed action ${TopicArn}`);
});
