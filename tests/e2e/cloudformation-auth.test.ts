import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackEventsCommand,
  waitUntilStackCreateComplete,
} from "@aws-sdk/client-cloudformation";
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from "@aws-sdk/client-iam";
import { startServer } from "./server.ts";

test("with --auth iam a stack may what its caller may, and no more", async () => {
  await using server = await startServer({ args: ["--auth", "iam"] });
  const options = (credentials: { accessKeyId: string; secretAccessKey: string }) => ({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials,
    maxAttempts: 1,
  });
  const keys = JSON.parse(readFileSync(join(server.dataDir, "operator.json"), "utf8")) as Record<string, string>;
  const operator = options({ accessKeyId: keys.AccessKeyId!, secretAccessKey: keys.SecretAccessKey! });
  const iam = new IAMClient(operator);
  const UserName = "deployer";
  await iam.send(new CreateUserCommand({ UserName }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  const Statement = [{ Effect: "Allow", Action: ["cloudformation:*", "sqs:*"], Resource: "*" }];
  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement });
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: "queues", PolicyDocument }));
  const client = new CloudFormationClient(
    options({ accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! }),
  );
  const deploy = async (StackName: string, resources: string) => {
    await client.send(new CreateStackCommand({ StackName, TemplateBody: `Resources: {${resources}}` }));
    return waitUntilStackCreateComplete({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { StackName });
  };
  await deploy("may", "Q: {Type: AWS::SQS::Queue}");
  await assert.rejects(deploy("may-not", "T: {Type: AWS::SNS::Topic}"));
  const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName: "may-not" }));
  const failed = StackEvents.find(({ ResourceStatus }) => ResourceStatus === "CREATE_FAILED");
  assert.match(failed?.ResourceStatusReason ?? "", /deployer is not authorized to perform: (?:sns|SNS):CreateTopic/);
});
