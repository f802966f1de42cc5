import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  AddLayerVersionPermissionCommand,
  type AddLayerVersionPermissionCommandInput,
  AddPermissionCommand,
  type AddPermissionCommandInput,
  CreateAliasCommand,
  DeleteAliasCommand,
  DeleteFunctionCommand,
  DeleteLayerVersionCommand,
  DeleteResourcePolicyCommand,
  GetFunctionCommand,
  GetLayerVersionByArnCommand,
  GetLayerVersionCommand,
  GetLayerVersionPolicyCommand,
  GetPolicyCommand,
  GetResourcePolicyCommand,
  InvokeCommand,
  type LambdaClient,
  ListLayerVersionsCommand,
  PublishLayerVersionCommand,
  PublishVersionCommand,
  PutResourcePolicyCommand,
  RemoveLayerVersionPermissionCommand,
  RemovePermissionCommand,
} from "@aws-sdk/client-lambda";
import { createFunction, lambdaOf, zipOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Resource policies: statement by statement, as a whole, and what they do to callers of other accounts. */
let server: Server;
let client: LambdaClient;
/** of another account */
let stranger: LambdaClient;

const account = "000000000000";
const strangers = "222222222222";
const code = { "index.js": "exports.handler = async () => 'done';" };
const arnOf = (name: string) => `arn:aws:lambda:us-east-1:${account}:function:${name}`;

before(async () => {
  server = await startServer();
  client = lambdaOf(server);
  stranger = lambdaOf(server, { credentials: { accessKeyId: strangers, secretAccessKey: "x" } });
});
after(async () => {
  client.destroy();
  stranger.destroy();
  await server[Symbol.asyncDispose]();
});

const allowed = (FunctionName: string, more: Partial<AddPermissionCommandInput> = {}) =>
  client.send(
    new AddPermissionCommand({
      FunctionName,
      StatementId: "s1",
      Action: "lambda:InvokeFunction",
      Principal: strangers,
      ...more,
    }),
  );
const policyOf = async (FunctionName: string, Qualifier?: string) => {
  const { Policy, RevisionId } = await client.send(new GetPolicyCommand({ FunctionName, Qualifier }));
  return { policy: JSON.parse(Policy ?? ""), revision: RevisionId };
};
const revisionOf = async (FunctionName: string, Qualifier?: string) =>
  (await client.send(new GetFunctionCommand({ FunctionName, Qualifier }))).Configuration?.RevisionId;
const invokeAs = (who: LambdaClient, name: string, Qualifier?: string) =>
  who.send(new InvokeCommand({ FunctionName: arnOf(name), Qualifier }));

test("statements are added, read and removed as AWS writes them", async () => {
  await createFunction(client, "statements", { code });
  const first = await allowed("statements", {
    StatementId: "s3",
    Principal: "s3.amazonaws.com",
    SourceArn: "arn:aws:s3:::bucket",
    SourceAccount: account,
  });
  const s3 = {
    Sid: "s3",
    Effect: "Allow",
    Principal: { Service: "s3.amazonaws.com" },
    Action: "lambda:InvokeFunction",
    Resource: arnOf("statements"),
    Condition: {
      StringEquals: { "AWS:SourceAccount": account },
      ArnLike: { "AWS:SourceArn": "arn:aws:s3:::bucket" },
    },
  };
  assert.equal(first.Statement, JSON.stringify(s3));
  await allowed("statements", { StatementId: "account" });
  await allowed("statements", {
    StatementId: "url",
    Principal: "*",
    Action: "lambda:InvokeFunctionUrl",
    FunctionUrlAuthType: "NONE",
    PrincipalOrgID: "o-abcdefghij",
  });
  await allowed("statements", { StatementId: "skill", Principal: "alexa-appkit.amazon.com", EventSourceToken: "t" });
  await allowed("statements", { StatementId: "via", Principal: "*", InvokedViaFunctionUrl: true });
  const { policy, revision } = await policyOf("statements");
  assert.equal(revision, await revisionOf("statements"));
  assert.deepEqual(Object.keys(policy), ["Version", "Id", "Statement"]);
  assert.deepEqual([policy.Version, policy.Id], ["2012-10-17", "default"]);
  const shown = (statement: Record<string, unknown>) => [statement.Sid, statement.Principal, statement.Condition];
  assert.deepEqual(policy.Statement.map(shown), [
    shown(s3),
    ["account", { AWS: `arn:aws:iam::${strangers}:root` }, undefined],
    ["url", "*", { StringEquals: { "lambda:FunctionUrlAuthType": "NONE", "aws:PrincipalOrgID": "o-abcdefghij" } }],
    ["skill", { Service: "alexa-appkit.amazon.com" }, { StringEquals: { "lambda:EventSourceToken": "t" } }],
    ["via", "*", { Bool: { "lambda:InvokedViaFunctionUrl": "true" } }],
  ]);
  for (const StatementId of ["s3", "account", "url", "skill", "via"]) {
    await client.send(new RemovePermissionCommand({ FunctionName: "statements", StatementId }));
  }
  await assert.rejects(policyOf("statements"), {
    name: "ResourceNotFoundException",
    message: "The resource you requested does not exist.",
  });
});

test("what is wrong with a permission is said in AWS's words, and changes nothing", async () => {
  await createFunction(client, "wrong", { code, Publish: true });
  await allowed("wrong");
  const before = await policyOf("wrong");
  const cases: [more: Partial<AddPermissionCommandInput>, name: string, message: string | RegExp][] = [
    [
      {},
      "ResourceConflictException",
      "The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing statement.",
    ],
    [
      { StatementId: "a.b" },
      "ValidationException",
      "1 validation error detected: Value 'a.b' at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)",
    ],
    [
      { StatementId: "s2", Principal: "nobody" },
      "InvalidParameterValueException",
      "The provided principal was invalid. Please check the principal and try again.",
    ],
    [
      { StatementId: "s2", Qualifier: "$LATEST" },
      "InvalidParameterValueException",
      "We currently do not support adding policies for $LATEST.",
    ],
    [{ StatementId: "s2", Qualifier: "42" }, "ResourceNotFoundException", `Function not found: ${arnOf("wrong")}:42`],
    [
      { StatementId: "s2", Qualifier: "none" },
      "ResourceNotFoundException",
      `Cannot find alias arn: ${arnOf("wrong")}:none`,
    ],
    [
      { StatementId: "s2", FunctionName: "nowhere" },
      "ResourceNotFoundException",
      `Function not found: ${arnOf("nowhere")}`,
    ],
    [
      { StatementId: "s2", RevisionId: "stale" },
      "PreconditionFailedException",
      /does not match the latest Revision Id/,
    ],
    [{ StatementId: "s2", Action: "s3:GetObject" }, "ValidationException", /at 'action' failed/],
    [
      { StatementId: "s2", FunctionUrlAuthType: "NONE" },
      "InvalidParameterValueException",
      "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
    ],
  ];
  for (const [more, name, message] of cases) await assert.rejects(allowed("wrong", more), { name, message });
  const remove = (StatementId: string, FunctionName = "wrong") =>
    client.send(new RemovePermissionCommand({ FunctionName, StatementId }));
  await assert.rejects(remove("none"), {
    name: "ResourceNotFoundException",
    message: "Statement none is not found in resource policy.",
  });
  await assert.rejects(remove("s1", "nowhere"), {
    name: "ResourceNotFoundException",
    message: `No policy found for: ${arnOf("nowhere")}`,
  });
  await assert.rejects(
    client.send(new RemovePermissionCommand({ FunctionName: "wrong", StatementId: "s1", Qualifier: "1" })),
    { name: "ResourceNotFoundException", message: "No policy is associated with the given resource." },
  );
  assert.deepEqual(await policyOf("wrong"), before);
});

test("a policy has at most 20,480 bytes", async () => {
  await createFunction(client, "long", { code });
  const SourceArn = `arn:aws:s3:::${"b".repeat(9_000)}`;
  await allowed("long", { StatementId: "one", SourceArn });
  await allowed("long", { StatementId: "two", SourceArn });
  await assert.rejects(allowed("long", { StatementId: "three", SourceArn }), {
    name: "PolicyLengthExceededException",
    message: /^The final policy size \(\d+\) is bigger than the limit \(20480\)\.$/,
  });
  assert.equal((await policyOf("long")).policy.Statement.length, 2);
});

test("function, version and alias each have a policy of their own, which goes with them", async () => {
  await createFunction(client, "qualified", { code, Publish: true });
  await client.send(new CreateAliasCommand({ FunctionName: "qualified", Name: "live", FunctionVersion: "1" }));
  const before = [await revisionOf("qualified"), await revisionOf("qualified", "1")];
  await allowed("qualified");
  await allowed("qualified", { Qualifier: "1" });
  await allowed("qualified", { Qualifier: "live" });
  assert.equal((await policyOf("qualified", "live")).policy.Statement[0].Resource, `${arnOf("qualified")}:live`);
  assert.equal((await policyOf("qualified", "1")).revision, await revisionOf("qualified", "1"));
  assert.notEqual(await revisionOf("qualified"), before[0]);
  assert.notEqual(await revisionOf("qualified", "1"), before[1]);
  // A revision that GetPolicy gave is good for the next change.
  const { revision } = await policyOf("qualified");
  await allowed("qualified", { StatementId: "s2", RevisionId: revision });

  await client.send(new DeleteAliasCommand({ FunctionName: "qualified", Name: "live" }));
  await client.send(new CreateAliasCommand({ FunctionName: "qualified", Name: "live", FunctionVersion: "1" }));
  await assert.rejects(policyOf("qualified", "live"), { name: "ResourceNotFoundException" });
  await client.send(new DeleteFunctionCommand({ FunctionName: "qualified" }));
  await createFunction(client, "qualified", { code });
  await assert.rejects(policyOf("qualified"), { name: "ResourceNotFoundException" });
});

test("another account invokes exactly what a policy lets it", async () => {
  await createFunction(client, "shared", { code, Publish: true });
  await client.send(new CreateAliasCommand({ FunctionName: "shared", Name: "live", FunctionVersion: "1" }));
  const denied = (resource: string) => ({
    name: "AccessDeniedException",
    message: `User: arn:aws:iam::${strangers}:root is not authorized to perform: lambda:InvokeFunction on resource: ${resource} because no resource-based policy allows the lambda:InvokeFunction action`,
  });
  await assert.rejects(invokeAs(stranger, "shared"), denied(arnOf("shared")));
  // No more is said about what does not exist.
  await assert.rejects(invokeAs(stranger, "secret"), denied(arnOf("secret")));

  await allowed("shared", { Qualifier: "live" });
  assert.equal((await invokeAs(stranger, "shared", "live")).StatusCode, 200);
  await assert.rejects(invokeAs(stranger, "shared", "1"), denied(`${arnOf("shared")}:1`));
  await assert.rejects(invokeAs(stranger, "shared"), denied(arnOf("shared")));
  await assert.rejects(stranger.send(new GetFunctionCommand({ FunctionName: arnOf("shared") })), {
    name: "AccessDeniedException",
    message: /lambda:GetFunction on resource/,
  });

  await allowed("shared", { StatementId: "read", Action: "lambda:GetFunction" });
  const { Configuration } = await stranger.send(new GetFunctionCommand({ FunctionName: arnOf("shared") }));
  assert.equal(Configuration?.FunctionArn, arnOf("shared"));
  await client.send(new RemovePermissionCommand({ FunctionName: "shared", StatementId: "s1", Qualifier: "live" }));
  await assert.rejects(invokeAs(stranger, "shared", "live"), denied(`${arnOf("shared")}:live`));
  // Its own account needs no policy.
  assert.equal((await invokeAs(client, "shared")).StatusCode, 200);
});

test("a whole document replaces the policy, and may deny", async () => {
  await createFunction(client, "whole", { code, Publish: true });
  await allowed("whole");
  const ResourceArn = arnOf("whole");
  const before = await client.send(new GetResourcePolicyCommand({ ResourceArn }));
  const document = {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "all",
        Effect: "Allow",
        Principal: { AWS: [strangers, "333333333333"] },
        Action: ["lambda:InvokeFunction", "lambda:GetFunction*"],
        Resource: [ResourceArn, `${ResourceArn}:*`],
      },
      {
        Sid: "none",
        Effect: "Deny",
        Principal: "*",
        Action: "lambda:InvokeFunction",
        Resource: `${ResourceArn}:1`,
      },
    ],
  };
  const Policy = JSON.stringify(document, undefined, 2);
  const stale = "00000000-0000-4000-8000-000000000000";
  await assert.rejects(client.send(new PutResourcePolicyCommand({ ResourceArn, Policy, RevisionId: stale })), {
    name: "PreconditionFailedException",
  });
  const made = await client.send(new PutResourcePolicyCommand({ ResourceArn, Policy, RevisionId: before.RevisionId }));
  assert.deepEqual(JSON.parse(made.Policy ?? ""), document);
  assert.notEqual(made.RevisionId, before.RevisionId);
  assert.deepEqual((await policyOf("whole")).policy, document);

  assert.equal((await invokeAs(stranger, "whole")).StatusCode, 200);
  await client.send(new CreateAliasCommand({ FunctionName: "whole", Name: "live", FunctionVersion: "1" }));
  assert.equal((await invokeAs(stranger, "whole", "live")).StatusCode, 200);
  // An explicit denial holds for everybody, its own account too.
  for (const who of [client, stranger]) {
    await assert.rejects(invokeAs(who, "whole", "1"), {
      name: "AccessDeniedException",
      message: / on resource: \S+:1 with an explicit deny in a resource-based policy$/,
    });
  }
  // A policy that denies everything locks its owner out of the function, but not out of the policy.
  const everything = { Effect: "Deny", Principal: "*", Action: "*", Resource: "*" };
  const locked = { ...document, Statement: [...document.Statement, { Sid: "locked", ...everything }] };
  await client.send(new PutResourcePolicyCommand({ ResourceArn, Policy: JSON.stringify(locked) }));
  await assert.rejects(client.send(new GetFunctionCommand({ FunctionName: "whole" })), {
    name: "AccessDeniedException",
  });
  await assert.rejects(allowed("whole", { StatementId: "s9" }), { name: "AccessDeniedException" });
  await client.send(new RemovePermissionCommand({ FunctionName: "whole", StatementId: "locked" }));
  // Statements can be added to it and removed from it.
  await allowed("whole", { StatementId: "s9" });
  await client.send(new RemovePermissionCommand({ FunctionName: "whole", StatementId: "none" }));
  assert.equal((await invokeAs(client, "whole", "1")).StatusCode, 200);
  assert.deepEqual(
    (await policyOf("whole")).policy.Statement.map(({ Sid }: { Sid: string }) => Sid),
    ["all", "s9"],
  );

  const current = await client.send(new GetResourcePolicyCommand({ ResourceArn }));
  await assert.rejects(client.send(new DeleteResourcePolicyCommand({ ResourceArn, RevisionId: stale })), {
    name: "PreconditionFailedException",
  });
  await client.send(new DeleteResourcePolicyCommand({ ResourceArn, RevisionId: current.RevisionId }));
  for (const send of [
    () => client.send(new GetResourcePolicyCommand({ ResourceArn })),
    () => client.send(new DeleteResourcePolicyCommand({ ResourceArn })),
    () => policyOf("whole"),
  ]) {
    await assert.rejects(send, { name: "ResourceNotFoundException" });
  }
  await assert.rejects(invokeAs(stranger, "whole"), { name: "AccessDeniedException" });
});

