import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from "@aws-sdk/client-iam";
import { CreateTopicCommand, PublishCommand, SetTopicAttributesCommand, SNSClient } from "@aws-sdk/client-sns";
import {
  AddPermissionCommand,
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  RemovePermissionCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { root, type Server, startServer } from "./server.ts";

const options = (server: Server, credentials: { accessKeyId: string; secretAccessKey: string }) => ({
  endpoint: server.endpoint,
  region: "us-east-1",
  credentials,
  maxAttempts: 1,
});
const denied = (action: string) => (error: Error & { Code?: string }) => {
  assert.match(error.message, new RegExp(`is not authorized to perform: ${action} on resource: arn:aws:s`));
  return true;
};

test("another account reaches a queue or a topic only where its policy says so", async () => {
  await using server = await startServer();
  const own = options(server, { accessKeyId: "000000000000", secretAccessKey: "x" });
  const foreign = options(server, { accessKeyId: "111111111111", secretAccessKey: "x" });
  const [sqs, stranger] = [new SQSClient(own), new SQSClient(foreign)];
  const [sns, publisher] = [new SNSClient(own), new SNSClient(foreign)];
  try {
    const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: "mine" }));
    const send = () => stranger.send(new SendMessageCommand({ QueueUrl, MessageBody: "m" }));
    await assert.rejects(send(), denied("sqs:SendMessage"));
    const permission = { QueueUrl, Label: "them" };
    await sqs.send(
      new AddPermissionCommand({ ...permission, AWSAccountIds: ["111111111111"], Actions: ["SendMessage"] }),
    );
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["Policy"] }));
    assert.deepEqual(JSON.parse(Attributes!.Policy!).Statement, [
      {
        Sid: "them",
        Effect: "Allow",
        Principal: { AWS: "arn:aws:iam::111111111111:root" },
        Action: "SQS:SendMessage",
        Resource: "arn:aws:sqs:us-east-1:000000000000:mine",
      },
    ]);
    await send();
    await assert.rejects(stranger.send(new ReceiveMessageCommand({ QueueUrl })), denied("sqs:ReceiveMessage"));
    await sqs.send(new RemovePermissionCommand(permission));
    await assert.rejects(send(), denied("sqs:SendMessage"));

    const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "mine" }));
    const publish = () => publisher.send(new PublishCommand({ TopicArn, Message: "m" }));
    await assert.rejects(publish(), denied("sns:Publish"));
    const statement = {
      Effect: "Allow",
      Principal: { AWS: "111111111111" },
      Action: "sns:Publish",
      Resource: TopicArn,
    };
    const AttributeValue = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    await sns.send(new SetTopicAttributesCommand({ TopicArn, AttributeName: "Policy", AttributeValue }));
    await publish();
  } finally {
    for (const client of [sqs, stranger, sns, publisher]) client.destroy();
  }
});

test("with --auth iam a user may what its policies allow", async () => {
  await using server = await startServer({ args: ["--auth", "iam"] });
  const { AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _secret, AWS_PROFILE: _profile, ...env } = process.env;
  const shown = execFileSync(join(root, "bin/thaw"), ["env", "--json", "--endpoint", server.endpoint], { env });
  const keys = JSON.parse(shown.toString());
  const operator = options(server, {
    accessKeyId: keys.AWS_ACCESS_KEY_ID,
    secretAccessKey: keys.AWS_SECRET_ACCESS_KEY,
  });
  const [iam, sqs, sns] = [new IAMClient(operator), new SQSClient(operator), new SNSClient(operator)];
  await iam.send(new CreateUserCommand({ UserName: "sender" }));
  const Statement = [
    { Effect: "Allow", Action: "sqs:SendMessage", Resource: "arn:aws:sqs:us-east-1:000000000000:open" },
    { Effect: "Allow", Action: "sns:Publish", Resource: "arn:aws:sns:us-east-1:000000000000:open" },
  ];
  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement });
  await iam.send(new PutUserPolicyCommand({ UserName: "sender", PolicyName: "own", PolicyDocument }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: "sender" }));
  const own = options(server, {
    accessKeyId: AccessKey!.AccessKeyId!,
    secretAccessKey: AccessKey!.SecretAccessKey!,
  });
  const [sender, publisher] = [new SQSClient(own), new SNSClient(own)];
  try {
    const queue = async (QueueName: string) => (await sqs.send(new CreateQueueCommand({ QueueName }))).QueueUrl!;
    const [open, closed] = [await queue("open"), await queue("closed")];
    const Entries = [{ Id: "a", MessageBody: "m" }];
    await sender.send(new SendMessageBatchCommand({ QueueUrl: open, Entries }));
    await assert.rejects(
      sender.send(new SendMessageBatchCommand({ QueueUrl: closed, Entries })),
      denied("sqs:SendMessage"),
    );
    await assert.rejects(sender.send(new ReceiveMessageCommand({ QueueUrl: open })), denied("sqs:ReceiveMessage"));
    await assert.rejects(sender.send(new CreateQueueCommand({ QueueName: "own" })), denied("sqs:CreateQueue"));
    const topic = async (Name: string) => (await sns.send(new CreateTopicCommand({ Name }))).TopicArn!;
    await publisher.send(new PublishCommand({ TopicArn: await topic("open"), Message: "m" }));
    await assert.rejects(
      publisher.send(new PublishCommand({ TopicArn: await topic("closed"), Message: "m" })),
      denied("sns:Publish"),
    );
    const unsigned = await fetch(`${server.endpoint}/000000000000/open?Action=ReceiveMessage`);
    assert.match(await unsigned.text(), /MissingAuthenticationToken/);
  } finally {
    for (const client of [iam, sqs, sns, sender, publisher]) client.destroy();
  }
});
