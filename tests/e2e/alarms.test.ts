import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmHistoryCommand,
  DescribeAlarmsCommand,
  GetMetricStatisticsCommand,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from "@aws-sdk/client-cloudwatch";
import { AddPermissionCommand } from "@aws-sdk/client-lambda";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

let server: Server;
before(async () => {
  server = await startServer();
});
after(() => server?.[Symbol.asyncDispose]());

const config = ({ endpoint }: Server) => ({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
});

/** Errors and calls of three minutes that are over. */
async function put(client: CloudWatchClient, Namespace: string, errors: number, calls: number): Promise<void> {
  const MetricData = [1, 2, 3].flatMap((minutes) => {
    const Timestamp = new Date(Date.now() - minutes * 60_000);
    return [
      { MetricName: "Errors", Value: errors, Timestamp },
      { MetricName: "Calls", Value: calls, Timestamp },
    ];
  });
  await client.send(new PutMetricDataCommand({ Namespace, MetricData }));
}

const stateOf = async (client: CloudWatchClient, name: string) => {
  const AlarmTypes = ["MetricAlarm", "CompositeAlarm"] as ("MetricAlarm" | "CompositeAlarm")[];
  const found = await client.send(new DescribeAlarmsCommand({ AlarmNames: [name], AlarmTypes }));
  return [...(found.MetricAlarms ?? []), ...(found.CompositeAlarms ?? [])][0]?.StateValue;
};

async function until<T>(look: () => Promise<T>, wanted: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look();
    if (wanted(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** An error rate by metric math, over two of the last three minutes. */
const rate = (Namespace: string, AlarmName: string, AlarmActions: string[] = []) =>
  new PutMetricAlarmCommand({
    AlarmName,
    AlarmActions,
    EvaluationPeriods: 3,
    DatapointsToAlarm: 2,
    Threshold: 1,
    ComparisonOperator: "GreaterThanThreshold",
    TreatMissingData: "notBreaching",
    Metrics: [
      ...["Errors", "Calls"].map((MetricName) => ({
        Id: MetricName.toLowerCase(),
        ReturnData: false,
        MetricStat: { Metric: { Namespace, MetricName }, Period: 60, Stat: "Sum" },
      })),
      { Id: "rate", Expression: "IF(calls > 0, 100 * errors / calls, 0)" },
    ],
  });

test("an error rate of more than 1 % is an alarm, a composite one follows it, and a topic is told", async () => {
  const client = new CloudWatchClient(config(server));
  const sns = new SNSClient(config(server));
  const sqs = new SQSClient(config(server));
  const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "alarms" }));
  const Endpoint = "arn:aws:sqs:us-east-1:000000000000:alarms";
  const Statement = [
    { Effect: "Allow", Principal: { Service: "sns.amazonaws.com" }, Action: "sqs:SendMessage", Resource: Endpoint },
  ];
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
  const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: "alarms", Attributes: { Policy } }));
  await sns.send(
    new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes: { RawMessageDelivery: "true" } }),
  );

  await put(client, "Good", 1, 1000);
  await client.send(rate("Good", "good"));
  assert.equal(await stateOf(client, "good"), "OK");

  await put(client, "Bad", 20, 1000);
  await client.send(rate("Bad", "bad", [TopicArn]));
  assert.equal(await stateOf(client, "bad"), "ALARM");
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }));
  const told = JSON.parse(Messages[0]?.Body ?? "{}");
  assert.deepEqual([told.AlarmName, told.OldStateValue, told.NewStateValue], ["bad", "INSUFFICIENT_DATA", "ALARM"]);

  await client.send(new PutCompositeAlarmCommand({ AlarmName: "both", AlarmRule: 'ALARM("bad") AND NOT ALARM(good)' }));
  assert.equal(await stateOf(client, "both"), "ALARM");
  await client.send(new SetAlarmStateCommand({ AlarmName: "good", StateValue: "ALARM", StateReason: "as asked" }));
  // Its own metrics make it good again; until then, or until somebody looked, the composite alarm may see it.
  await until(
    () => stateOf(client, "good"),
    (state) => state === "OK",
  );
  const { AlarmHistoryItems = [] } = await client.send(
    new DescribeAlarmHistoryCommand({ AlarmName: "good", HistoryItemType: "StateUpdate" }),
  );
  assert.deepEqual(
    AlarmHistoryItems.map(({ HistorySummary }) => HistorySummary),
    ["Alarm updated from ALARM to OK", "Alarm updated from OK to ALARM", "Alarm updated from INSUFFICIENT_DATA to OK"],
  );
});

