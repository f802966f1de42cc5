import assert from "node:assert/strict";
import { test } from "node:test";
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { AddPermissionCommand } from "@aws-sdk/client-lambda";
import { CreateScheduleCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { CreateTopicCommand, PublishBatchCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { killsOr, type Sender, surviveKills, telling } from "./killing.ts";
import { createFunction, lambdaOf, role } from "./lambda.ts";
import type { Server } from "./server.ts";

const account = "000000000000";
const functionArn = `arn:aws:lambda:us-east-1:${account}:function:f`;
const TopicArn = `arn:aws:sns:us-east-1:${account}:told`;
const code = telling(
  `(event) => event.Records ? event.Records.map(({ Sns }) => Sns.Message) : [event.detail?.name ?? event.name]`,
);

const settingsOf = ({ endpoint }: Server) => ({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
});

async function prepare(server: Server): Promise<void> {
  const settings = settingsOf(server);
  const [lambda, sns, events] = [lambdaOf(server), new SNSClient(settings), new EventBridgeClient(settings)];
  await createFunction(lambda, "f", { code, MemorySize: 128 });
  await sns.send(new CreateTopicCommand({ Name: "told" }));
  const EventPattern = JSON.stringify({ source: ["killed"] });
  const { RuleArn } = await events.send(new PutRuleCommand({ Name: "r", EventPattern }));
  for (const [service, SourceArn] of Object.entries({ sns: TopicArn, events: RuleArn! })) {
    const Principal = `${service}.amazonaws.com`;
    const permission = {
      FunctionName: "f",
      StatementId: service,
      Action: "lambda:InvokeFunction",
      Principal,
      SourceArn,
    };
    await lambda.send(new AddPermissionCommand(permission));
  }
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "lambda", Endpoint: functionArn }));
  await events.send(new PutTargetsCommand({ Rule: "r", Targets: [{ Id: "1", Arn: functionArn }] }));
  for (const client of [lambda, sns, events]) client.destroy();
}

function connect(server: Server): readonly Sender[] {
  const settings = settingsOf(server);
  const [sns, events] = [new SNSClient(settings), new EventBridgeClient(settings)];
  const scheduler = new SchedulerClient(settings);
  return [
    {
      async send(number) {
        const names = ["a", "b", "c"].map((lane) => `sns ${lane} ${number}`);
        const PublishBatchRequestEntries = names.map((Message, index) => ({ Id: String(index), Message }));
        const { Successful = [] } = await sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries }));
        return Successful.map(({ Id }) => names[Number(Id)]!);
      },
      close: () => sns.destroy(),
    },
    {
      async send(number) {
        const names = ["a", "b", "c"].map((lane) => `events ${lane} ${number}`);
        const entry = { Source: "killed", DetailType: "told" };
        const Entries = names.map((name) => ({ ...entry, Detail: JSON.stringify({ name }) }));
        const answer = await events.send(new PutEventsCommand({ Entries }));
        return names.filter((_, index) => answer.Entries?.[index]?.EventId !== undefined);
      },
      close: () => events.destroy(),
    },
    {
      // They are due while the platform runs, while it is dead and while it starts.
      async send(number) {
        const name = `scheduler a ${number}`;
        const at = new Date(Date.now() + 1500 + Math.random() * 3000).toISOString().slice(0, 19);
        await scheduler.send(
          new CreateScheduleCommand({
            Name: `s${number}`,
            ScheduleExpression: `at(${at})`,
            FlexibleTimeWindow: { Mode: "OFF" },
            ActionAfterCompletion: "DELETE",
            Target: { Arn: functionArn, RoleArn: role, Input: JSON.stringify({ name }) },
          }),
        );
        return [name];
      },
      close: () => scheduler.destroy(),
    },
  ];
}

test("nothing that a topic, a bus or a schedule has to tell is lost, however often the platform is killed", async (context) => {
  const kills = killsOr(2);
  assert.ok(kills > 0);
  await surviveKills(context, { kills, prepare, connect, inOrder: () => false });
});
