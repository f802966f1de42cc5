// What stacks make of resources that the other tests of stacks do not have, each seen through its own service's client.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CloudFormationClient,
  CreateChangeSetCommand,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
  waitUntilStackUpdateComplete,
} from "@aws-sdk/client-cloudformation";
import { DescribeTableCommand, DescribeTimeToLiveCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DescribeStreamSummaryCommand, KinesisClient } from "@aws-sdk/client-kinesis";
import {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GetKeyRotationStatusCommand,
  KMSClient,
} from "@aws-sdk/client-kms";
import { GetCodeSigningConfigCommand, GetFunctionCodeSigningConfigCommand } from "@aws-sdk/client-lambda";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetScheduleCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";
import { type StreamServer, startKinesis, startMoto } from "./streams.ts";

let server: Server;
let streams: StreamServer;
before(async () => {
  streams = await startKinesis();
  server = await startServer({ env: { THAW_UPSTREAM_KINESIS: streams.url } });
});
after(async () => {
  await server.stop();
  await streams[Symbol.asyncDispose]();
});

const optionsOf = (endpoint: string) => ({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
});

/** A stack's life through the official client. */
function stackOf(endpoint: string, StackName: string) {
  const client = new CloudFormationClient(optionsOf(endpoint));
  const waiting = { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
  const events = async () => {
    const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName }));
    return StackEvents.reverse();
  };
  const explain = async (error: unknown): Promise<never> => {
    const said = (await events()).map(
      (one) => `${one.LogicalResourceId} ${one.ResourceStatus} ${one.ResourceStatusReason ?? ""}`,
    );
    throw new Error(said.join("\n"), { cause: error });
  };
  return {
    client,
    events,
    async create(TemplateBody: string) {
      await client.send(new CreateStackCommand({ StackName, TemplateBody, Capabilities: ["CAPABILITY_IAM"] }));
      await waitUntilStackCreateComplete(waiting, { StackName }).catch(explain);
    },
    async update(TemplateBody: string) {
      await client.send(new UpdateStackCommand({ StackName, TemplateBody, Capabilities: ["CAPABILITY_IAM"] }));
      await waitUntilStackUpdateComplete(waiting, { StackName }).catch(explain);
    },
    async remove() {
      await client.send(new DeleteStackCommand({ StackName }));
      await waitUntilStackDeleteComplete(waiting, { StackName }).catch(explain);
    },
    async describe() {
      const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName }));
      const { Outputs = [] } = Stacks[0]!;
      const outputs = Object.fromEntries(Outputs.map(({ OutputKey, OutputValue }) => [OutputKey!, OutputValue!]));
      return { status: Stacks[0]!.StackStatus, outputs };
    },
  };
}

