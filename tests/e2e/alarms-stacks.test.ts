import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
  waitUntilStackUpdateComplete,
} from "@aws-sdk/client-cloudformation";
import { CloudWatchClient, DescribeAlarmsCommand } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient, DescribeMetricFiltersCommand } from "@aws-sdk/client-cloudwatch-logs";
import { startServer } from "./server.ts";

/** As templates are written: numbers are texts at times. */
const template = (threshold: string) =>
  JSON.stringify({
    Resources: {
      Group: { Type: "AWS::Logs::LogGroup", Properties: { LogGroupName: "shop" } },
      Slow: {
        Type: "AWS::Logs::MetricFilter",
        Properties: {
          LogGroupName: { Ref: "Group" },
          FilterPattern: "{ $.ms > 100 }",
          MetricTransformations: [
            {
              MetricNamespace: "Shop",
              MetricName: "Slow",
              MetricValue: "$.ms",
              Dimensions: [{ Key: "Page", Value: "$.page" }],
            },
          ],
        },
      },
      Errors: {
        Type: "AWS::CloudWatch::Alarm",
        Properties: {
          AlarmName: "errors",
          EvaluationPeriods: "2",
          Threshold: threshold,
          ComparisonOperator: "GreaterThanThreshold",
          TreatMissingData: "notBreaching",
          Metrics: ["Errors", "Invocations"]
            .map((MetricName): object => ({
              Id: MetricName.toLowerCase(),
              ReturnData: "false",
              MetricStat: { Metric: { Namespace: "AWS/Lambda", MetricName }, Period: "60", Stat: "Sum" },
            }))
            .concat({ Id: "rate", Expression: "100 * errors / invocations" }),
        },
      },
      Both: {
        Type: "AWS::CloudWatch::CompositeAlarm",
        DependsOn: "Errors",
        Properties: { AlarmRule: 'ALARM("errors")' },
      },
    },
    Outputs: { Arn: { Value: { "Fn::GetAtt": ["Errors", "Arn"] } } },
  });

test("a stack makes alarms and metric filters, changes them, and takes them away", async () => {
  await using server = await startServer();
  const config = {
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  };
  const client = new CloudFormationClient(config);
  const StackName = "observed";
  const waiting = { client, maxWaitTime: 60, minDelay: 0.1, maxDelay: 1 };
  const of = { StackName };
  const cloudwatch = new CloudWatchClient(config);
  const alarms = async () => {
    const AlarmTypes = ["MetricAlarm" as const, "CompositeAlarm" as const];
    const found = await cloudwatch.send(new DescribeAlarmsCommand({ AlarmTypes }));
    return [...(found.MetricAlarms ?? []), ...(found.CompositeAlarms ?? [])];
  };
  const logs = new CloudWatchLogsClient(config);
  const filters = async () => (await logs.send(new DescribeMetricFiltersCommand({}))).metricFilters ?? [];

  await client.send(new CreateStackCommand({ StackName, TemplateBody: template("1.5") }));
  await waitUntilStackCreateComplete(waiting, of);
  const [metric, composite] = await alarms();
  assert.deepEqual([metric?.AlarmName, metric?.StateValue], ["errors", "OK"]);
  assert.match(composite?.AlarmName ?? "", /^observed-Both-/);
  const { Stacks = [] } = await client.send(new DescribeStacksCommand(of));
  assert.equal(Stacks[0]?.Outputs?.[0]?.OutputValue, "arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors");
  const [filter] = await filters();
  assert.deepEqual(filter?.metricTransformations?.[0]?.dimensions, { Page: "$.page" });

  await client.send(new UpdateStackCommand({ StackName, TemplateBody: template("5") }));
  await waitUntilStackUpdateComplete(waiting, of);
  const [changed] = await alarms();
  assert.equal(changed !== undefined && "Threshold" in changed ? changed.Threshold : undefined, 5);

  await client.send(new DeleteStackCommand(of));
  await waitUntilStackDeleteComplete(waiting, of);
  assert.deepEqual([await alarms(), await filters()], [[], []]);
});