test("a document that is no policy of this function is refused", async () => {
  await createFunction(client, "checked", { code });
  const ResourceArn = arnOf("checked");
  const statement = { Effect: "Allow", Principal: "*", Action: "lambda:InvokeFunction", Resource: ResourceArn };
  const documents = [
    "{",
    "[]",
    JSON.stringify({ Statement: [] }),
    JSON.stringify({ Statement: { ...statement, Principal: undefined } }),
    JSON.stringify({ Statement: { ...statement, Resource: arnOf("other") } }),
    JSON.stringify({ Statement: { ...statement, Action: undefined } }),
    JSON.stringify({ Version: "2020-01-01", Statement: statement }),
    JSON.stringify({ Statement: { ...statement, Condition: { StringIs: { a: "b" } } } }),
  ];
  for (const Policy of documents) {
    await assert.rejects(
      client.send(new PutResourcePolicyCommand({ ResourceArn, Policy })),
      { name: "InvalidParameterValueException" },
      Policy,
    );
  }
  await assert.rejects(client.send(new GetResourcePolicyCommand({ ResourceArn })), {
    name: "ResourceNotFoundException",
  });
  await assert.rejects(client.send(new GetResourcePolicyCommand({ ResourceArn: arnOf("nowhere") })), {
    name: "ResourceNotFoundException",
  });
  await client.send(new PublishVersionCommand({ FunctionName: "checked" }));
  const version = `${ResourceArn}:1`;
  const Policy = JSON.stringify({ Statement: { ...statement, Resource: version } });
  await client.send(new PutResourcePolicyCommand({ ResourceArn: version, Policy }));
  assert.equal((await invokeAs(stranger, "checked", "1")).StatusCode, 200);
});

