// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${Name} is a shell variable of templates and code
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  CloudFormationClient,
  CreateChangeSetCommand,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  DescribeStackEventsCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
  GetTemplateCommand,
  GetTemplateSummaryCommand,
  ListExportsCommand,
  ListStackResourcesCommand,
  UpdateStackCommand,
  ValidateTemplateCommand,
  waitUntilChangeSetCreateComplete,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
  waitUntilStackUpdateComplete,
} from "@aws-sdk/client-cloudformation";
import { GetFunctionCommand, InvokeCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetParameterCommand, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { lambdaOf, zipOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

const dataDir = mkdtempSync(join(tmpdir(), "thaw-stacks-"));
let server: Server;
let stacks: CloudFormationClient;
let lambda: LambdaClient;
let ssm: SSMClient;
let s3: S3Client;

function connect(): void {
  const options = {
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  };
  stacks = new CloudFormationClient(options);
  lambda = lambdaOf(server);
  ssm = new SSMClient(options);
  s3 = new S3Client({ ...options, forcePathStyle: true });
}

before(async () => {
  server = await startServer({ dataDir });
  connect();
});
after(async () => {
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const wait = { client: undefined as never, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
const waiting = () => ({ ...wait, client: stacks });
const stackOf = async (StackName: string) => (await stacks.send(new DescribeStacksCommand({ StackName }))).Stacks![0]!;
const statusesOf = async (StackName: string, id: string) => {
  const { StackEvents = [] } = await stacks.send(new DescribeStackEventsCommand({ StackName }));
  return StackEvents.filter(({ LogicalResourceId }) => LogicalResourceId === id)
    .map(({ ResourceStatus }) => ResourceStatus)
    .reverse();
};
const parameter = async (Name: string) => (await ssm.send(new GetParameterCommand({ Name }))).Parameter?.Value;

test("sam's calls: a bucket of its own, a change set of a template in it, what comes of it, another code, and the end", async () => {
  const Bucket = "templates";
  await s3.send(new CreateBucketCommand({ Bucket }));
  const put = async (Key: string, Body: Buffer | string) => s3.send(new PutObjectCommand({ Bucket, Key, Body }));
  const template = (key: string) => `
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters: {Who: {Type: String, Default: world}}
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: s3://${Bucket}/${key}
      MemorySize: 128
      AutoPublishAlias: live
      Environment: {Variables: {WHO: !Ref Who}}
      FunctionUrlConfig: {AuthType: NONE}
      Policies: [SQSSendMessagePolicy: {QueueName: !GetAtt Jobs.QueueName}]
      Events: {Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}}
  Jobs: {Type: AWS::SQS::Queue}
Outputs:
  Name: {Value: !Ref Hello}
  Alias: {Value: !Ref Hello.Alias}
  Url: {Value: !GetAtt HelloUrl.FunctionUrl}
`;
  const StackName = "sam-app";
  const deploy = async (name: string, type: "CREATE" | "UPDATE", text: string, who: string) => {
    await put(`${name}.template`, text);
    // The host that sam and osls write, whatever endpoint they were given.
    const TemplateURL = `https://s3.us-east-1.amazonaws.com/${Bucket}/${name}.template`;
    const summary = await stacks.send(new GetTemplateSummaryCommand({ TemplateURL }));
    assert.deepEqual(summary.Capabilities, ["CAPABILITY_IAM"]);
    const Parameters = [{ ParameterKey: "Who", ParameterValue: who }];
    const common = { StackName, ChangeSetName: name, Capabilities: ["CAPABILITY_IAM" as const], Parameters };
    await stacks.send(new CreateChangeSetCommand({ ...common, TemplateURL, ChangeSetType: type }));
    await waitUntilChangeSetCreateComplete(waiting(), { StackName, ChangeSetName: name });
    const { Changes = [] } = await stacks.send(new DescribeChangeSetCommand({ StackName, ChangeSetName: name }));
    await stacks.send(new ExecuteChangeSetCommand({ StackName, ChangeSetName: name }));
    return Changes.map(({ ResourceChange }) => `${ResourceChange?.Action} ${ResourceChange?.ResourceType}`).sort();
  };
  await put("one.zip", await zipOf({ "index.js": "exports.handler = async () => `one ${process.env.WHO}`" }));
  assert.deepEqual(await deploy("first", "CREATE", template("one.zip"), "world"), [
    "Add AWS::IAM::Role",
    "Add AWS::Lambda::Alias",
    "Add AWS::Lambda::EventSourceMapping",
    "Add AWS::Lambda::Function",
    "Add AWS::Lambda::Permission",
    "Add AWS::Lambda::Permission",
    "Add AWS::Lambda::Url",
    "Add AWS::Lambda::Version",
    "Add AWS::SQS::Queue",
  ]);
  await waitUntilStackCreateComplete(waiting(), { StackName });
  const outputs = Object.fromEntries(
    ((await stackOf(StackName)).Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue!]),
  );
  assert.match(outputs.Name!, /^sam-app-Hello-[A-Z2-7]{12}$/);
  assert.match(outputs.Url!, /^http:\/\/.+lambda-url/);
  const said = async () => {
    const { Payload } = await lambda.send(new InvokeCommand({ FunctionName: outputs.Alias! }));
    return JSON.parse(Buffer.from(Payload!).toString());
  };
  assert.equal(await said(), "one world");

  await put("two.zip", await zipOf({ "index.js": "exports.handler = async () => `two ${process.env.WHO}`" }));
  const changes = await deploy("second", "UPDATE", template("two.zip"), "moon");
  assert.ok(
    changes.includes("Modify AWS::Lambda::Function") && changes.includes("Add AWS::Lambda::Version"),
    changes.join(),
  );
  assert.ok(!changes.includes("Modify AWS::SQS::Queue"));
  await waitUntilStackUpdateComplete(waiting(), { StackName });
  assert.equal(await said(), "two moon");

  const same = stacks.send(
    new UpdateStackCommand({
      StackName,
      UsePreviousTemplate: true,
      Parameters: [{ ParameterKey: "Who", UsePreviousValue: true }],
      Capabilities: ["CAPABILITY_IAM"],
    }),
  );
  await assert.rejects(same, { name: "ValidationError", message: "No updates are to be performed." });
  const { TemplateBody = "" } = await stacks.send(new GetTemplateCommand({ StackName, TemplateStage: "Processed" }));
  assert.ok(JSON.parse(TemplateBody).Resources.HelloAliaslive);

  await stacks.send(new DeleteStackCommand({ StackName }));
  await waitUntilStackDeleteComplete(waiting(), { StackName });
  await assert.rejects(lambda.send(new GetFunctionCommand({ FunctionName: outputs.Name! })), {
    name: "ResourceNotFoundException",
  });
});

const parameters = (values: Record<string, string>, more = "") =>
  `Resources:\n${Object.entries(values)
    .map(
      ([id, value]) =>
        `  ${id}: {Type: AWS::SSM::Parameter, Properties: {Name: /${id}, Type: String, Value: ${value}}}\n`,
    )
    .join("")}${more}`;

test("a creation that fails is undone, and says what did not work", async () => {
  const bad = "  Bad: {Type: AWS::SQS::Queue, DependsOn: Good, Properties: {QueueName: 'not a name'}}\n";
  const StackName = "fails";
  await stacks.send(new CreateStackCommand({ StackName, TemplateBody: parameters({ Good: "1" }, bad) }));
  await assert.rejects(waitUntilStackCreateComplete(waiting(), { StackName }));
  const { StackStatus } = await stackOf(StackName);
  assert.equal(StackStatus, "ROLLBACK_COMPLETE");
  await assert.rejects(parameter("/Good"), { name: "ParameterNotFound" });
  assert.deepEqual(await statusesOf(StackName, "Good"), [
    "CREATE_IN_PROGRESS",
    "CREATE_COMPLETE",
    "DELETE_IN_PROGRESS",
    "DELETE_COMPLETE",
  ]);
  assert.ok((await statusesOf(StackName, "Bad")).includes("CREATE_FAILED"));
  await stacks.send(new DeleteStackCommand({ StackName }));
});

test("an update that fails leaves everything as it was: what was changed, what was replaced, what was added", async () => {
  const StackName = "back";
  await stacks.send(new CreateStackCommand({ StackName, TemplateBody: parameters({ Kept: "1", Gone: "1" }) }));
  await waitUntilStackCreateComplete(waiting(), { StackName });
  const bad = "  Bad: {Type: AWS::SQS::Queue, DependsOn: [Kept, New], Properties: {QueueName: 'not a name'}}\n";
  await stacks.send(new UpdateStackCommand({ StackName, TemplateBody: parameters({ Kept: "2", New: "1" }, bad) }));
  await assert.rejects(waitUntilStackUpdateComplete(waiting(), { StackName }));
  for (;;) {
    const { StackStatus = "" } = await stackOf(StackName);
    if (StackStatus === "UPDATE_ROLLBACK_COMPLETE") break;
    assert.match(StackStatus, /^UPDATE_ROLLBACK_.*IN_PROGRESS$/);
  }
  assert.equal(await parameter("/Kept"), "1");
  assert.equal(await parameter("/Gone"), "1");
  await assert.rejects(parameter("/New"), { name: "ParameterNotFound" });
  const { StackResourceSummaries = [] } = await stacks.send(new ListStackResourcesCommand({ StackName }));
  assert.deepEqual(StackResourceSummaries.map(({ LogicalResourceId }) => LogicalResourceId).sort(), ["Gone", "Kept"]);
  await stacks.send(new DeleteStackCommand({ StackName }));
});

test("what another stack uses is not deleted; what is to be retained stays", async () => {
  const owner =
    `${parameters({ Shared: "7" })}    DeletionPolicy: Retain\nOutputs: {Value: {Value: !GetAtt Shared.Value, Export: {Name: shared}}}\n`.replace(
      "{Type: AWS::SSM::Parameter, Properties: {Name: /Shared, Type: String, Value: 7}}",
      "\n    Type: AWS::SSM::Parameter\n    Properties: {Name: /Shared, Type: String, Value: '7'}",
    );
  await stacks.send(new CreateStackCommand({ StackName: "owner", TemplateBody: owner }));
  await waitUntilStackCreateComplete(waiting(), { StackName: "owner" });
  const { Exports = [] } = await stacks.send(new ListExportsCommand({}));
  assert.deepEqual(
    Exports.map(({ Name, Value }) => [Name, Value]),
    [["shared", "7"]],
  );
  const TemplateBody = parameters({ User: "!ImportValue shared" });
  await stacks.send(new CreateStackCommand({ StackName: "user", TemplateBody }));
  await waitUntilStackCreateComplete(waiting(), { StackName: "user" });
  assert.equal(await parameter("/User"), "7");
  await assert.rejects(
    stacks.send(new DeleteStackCommand({ StackName: "owner" })),
    /Export shared cannot be deleted as it is in use by user/,
  );
  for (const StackName of ["user", "owner"]) {
    await stacks.send(new DeleteStackCommand({ StackName }));
    await waitUntilStackDeleteComplete(waiting(), { StackName });
  }
  assert.equal(await parameter("/Shared"), "7");
});

test("a custom resource's function is asked, and answers by the module beside its code", async () => {
  const StackName = "custom";
  const text = (answer: string) => `
Resources:
  Code:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      Role: arn:aws:iam::000000000000:role/test
      Code:
        ZipFile: |
          const response = require('cfn-response');
          exports.handler = (event, context) => response.send(event, context, 'SUCCESS',
            { Said: event.RequestType + ' ' + event.ResourceProperties.Number }, 'thing');
  Thing: {Type: Custom::Thing, Properties: {ServiceToken: !GetAtt Code.Arn, Number: ${answer}}}
Outputs: {Said: {Value: !GetAtt Thing.Said}}
`;
  const said = async () => (await stackOf(StackName)).Outputs?.[0]?.OutputValue;
  await stacks.send(new CreateStackCommand({ StackName, TemplateBody: text("1") }));
  await waitUntilStackCreateComplete(waiting(), { StackName });
  assert.equal(await said(), "Create 1");
  await stacks.send(new UpdateStackCommand({ StackName, TemplateBody: text("2") }));
  await waitUntilStackUpdateComplete(waiting(), { StackName });
  assert.equal(await said(), "Update 2");
  await stacks.send(new DeleteStackCommand({ StackName }));
  await waitUntilStackDeleteComplete(waiting(), { StackName });
});

test("a platform that is killed goes on with what it began", async () => {
  const StackName = "killed";
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`P${index}`, String(index)]));
  // One after the other, so that the kill falls in between.
  const text = parameters(many).replace(/ {2}P(\d+): \{/g, (whole, index: string) =>
    index === "0" ? whole : `  P${index}: {DependsOn: P${Number(index) - 1}, `,
  );
  await stacks.send(new CreateStackCommand({ StackName, TemplateBody: text }));
  for (;;) {
    const { StackResources = [] } = await stacks.send(new DescribeStackResourcesCommand({ StackName }));
    if (StackResources.length > 2) break;
    assert.equal((await stackOf(StackName)).StackStatus, "CREATE_IN_PROGRESS");
  }
  await server.kill();
  server = await startServer({ dataDir });
  connect();
  await waitUntilStackCreateComplete(waiting(), { StackName });
  assert.equal(await parameter("/P29"), "29");
  await stacks.send(new DeleteStackCommand({ StackName }));
});

const refused: readonly (readonly [string, string, RegExp])[] = [
  ["no resources", "Resources: {}", /At least one Resources member must be defined/],
  [
    "a reference to nothing",
    "Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Nope}}}",
    /Unresolved resource dependencies \[Nope\]/,
  ],
  [
    "a circle",
    "Resources: {A: {Type: AWS::SQS::Queue, DependsOn: B}, B: {Type: AWS::SQS::Queue, DependsOn: A}}",
    /Circular dependency between resources/,
  ],
  [
    "an unknown type",
    "Resources: {A: {Type: AWS::EC2::Instance}}",
    /Unrecognized resource types: \[AWS::EC2::Instance\]/,
  ],
  [
    "a parameter without a value",
    "Parameters: {P: {Type: String}}\nResources: {A: {Type: AWS::SQS::Queue}}",
    /Parameters: \[P\] must have values/,
  ],
  [
    "a serverless function without code",
    "Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Role: 'arn:aws:iam::000000000000:role/r'}}}",
    /Either 'InlineCode' or 'CodeUri' must be set/,
  ],
];
for (const [name, TemplateBody, message] of refused) {
  test(`${name}: refused at once, and nothing is there`, async () => {
    await assert.rejects(
      stacks.send(new CreateStackCommand({ StackName: "refused", TemplateBody })),
      (error: Error) => {
        assert.equal(error.name, "ValidationError");
        assert.match(error.message, message);
        return true;
      },
    );
    await assert.rejects(stackOf("refused"), /Stack with id refused does not exist/);
  });
}

test("roles have to be acknowledged; parameters of Systems Manager are looked up", async () => {
  const TemplateBody = "Resources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}}";
  const create = stacks.send(new CreateStackCommand({ StackName: "iam", TemplateBody }));
  await assert.rejects(create, {
    name: "InsufficientCapabilitiesException",
    message: "Requires capabilities : [CAPABILITY_IAM]",
  });
  const { Capabilities } = await stacks.send(new ValidateTemplateCommand({ TemplateBody }));
  assert.deepEqual(Capabilities, ["CAPABILITY_IAM"]);

  await ssm.send(new PutParameterCommand({ Name: "/version", Value: "31", Type: "String" }));
  const looked = `Parameters: {V: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /version}}\n${parameters({ Copy: "!Ref V" })}`;
  await stacks.send(new CreateStackCommand({ StackName: "looked", TemplateBody: looked }));
  await waitUntilStackCreateComplete(waiting(), { StackName: "looked" });
  assert.equal(await parameter("/Copy"), "31");
});