test("keys, secrets, code signing and schedules are made, changed and deleted", async () => {
  const options = optionsOf(server.endpoint);
  const kms = new KMSClient(options);
  const secrets = new SecretsManagerClient(options);
  const scheduler = new SchedulerClient(options);
  const lambda = lambdaOf(server);
  const stack = stackOf(server.endpoint, "settings");
  const template = (second: boolean) => `
Resources:
  Key:
    Type: AWS::KMS::Key
    Properties:
      Description: ${second ? "second" : "first"}
      EnableKeyRotation: ${second}
      PendingWindowInDays: 7
      KeyPolicy: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: '*', Action: 'kms:*', Resource: '*'}]}
  Named: {Type: AWS::KMS::Alias, Properties: {AliasName: alias/of-a-stack, TargetKeyId: !Ref Key}}
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties:
      Description: ${second ? "second" : "first"}
      GenerateSecretString: {SecretStringTemplate: '{"user":"me"}', GenerateStringKey: password, PasswordLength: 24, ExcludePunctuation: true}
  Signing:
    Type: AWS::Lambda::CodeSigningConfig
    Properties:
      AllowedPublishers: {SigningProfileVersionArns: ['arn:aws:signer:us-east-1:000000000000:/signing-profiles/mine/abcdefghij']}
      CodeSigningPolicies: {UntrustedArtifactOnDeployment: ${second ? "Enforce" : "Warn"}}
  Code:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      Role: arn:aws:iam::000000000000:role/test
      CodeSigningConfigArn: !Ref Signing
      KmsKeyArn: !GetAtt Key.Arn
      Environment: {Variables: {PASSWORD: !Sub '{{resolve:secretsmanager:\${Secret}:SecretString:password}}'}}
      Code: {ZipFile: 'exports.handler = async () => process.env.PASSWORD'}
  Group: {Type: AWS::Scheduler::ScheduleGroup, Properties: {Name: of-a-stack}}
  Daily:
    Type: AWS::Scheduler::Schedule
    Properties:
      GroupName: !Ref Group
      ScheduleExpression: ${second ? "rate(2 days)" : "rate(1 day)"}
      FlexibleTimeWindow: {Mode: 'OFF'}
      Target: {Arn: !GetAtt Code.Arn, RoleArn: 'arn:aws:iam::000000000000:role/test'}
Outputs:
  Key: {Value: !GetAtt Key.KeyId}
  Secret: {Value: !Ref Secret}
  Signing: {Value: !GetAtt Signing.CodeSigningConfigArn}
  Code: {Value: !Ref Code}
  Daily: {Value: !Ref Daily}
`;
  await stack.create(template(false));
  const { outputs } = await stack.describe();
  const Plaintext = Buffer.from("hush");
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: "alias/of-a-stack", Plaintext }));
  const { KeyId } = await kms.send(new DecryptCommand({ CiphertextBlob }));
  assert.ok(KeyId?.endsWith(`/${outputs.Key}`), KeyId);
  const secretOf = async () => {
    const { SecretString = "" } = await secrets.send(new GetSecretValueCommand({ SecretId: outputs.Secret }));
    return JSON.parse(SecretString) as { user: string; password: string };
  };
  const secret = await secretOf();
  assert.deepEqual([secret.user, /^[A-Za-z0-9]{24}$/.test(secret.password)], ["me", true]);
  const signed = await lambda.send(new GetFunctionCodeSigningConfigCommand({ FunctionName: outputs.Code }));
  assert.equal(signed.CodeSigningConfigArn, outputs.Signing);
  const scheduleOf = () => scheduler.send(new GetScheduleCommand({ GroupName: "of-a-stack", Name: outputs.Daily }));
  assert.equal((await scheduleOf()).ScheduleExpression, "rate(1 day)");

  await stack.update(template(true));
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: outputs.Key! }));
  assert.deepEqual([KeyMetadata?.Description, KeyMetadata?.KeyState], ["second", "Enabled"]);
  assert.equal((await kms.send(new GetKeyRotationStatusCommand({ KeyId: outputs.Key! }))).KeyRotationEnabled, true);
  assert.deepEqual(await secretOf(), secret, "a password stays unless its rules change");
  const signing = await lambda.send(new GetCodeSigningConfigCommand({ CodeSigningConfigArn: outputs.Signing! }));
  assert.equal(signing.CodeSigningConfig?.CodeSigningPolicies?.UntrustedArtifactOnDeployment, "Enforce");
  assert.equal((await scheduleOf()).ScheduleExpression, "rate(2 days)");

  await stack.remove();
  const gone = (await kms.send(new DescribeKeyCommand({ KeyId: outputs.Key! }))).KeyMetadata?.KeyState;
  assert.equal(gone, "PendingDeletion");
  for (const find of [
    secretOf,
    scheduleOf,
    () => lambda.send(new GetCodeSigningConfigCommand({ CodeSigningConfigArn: outputs.Signing! })),
  ]) {
    await assert.rejects(find(), /ResourceNotFoundException|not be found|does not exist|can't find/i);
  }
});

test("a stream is made where streams are, grows, and is deleted", async () => {
  const kinesis = new KinesisClient({ ...optionsOf(streams.url), requestHandler: new NodeHttpHandler() });
  const stack = stackOf(server.endpoint, "streams");
  const template = (hours: number) => `
Resources: {Stream: {Type: AWS::Kinesis::Stream, Properties: {Name: of-a-stack, ShardCount: 1, RetentionPeriodHours: ${hours}}}}
Outputs: {Arn: {Value: !GetAtt Stream.Arn}}
`;
  const summary = async () =>
    (await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: "of-a-stack" }))).StreamDescriptionSummary;
  await stack.create(template(24));
  assert.equal((await stack.describe()).outputs.Arn, (await summary())?.StreamARN);
  await stack.update(template(48));
  assert.equal((await summary())?.RetentionPeriodHours, 48);
  await stack.remove();
  await assert.rejects(summary(), { name: "ResourceNotFoundException" });
  kinesis.destroy();
});

