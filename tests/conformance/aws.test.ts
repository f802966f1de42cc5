import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as iam from "@aws-sdk/client-iam";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { type Door, openDoor } from "./door.ts";

let door: Door;
let client: iam.IAMClient;
let sts: STSClient;

before(async () => {
  door = await openDoor();
  client = new iam.IAMClient(options());
  sts = new STSClient(options());
});
after(async () => {
  client.destroy();
  sts.destroy();
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
});

const options = (accessKeyId = "test") => ({
  endpoint: door.endpoint,
  region: "us-east-1",
  credentials: { accessKeyId, secretAccessKey: "test" },
  maxAttempts: 1,
});

const trust = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
});
const policy = JSON.stringify({ Version: "2012-10-17", Statement: { Effect: "Allow", Action: "*", Resource: "*" } });

test("GetCallerIdentity tells the account that the access key selects", async () => {
  const { Account, Arn } = await sts.send(new GetCallerIdentityCommand());
  assert.equal(Account, "000000000000");
  assert.equal(Arn, "arn:aws:iam::000000000000:root");
  const other = new STSClient(options("123456789012"));
  assert.equal((await other.send(new GetCallerIdentityCommand())).Account, "123456789012");
  other.destroy();
});

test("an assumed role's credentials are of the role's account", async () => {
  const { Credentials, AssumedRoleUser } = await sts.send(
    new AssumeRoleCommand({ RoleArn: "arn:aws:iam::123456789012:role/path/deployer", RoleSessionName: "ci" }),
  );
  assert.equal(AssumedRoleUser!.Arn, "arn:aws:sts::123456789012:assumed-role/deployer/ci");
  assert.ok(Credentials!.Expiration!.getTime() > Date.now());
  const assumed = new STSClient(options(Credentials!.AccessKeyId));
  assert.equal((await assumed.send(new GetCallerIdentityCommand())).Account, "123456789012");
  assumed.destroy();
  await assert.rejects(sts.send(new AssumeRoleCommand({ RoleArn: "x", RoleSessionName: "ci" })), {
    name: "ValidationError",
  });
});

test("a role lives as Terraform makes it, reads it and takes it down", async () => {
  const RoleName = "terraform";
  const made = await client.send(
    new iam.CreateRoleCommand({
      RoleName,
      AssumeRolePolicyDocument: trust,
      Description: `<&>"ü`,
      Tags: [{ Key: "a", Value: "1" }],
    }),
  );
  assert.equal(made.Role!.Arn, "arn:aws:iam::000000000000:role/terraform");
  await assert.rejects(client.send(new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust })), {
    name: "EntityAlreadyExistsException",
  });
  const { Role } = await client.send(new iam.GetRoleCommand({ RoleName }));
  assert.equal(decodeURIComponent(Role!.AssumeRolePolicyDocument!), trust);
  assert.equal(Role!.Description, `<&>"ü`);
  assert.deepEqual(Role!.Tags, [{ Key: "a", Value: "1" }]);
  assert.equal(Role!.RoleId, made.Role!.RoleId);

  await client.send(new iam.PutRolePolicyCommand({ RoleName, PolicyName: "inline", PolicyDocument: policy }));
  const inline = await client.send(new iam.GetRolePolicyCommand({ RoleName, PolicyName: "inline" }));
  assert.equal(decodeURIComponent(inline.PolicyDocument!), policy);
  const { PolicyNames } = await client.send(new iam.ListRolePoliciesCommand({ RoleName }));
  assert.deepEqual(PolicyNames, ["inline"]);

  const PolicyArn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
  await client.send(new iam.AttachRolePolicyCommand({ RoleName, PolicyArn }));
  const { AttachedPolicies } = await client.send(new iam.ListAttachedRolePoliciesCommand({ RoleName }));
  assert.deepEqual(AttachedPolicies, [{ PolicyName: "AWSLambdaBasicExecutionRole", PolicyArn }]);

  await assert.rejects(client.send(new iam.DeleteRoleCommand({ RoleName })), { name: "DeleteConflictException" });
  await client.send(new iam.DetachRolePolicyCommand({ RoleName, PolicyArn }));
  await client.send(new iam.DeleteRolePolicyCommand({ RoleName, PolicyName: "inline" }));
  const { InstanceProfiles } = await client.send(new iam.ListInstanceProfilesForRoleCommand({ RoleName }));
  assert.deepEqual(InstanceProfiles, []);
  await client.send(new iam.DeleteRoleCommand({ RoleName }));
  await assert.rejects(client.send(new iam.GetRoleCommand({ RoleName })), { name: "NoSuchEntityException" });
});

test("a managed policy is made, read, held while attached, and deleted", async () => {
  const { Policy } = await client.send(new iam.CreatePolicyCommand({ PolicyName: "mine", PolicyDocument: policy }));
  const PolicyArn = Policy!.Arn!;
  const { PolicyVersion } = await client.send(new iam.GetPolicyVersionCommand({ PolicyArn, VersionId: "v1" }));
  assert.equal(decodeURIComponent(PolicyVersion!.Document!), policy);
  await client.send(new iam.CreateRoleCommand({ RoleName: "holder", AssumeRolePolicyDocument: trust }));
  await client.send(new iam.AttachRolePolicyCommand({ RoleName: "holder", PolicyArn }));
  assert.equal((await client.send(new iam.GetPolicyCommand({ PolicyArn }))).Policy!.AttachmentCount, 1);
  await assert.rejects(client.send(new iam.DeletePolicyCommand({ PolicyArn })), { name: "DeleteConflictException" });
  await client.send(new iam.DetachRolePolicyCommand({ RoleName: "holder", PolicyArn }));
  await client.send(new iam.DeletePolicyCommand({ PolicyArn }));
});

test("bad names, bad documents and actions to come are refused in the service's own words", async () => {
  const create = (RoleName: string, AssumeRolePolicyDocument: string) =>
    client.send(new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
  await assert.rejects(create("bad name", trust), { name: "ValidationError" });
  await assert.rejects(create("fine", "{"), { name: "MalformedPolicyDocumentException" });
  await assert.rejects(client.send(new iam.ListVirtualMFADevicesCommand({})), (error: Error) => {
    assert.equal(error.name, "InvalidAction");
    assert.equal(error.message, "Thaw does not implement iam:ListVirtualMFADevices yet");
    return true;
  });
});

test("a service that is not there is named", async () => {
  const answer = await fetch(door.endpoint, {
    method: "POST",
    headers: {
      authorization: "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host",
    },
  });
  assert.equal(answer.status, 501);
  assert.match(
    await answer.text(),
    /Thaw does not implement the service dynamodb; --upstream \(or THAW_UPSTREAM_DYNAMODB\)/,
  );
});

test("a service that this server was built without is refused, and the server stops all the same", async () => {
  await using other = await openDoor();
  const headers = { authorization: "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request" };
  assert.equal((await fetch(other.endpoint, { method: "POST", headers })).status, 501);
});
