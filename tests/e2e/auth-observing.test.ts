import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CloudWatchClient, DescribeAlarmsCommand, PutMetricAlarmCommand } from "@aws-sdk/client-cloudwatch";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  PutMetricFilterCommand,
  StartQueryCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from "@aws-sdk/client-iam";
import { GetTraceSummariesCommand, PutTraceSegmentsCommand, XRayClient } from "@aws-sdk/client-xray";
import { thaw } from "../cli/thaw.ts";
import { type Server, startServer } from "./server.ts";

/** Where permissions are checked, whoever looks at metrics, logs and traces may as far as their policy says. */
let server: Server;
let operator: { accessKeyId: string; secretAccessKey: string };
let user: typeof operator;
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
const refused = { name: "AccessDeniedException" };

before(async () => {
  server = await startServer({ args: ["--auth", "iam"] });
  const key = JSON.parse(readFileSync(join(server.dataDir, "operator.json"), "utf8"));
  operator = { accessKeyId: key.AccessKeyId, secretAccessKey: key.SecretAccessKey };
  const iam = made(new IAMClient(settings(operator)));
  await iam.send(new CreateUserCommand({ UserName: "u" }));
  const allow = (Action: string[], Resource: string) => ({ Effect: "Allow", Action, Resource });
  const Statement = [
    allow(["logs:StartQuery", "logs:PutMetricFilter"], "arn:aws:logs:us-east-1:000000000000:log-group:mine:*"),
    allow(["xray:PutTraceSegments"], "*"),
    allow(["cloudwatch:PutMetricAlarm"], "arn:aws:cloudwatch:us-east-1:000000000000:alarm:mine-*"),
  ];
  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement });
  await iam.send(new PutUserPolicyCommand({ UserName: "u", PolicyName: "p", PolicyDocument }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: "u" }));
  user = { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
});
after(async () => {
  for (const client of clients) client.destroy();
  await server[Symbol.asyncDispose]();
});

test("a query is of groups that all are allowed, a metric filter of one that is", async () => {
  const all = made(new CloudWatchLogsClient(settings(operator)));
  for (const logGroupName of ["mine", "theirs"]) await all.send(new CreateLogGroupCommand({ logGroupName }));
  const logs = made(new CloudWatchLogsClient(settings(user)));
  const query = (...logGroupNames: string[]) =>
    logs.send(new StartQueryCommand({ logGroupNames, queryString: "limit 1", startTime: 0, endTime: 1 }));
  assert.match((await query("mine")).queryId ?? "", /^[0-9a-f-]{36}$/);
  await assert.rejects(query("mine", "theirs"), refused);
  const filter = (logGroupName: string) => {
    const metricTransformations = [{ metricNamespace: "N", metricName: "m", metricValue: "1" }];
    return logs.send(
      new PutMetricFilterCommand({ logGroupName, filterName: "f", filterPattern: "", metricTransformations }),
    );
  };
  await filter("mine");
  await assert.rejects(filter("theirs"), refused);
});

test("who may send segments may not therefore read traces, and alarms are allowed by their names", async () => {
  const xray = made(new XRayClient(settings(user)));
  await xray.send(new PutTraceSegmentsCommand({ TraceSegmentDocuments: ["{}"] }));
  const time = { StartTime: new Date(Date.now() - 1000), EndTime: new Date() };
  await assert.rejects(xray.send(new GetTraceSummariesCommand(time)), refused);
  await made(new XRayClient(settings(operator))).send(new GetTraceSummariesCommand(time));

  const cloudwatch = made(new CloudWatchClient(settings(user)));
  const alarm = (AlarmName: string) =>
    new PutMetricAlarmCommand({
      AlarmName,
      Namespace: "N",
      MetricName: "m",
      Statistic: "Sum",
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: "GreaterThanThreshold",
    });
  await cloudwatch.send(alarm("mine-1"));
  await assert.rejects(cloudwatch.send(alarm("theirs-1")), (error: Error) => /AccessDenied/.test(error.name));
  await assert.rejects(cloudwatch.send(new DescribeAlarmsCommand({})), (error: Error) =>
    /AccessDenied/.test(error.name),
  );
});

test("the command line installs alarms with the operator's key, and nobody without one does", async () => {
  const env = (keys: typeof operator) => ({
    AWS_ENDPOINT_URL: server.endpoint,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
  });
  const done = await thaw(["alarms", "install", "--json"], { env: env(operator) });
  assert.equal(JSON.parse(done.stdout).alarms.length, 3, done.stderr);
  const denied = await thaw(["alarms", "install"], { env: env(user) });
  assert.equal(denied.code, 1);
  assert.match(denied.stderr, /AccessDenied/);
});