test("a table is made where tables are, gets an index and an attribute by which items end, and is deleted", {
  skip: process.env.THAW_TEST_SLOW === "1" ? false : "THAW_TEST_SLOW=1 runs it",
}, async (t) => {
  let tables: StreamServer;
  try {
    tables = await startMoto();
  } catch (error) {
    return t.skip(`no moto: ${(error as Error).message}`);
  }
  await using _tables = tables;
  await using own = await startServer({ env: { THAW_UPSTREAM_DYNAMODB: tables.url } });
  const dynamodb = new DynamoDBClient(optionsOf(tables.url));
  const stack = stackOf(own.endpoint, "tables");
  const template = (second: boolean) => `
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: of-a-stack
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}${second ? ", {AttributeName: kind, AttributeType: S}" : ""}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
${second ? "      TimeToLiveSpecification: {AttributeName: until, Enabled: true}\n      GlobalSecondaryIndexes: [{IndexName: kinds, KeySchema: [{AttributeName: kind, KeyType: HASH}], Projection: {ProjectionType: ALL}}]" : ""}
Outputs: {Stream: {Value: !GetAtt Table.StreamArn}}
`;
  const described = async () => (await dynamodb.send(new DescribeTableCommand({ TableName: "of-a-stack" }))).Table;
  await stack.create(template(false));
  assert.equal((await stack.describe()).outputs.Stream, (await described())?.LatestStreamArn);
  await stack.update(template(true));
  assert.deepEqual(
    (await described())?.GlobalSecondaryIndexes?.map(({ IndexName }) => IndexName),
    ["kinds"],
  );
  const { TimeToLiveDescription } = await dynamodb.send(new DescribeTimeToLiveCommand({ TableName: "of-a-stack" }));
  assert.equal(TimeToLiveDescription?.AttributeName, "until");
  await stack.remove();
  await assert.rejects(described(), { name: "ResourceNotFoundException" });
  dynamodb.destroy();
});

test("a stack of a stack takes parameters, gives outputs, changes, says what did not work, and goes with the whole", async () => {
  const options = optionsOf(server.endpoint);
  const s3 = new S3Client({ ...options, forcePathStyle: true });
  const ssm = new SSMClient(options);
  const Bucket = "nested";
  await s3.send(new CreateBucketCommand({ Bucket }));
  const inner = (type: string) => `
Parameters: {Value: {Type: String}}
Resources: {Inner: {Type: AWS::SSM::Parameter, Properties: {Name: /inner, Type: ${type}, Value: !Ref Value}}}
Outputs: {Said: {Value: !Sub 'inner \${Inner.Value}'}}
`;
  const put = (Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket, Key, Body }));
  await put("inner.yaml", inner("String"));
  await put("bad.yaml", inner("NoSuchType"));
  const template = (value: string, key: string) => `
Resources:
  Part: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: 'https://s3.amazonaws.com/${Bucket}/${key}', Parameters: {Value: ${value}}}}
  Copy: {Type: AWS::SSM::Parameter, Properties: {Name: /copy, Type: String, Value: !GetAtt Part.Outputs.Said}}
Outputs: {Part: {Value: !Ref Part}}
`;
  const parameter = async (Name: string) => (await ssm.send(new GetParameterCommand({ Name }))).Parameter?.Value;
  const stack = stackOf(server.endpoint, "whole");
  await stack.create(template("one", "inner.yaml"));
  assert.deepEqual([await parameter("/inner"), await parameter("/copy")], ["one", "inner one"]);
  const { outputs } = await stack.describe();
  assert.match(outputs.Part!, /:stack\/whole-Part-[A-Z2-7]{12}\//);
  await stack.update(template("two", "inner.yaml"));
  assert.deepEqual([await parameter("/inner"), await parameter("/copy")], ["two", "inner two"]);
  await stack.remove();
  await assert.rejects(parameter("/inner"), { name: "ParameterNotFound" });
  const { StackStatus } = (await stack.client.send(new DescribeStacksCommand({ StackName: outputs.Part }))).Stacks![0]!;
  assert.equal(StackStatus, "DELETE_COMPLETE");

  const failing = stackOf(server.endpoint, "failing");
  await assert.rejects(
    failing.create(template("one", "bad.yaml")),
    /Embedded stack arn:\S+ was not successfully created: The following resource\(s\) failed to create: \[Inner\]/,
  );
  // Every stack and every resource, in the order in which AWS tells of them.
  for (;;) if ((await failing.describe()).status === "ROLLBACK_COMPLETE") break;
  assert.deepEqual(
    (await failing.events()).map((one) => `${one.LogicalResourceId} ${one.ResourceStatus}`),
    [
      "failing CREATE_IN_PROGRESS",
      "Part CREATE_IN_PROGRESS",
      "Part CREATE_IN_PROGRESS",
      "Part CREATE_FAILED",
      "failing ROLLBACK_IN_PROGRESS",
      "Part DELETE_IN_PROGRESS",
      "Part DELETE_COMPLETE",
      "failing ROLLBACK_COMPLETE",
    ],
  );
});

