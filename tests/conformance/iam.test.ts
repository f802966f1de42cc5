import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as iam from "@aws-sdk/client-iam";
import { AssumeRoleWithWebIdentityCommand, GetAccessKeyInfoCommand, STSClient } from "@aws-sdk/client-sts";
import fc from "../properties.ts";
import { type Door, openDoor } from "./door.ts";

let door: Door;
let client: iam.IAMClient;
let sts: STSClient;

before(async () => {
  door = await openDoor();
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const options = { endpoint: door.endpoint, region: "us-east-1", credentials, maxAttempts: 1 };
  client = new iam.IAMClient(options);
  sts = new STSClient(options);
});
after(async () => {
  client.destroy();
  sts.destroy();
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
});

const policy = (Action: string) =>
  JSON.stringify({ Version: "2012-10-17", Statement: { Effect: "Allow", Action, Resource: "*" } });
const refused = (name: string, message?: string | RegExp) => (message === undefined ? { name } : { name, message });

test("a user lives with keys, groups, policies and tags, and is deleted when nothing is left of them", async () => {
  const UserName = "life";
  const made = await client.send(
    new iam.CreateUserCommand({ UserName, Path: "/team/", Tags: [{ Key: "a", Value: "1" }] }),
  );
  assert.equal(made.User!.Arn, "arn:aws:iam::000000000000:user/team/life");
  assert.match(made.User!.UserId!, /^AIDA[A-Z2-7]{17}$/);
  await assert.rejects(
    client.send(new iam.CreateUserCommand({ UserName: "LIFE" })),
    refused("EntityAlreadyExistsException", "User with name LIFE already exists."),
  );
  const keys = [1, 2].map(() => client.send(new iam.CreateAccessKeyCommand({ UserName })));
  const ids = (await Promise.all(keys)).map(({ AccessKey }) => AccessKey!.AccessKeyId!);
  await assert.rejects(
    client.send(new iam.CreateAccessKeyCommand({ UserName })),
    refused("LimitExceededException", "Cannot exceed quota for AccessKeysPerUser: 2"),
  );
  const { AccessKeyMetadata } = await client.send(new iam.ListAccessKeysCommand({ UserName }));
  assert.deepEqual(AccessKeyMetadata!.map(({ AccessKeyId }) => AccessKeyId).sort(), [...ids].sort());
  assert.equal((await sts.send(new GetAccessKeyInfoCommand({ AccessKeyId: ids[0]! }))).Account, "000000000000");
  await client.send(new iam.CreateGroupCommand({ GroupName: "crew" }));
  await client.send(new iam.AddUserToGroupCommand({ GroupName: "crew", UserName }));
  await client.send(new iam.UpdateUserCommand({ UserName, NewUserName: "lives", NewPath: "/" }));
  const renamed = { UserName: "lives" };
  const { Groups } = await client.send(new iam.ListGroupsForUserCommand(renamed));
  assert.deepEqual(
    Groups!.map(({ GroupName }) => GroupName),
    ["crew"],
  );
  assert.deepEqual((await client.send(new iam.GetGroupCommand({ GroupName: "crew" }))).Users![0]!.UserName, "lives");
  await client.send(new iam.PutUserPolicyCommand({ ...renamed, PolicyName: "p", PolicyDocument: policy("s3:*") }));
  const remove = () => client.send(new iam.DeleteUserCommand(renamed));
  const conflict = (what: string) => refused("DeleteConflictException", `Cannot delete entity, must ${what} first.`);
  await assert.rejects(remove(), conflict("delete policies"));
  await client.send(new iam.DeleteUserPolicyCommand({ ...renamed, PolicyName: "p" }));
  await assert.rejects(remove(), conflict("delete access keys"));
  for (const AccessKeyId of ids) await client.send(new iam.DeleteAccessKeyCommand({ ...renamed, AccessKeyId }));
  await assert.rejects(remove(), conflict("remove users from group"));
  await client.send(new iam.RemoveUserFromGroupCommand({ GroupName: "crew", ...renamed }));
  await remove();
  await client.send(new iam.DeleteGroupCommand({ GroupName: "crew" }));
  await assert.rejects(
    client.send(new iam.GetUserCommand(renamed)),
    refused("NoSuchEntityException", "The user with name lives cannot be found."),
  );
});

test("a policy has five versions, of which one counts", async () => {
  const { Policy } = await client.send(
    new iam.CreatePolicyCommand({ PolicyName: "versions", PolicyDocument: policy("s3:*") }),
  );
  const PolicyArn = Policy!.Arn!;
  const next = (SetAsDefault: boolean) =>
    client.send(new iam.CreatePolicyVersionCommand({ PolicyArn, PolicyDocument: policy("sqs:*"), SetAsDefault }));
  assert.equal((await next(false)).PolicyVersion!.VersionId, "v2");
  await next(true);
  await next(false);
  await next(false);
  await assert.rejects(next(false), refused("LimitExceededException", /^A managed policy can have up to 5 versions\./));
  const { Versions } = await client.send(new iam.ListPolicyVersionsCommand({ PolicyArn }));
  assert.deepEqual(
    Versions!.map(({ VersionId }) => VersionId),
    ["v5", "v4", "v3", "v2", "v1"],
  );
  assert.equal((await client.send(new iam.GetPolicyCommand({ PolicyArn }))).Policy!.DefaultVersionId, "v3");
  const remove = (VersionId: string) => client.send(new iam.DeletePolicyVersionCommand({ PolicyArn, VersionId }));
  await assert.rejects(
    remove("v3"),
    refused("DeleteConflictException", "Cannot delete the default version of a policy."),
  );
  await remove("v5");
  assert.equal((await next(false)).PolicyVersion!.VersionId, "v6");
  await assert.rejects(client.send(new iam.DeletePolicyCommand({ PolicyArn })), refused("DeleteConflictException"));
  for (const version of ["v1", "v2", "v4", "v6"]) await remove(version);
  await client.send(new iam.DeletePolicyCommand({ PolicyArn }));
});