const layerArn = `arn:aws:lambda:us-east-1:${account}:layer:common`;
const share = (more: Partial<AddLayerVersionPermissionCommandInput> = {}) =>
  client.send(
    new AddLayerVersionPermissionCommand({
      LayerName: "common",
      VersionNumber: 1,
      StatementId: "s1",
      Action: "lambda:GetLayerVersion",
      Principal: strangers,
      ...more,
    }),
  );

test("a layer version is shared with whom its policy names, and no further", async () => {
  const ZipFile = await zipOf({ "common.txt": "common" });
  for (let made = 0; made < 2; made += 1) {
    await client.send(new PublishLayerVersionCommand({ LayerName: "common", Content: { ZipFile } }));
  }
  const denied = (action: string, resource: string) => ({
    name: "AccessDeniedException",
    message: `User: arn:aws:iam::${strangers}:root is not authorized to perform: lambda:${action} on resource: ${resource} because no resource-based policy allows the lambda:${action} action`,
  });
  const read = (Arn: string) => stranger.send(new GetLayerVersionByArnCommand({ Arn }));
  const use = (name: string, Layers: string[]) => createFunction(stranger, name, { code, Layers });
  await assert.rejects(read(`${layerArn}:1`), denied("GetLayerVersion", `${layerArn}:1`));
  await assert.rejects(use("user", [`${layerArn}:1`]), denied("GetLayerVersion", `${layerArn}:1`));
  await assert.rejects(use("user", [`${layerArn}:9`]), denied("GetLayerVersion", `${layerArn}:9`));

  const added = await share();
  assert.equal(
    added.Statement,
    JSON.stringify({
      Sid: "s1",
      Effect: "Allow",
      Principal: { AWS: `arn:aws:iam::${strangers}:root` },
      Action: "lambda:GetLayerVersion",
      Resource: `${layerArn}:1`,
    }),
  );
  assert.equal((await read(`${layerArn}:1`)).LayerVersionArn, `${layerArn}:1`);
  const byName = new GetLayerVersionCommand({ LayerName: layerArn, VersionNumber: 1 });
  assert.equal((await stranger.send(byName)).Version, 1);
  await use("user", [`${layerArn}:1`]);
  await assert.rejects(read(`${layerArn}:2`), denied("GetLayerVersion", `${layerArn}:2`));
  await assert.rejects(
    stranger.send(new ListLayerVersionsCommand({ LayerName: layerArn })),
    denied("ListLayerVersions", layerArn),
  );
  await assert.rejects(
    stranger.send(new DeleteLayerVersionCommand({ LayerName: layerArn, VersionNumber: 1 })),
    denied("DeleteLayerVersion", `${layerArn}:1`),
  );

  await share({ StatementId: "all", VersionNumber: 2, Principal: "*" });
  assert.equal((await read(`${layerArn}:2`)).Version, 2);
  // Nobody is known to be of an organization.
  await client.send(
    new RemoveLayerVersionPermissionCommand({ LayerName: "common", VersionNumber: 2, StatementId: "all" }),
  );
  await share({ StatementId: "org", VersionNumber: 2, Principal: "*", OrganizationId: "o-abcdefghij" });
  await assert.rejects(read(`${layerArn}:2`), denied("GetLayerVersion", `${layerArn}:2`));
});