test("loops, conditions and rules, as cdk writes them, and a change set in which nothing is new", async () => {
  const ssm = new SSMClient(optionsOf(server.endpoint));
  const names = async (...all: string[]) => {
    const found = await Promise.allSettled(all.map((Name) => ssm.send(new GetParameterCommand({ Name }))));
    return found.map((one) => (one.status === "fulfilled" ? one.value.Parameter?.Value : one.reason.name));
  };
  const template = (extra: boolean, version: string) =>
    JSON.stringify({
      Transform: "AWS::LanguageExtensions",
      Parameters: { BootstrapVersion: { Type: "String", Default: version } },
      Conditions: {
        Extra: { "Fn::Equals": [String(extra), "true"] },
        Here: { "Fn::Or": [{ "Fn::Equals": [{ Ref: "AWS::Region" }, "us-east-1"] }, { Condition: "Extra" }] },
      },
      Rules: {
        CheckBootstrapVersion: {
          Assertions: [
            {
              Assert: { "Fn::Not": [{ "Fn::Contains": [["1", "2", "3", "4", "5"], { Ref: "BootstrapVersion" }] }] },
              AssertDescription:
                "CDK bootstrap stack version 6 required. Please run 'cdk bootstrap' with a recent version of the CDK CLI.",
            },
          ],
        },
      },
      Resources: {
        "Fn::ForEach::Letters": [
          "Letter",
          ["A", "B"],
          {
            "P${Letter}": {
              Type: "AWS::SSM::Parameter",
              Condition: "Here",
              Properties: {
                Name: { "Fn::Join": ["", ["/loop/", { Ref: "Letter" }]] },
                Type: "String",
                Value: { "Fn::If": ["Extra", "more", "few"] },
              },
            },
          },
        ],
        Extra: {
          Type: "AWS::SSM::Parameter",
          Condition: "Extra",
          DeletionPolicy: "Retain",
          Properties: { Name: "/loop/extra", Type: "String", Value: "x" },
        },
      },
    });
  const stack = stackOf(server.endpoint, "loops");
  await assert.rejects(stack.create(template(false, "4")), /CDK bootstrap stack version 6 required/);
  await stack.create(template(false, "21"));
  assert.deepEqual(await names("/loop/A", "/loop/B", "/loop/extra"), ["few", "few", "ParameterNotFound"]);
  await stack.update(template(true, "21"));
  assert.deepEqual(await names("/loop/A", "/loop/B", "/loop/extra"), ["more", "more", "x"]);

  const same = { StackName: "loops", ChangeSetName: "same" };
  await stack.client.send(new CreateChangeSetCommand({ ...same, TemplateBody: template(true, "21") }));
  const { Status, StatusReason, ExecutionStatus } = await stack.client.send(new DescribeChangeSetCommand(same));
  assert.deepEqual(
    [Status, ExecutionStatus, StatusReason],
    [
      "FAILED",
      "UNAVAILABLE",
      "The submitted information didn't contain changes. Submit different information to create a change set.",
    ],
  );

  // What its condition takes away again is to be retained.
  await stack.update(template(false, "21"));
  assert.deepEqual(await names("/loop/A", "/loop/extra"), ["few", "x"]);
  const skipped = (await stack.events()).filter(({ ResourceStatus }) => ResourceStatus === "DELETE_SKIPPED");
  assert.deepEqual(
    skipped.map(({ LogicalResourceId }) => LogicalResourceId),
    ["Extra"],
  );
  await stack.remove();
  assert.deepEqual(await names("/loop/A", "/loop/extra"), ["ParameterNotFound", "x"]);
});