test("AWS's own policies are there to be read, and bad documents are named", async () => {
  const PolicyArn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
  const { PolicyVersion } = await client.send(new iam.GetPolicyVersionCommand({ PolicyArn, VersionId: "v1" }));
  assert.match(decodeURIComponent(PolicyVersion!.Document!), /logs:PutLogEvents/);
  const create = (PolicyDocument: string) =>
    client.send(new iam.CreatePolicyCommand({ PolicyName: "bad", PolicyDocument }));
  const malformed = (message: string) => refused("MalformedPolicyDocumentException", message);
  await assert.rejects(create("{"), malformed("This policy contains invalid Json"));
  await assert.rejects(
    create(policy("PutObject")),
    malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
  );
  await assert.rejects(
    create(JSON.stringify({ Statement: [] })),
    malformed("Policy document must be version 2012-10-17 or greater."),
  );
  await assert.rejects(
    client.send(new iam.AttachRolePolicyCommand({ RoleName: "x", PolicyArn })),
    refused("NoSuchEntityException", "The role with name x cannot be found."),
  );
});

test("lists come in pages that a paginator goes through", async () => {
  const names = Array.from({ length: 7 }, (_, index) => `page-${index}`);
  for (const UserName of names) await client.send(new iam.CreateUserCommand({ UserName, Path: "/pages/" }));
  const found: string[] = [];
  let pages = 0;
  for await (const { Users } of iam.paginateListUsers({ client, pageSize: 3 }, { PathPrefix: "/pages/" })) {
    pages += 1;
    found.push(...Users!.map(({ UserName }) => UserName!));
  }
  assert.deepEqual([pages, found], [3, names]);
  await assert.rejects(
    client.send(new iam.ListUsersCommand({ Marker: "x" })),
    refused("ValidationError", "Invalid Marker x"),
  );
});

test("a web identity is refused clearly, for nobody can vouch for it here", async () => {
  const claims = Buffer.from(JSON.stringify({ iss: "https://id.example" })).toString("base64url");
  const ask = (WebIdentityToken: string) =>
    sts.send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: "arn:aws:iam::000000000000:role/r",
        RoleSessionName: "s",
        WebIdentityToken,
      }),
    );
  await assert.rejects(
    ask(`e30.${claims}.x`),
    refused("InvalidIdentityTokenException", "No OpenIDConnect provider found in your account for https://id.example"),
  );
  await assert.rejects(ask("nonsense"), refused("InvalidIdentityTokenException"));
});

test("whatever stands in a form, IAM and STS answer in their own words and never fail", async () => {
  const actions = [
    "CreateUser",
    "CreateGroup",
    "CreateRole",
    "CreatePolicy",
    "CreatePolicyVersion",
    "PutUserPolicy",
    "AttachUserPolicy",
    "ListUsers",
    "GetUser",
    "CreateAccessKey",
    "UpdateAccessKey",
    "SimulateCustomPolicy",
    "SimulatePrincipalPolicy",
    "AssumeRole",
    "GetSessionToken",
    "GetAccessKeyInfo",
    "AssumeRoleWithWebIdentity",
    "GetContextKeysForCustomPolicy",
    "constructor",
    "__proto__",
  ];
  const fields = [
    "UserName",
    "GroupName",
    "RoleName",
    "PolicyName",
    "PolicyArn",
    "PolicyDocument",
    "AssumeRolePolicyDocument",
    "Path",
    "MaxItems",
    "Marker",
    "PolicyInputList.member.1",
    "ActionNames.member.1",
    "PolicySourceArn",
    "RoleArn",
    "RoleSessionName",
    "DurationSeconds",
    "Tags.member.1.Key",
    "ContextEntries.member.1.ContextKeyName",
    "Policy",
    "WebIdentityToken",
    "AccessKeyId",
    "Status",
    "ResourcePolicy",
  ];
  const value = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 40 }),
    fc.constantFrom(
      "",
      "{}",
      "[]",
      "null",
      '{"Statement":null}',
      policy("s3:*"),
      "arn:aws:iam::000000000000:role/r",
      "-1",
      "1e9",
      "__proto__",
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...actions),
      fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: 6 }),
      async (Action, form) => {
        const body = new URLSearchParams({ ...form, Action });
        const answer = await fetch(door.endpoint, { method: "POST", body });
        const text = await answer.text();
        assert.ok(answer.status < 500, `${Action} ${body}: ${text}`);
        assert.match(text, /^<(ErrorResponse|\w+Response) /);
      },
    ),
    { numRuns: 400 },
  );
});