test("the policy of a layer version is read, changed and refused as AWS does", async () => {
  const policyOfLayer = (VersionNumber = 1) =>
    client.send(new GetLayerVersionPolicyCommand({ LayerName: "common", VersionNumber }));
  const before = await policyOfLayer();
  const stale = "00000000-0000-4000-8000-000000000000";
  await assert.rejects(share(), {
    name: "ResourceConflictException",
    message:
      "The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing statement.",
  });
  await assert.rejects(share({ StatementId: "s2", RevisionId: stale }), {
    name: "PreconditionFailedException",
    message:
      "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve the latest Revision Id",
  });
  await assert.rejects(share({ StatementId: "s2", Action: "*" }), {
    name: "ValidationException",
    message:
      "1 validation error detected: Value '*' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: lambda:GetLayerVersion",
  });
  const missing = { name: "ResourceNotFoundException", message: `Layer version ${layerArn}:9 does not exist.` };
  await assert.rejects(share({ VersionNumber: 9 }), missing);
  await assert.rejects(policyOfLayer(9), missing);
  const remove = (StatementId: string, more: object = {}) =>
    client.send(
      new RemoveLayerVersionPermissionCommand({ LayerName: "common", VersionNumber: 1, StatementId, ...more }),
    );
  await assert.rejects(remove("s1", { VersionNumber: 9 }), missing);
  await assert.rejects(remove("s2"), { message: "Statement s2 is not found in resource policy." });
  await assert.rejects(remove("s1", { RevisionId: stale }), { name: "PreconditionFailedException" });
  const after = await policyOfLayer();
  assert.deepEqual([after.Policy, after.RevisionId], [before.Policy, before.RevisionId]);

  const added = await share({ StatementId: "s2", RevisionId: before.RevisionId });
  assert.equal((await policyOfLayer()).RevisionId, added.RevisionId);
  await remove("s2", { RevisionId: added.RevisionId });
  await remove("s1");
  const none = { name: "ResourceNotFoundException", message: "No policy is associated with the given resource." };
  await assert.rejects(policyOfLayer(), none);
  await assert.rejects(remove("s1"), none);
  await client.send(new DeleteLayerVersionCommand({ LayerName: "common", VersionNumber: 2 }));
  await assert.rejects(policyOfLayer(2), { name: "ResourceNotFoundException" });
});