test("a function is run by an alarm that it allows to, and by no other", async () => {
  const client = new CloudWatchClient(config(server));
  const lambda = lambdaOf(server);
  const FunctionName = "alarmed";
  await createFunction(lambda, FunctionName, { code: { "index.js": "exports.handler = async () => {};" } });
  const arn = `arn:aws:lambda:us-east-1:000000000000:function:${FunctionName}`;
  const alarm = (name: string) => `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}`;
  await lambda.send(
    new AddPermissionCommand({
      FunctionName,
      StatementId: "alarms",
      Action: "lambda:InvokeFunction",
      Principal: "lambda.alarms.cloudwatch.amazonaws.com",
      SourceArn: alarm("allowed"),
    }),
  );
  for (const name of ["refused", "allowed"]) {
    await client.send(rate("Nobody", name, [arn]));
    await client.send(new SetAlarmStateCommand({ AlarmName: name, StateValue: "ALARM", StateReason: "as asked" }));
  }
  const count = async () => {
    const window = { StartTime: new Date(Date.now() - 3600_000), EndTime: new Date(Date.now() + 60_000) };
    const Dimensions = [{ Name: "FunctionName", Value: FunctionName }];
    const of = {
      Namespace: "AWS/Lambda",
      MetricName: "Invocations",
      Dimensions,
      Period: 60,
      Statistics: ["Sum" as const],
    };
    const { Datapoints = [] } = await client.send(new GetMetricStatisticsCommand({ ...window, ...of }));
    return Datapoints.reduce((sum, { Sum = 0 }) => sum + Sum, 0);
  };
  assert.equal(await until(count, (found) => found > 0), 1);
});

test("alarms outlive the platform, and see what happened meanwhile", async () => {
  await using own = await startServer();
  const client = new CloudWatchClient(config(own));
  await client.send(rate("Later", "kept"));
  assert.equal(await stateOf(client, "kept"), "OK");
  await put(client, "Later", 50, 100);
  await own.kill();
  await using again = await startServer({ dataDir: own.dataDir });
  const later = new CloudWatchClient(config(again));
  await until(
    () => stateOf(later, "kept"),
    (state) => state === "ALARM",
  );
  await later.send(new DeleteAlarmsCommand({ AlarmNames: ["kept"] }));
  assert.equal(await stateOf(later, "kept"), undefined);
});

test("a state that missing data give says so", async () => {
  const client = new CloudWatchClient(config(server));
  await client.send(rate("Silence", "silent"));
  const { MetricAlarms = [] } = await client.send(new DescribeAlarmsCommand({ AlarmNames: ["silent"] }));
  assert.equal(
    MetricAlarms[0]?.StateReason,
    "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as [NonBreaching].",
  );
});

test("an alarm that cannot be is refused", async () => {
  const client = new CloudWatchClient(config(server));
  const wrong = rate("Good", "wrong");
  wrong.input.Metrics!.at(-1)!.Expression = "errors +";
  await assert.rejects(client.send(wrong), { name: "ValidationException" });
  for (const AlarmRule of ["ALARM(", "ALARM(nobody)", "MAYBE(good)", "TRUE FALSE"]) {
    await assert.rejects(client.send(new PutCompositeAlarmCommand({ AlarmName: "wrong", AlarmRule })), {
      name: "ValidationException",
    });
  }
  await assert.rejects(client.send(new DeleteAlarmsCommand({ AlarmNames: ["nobody"] })), { name: "ResourceNotFound" });
  assert.equal(await stateOf(client, "wrong"), undefined);
});
