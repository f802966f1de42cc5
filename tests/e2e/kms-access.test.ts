import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from "@aws-sdk/client-iam";
import {
  CreateGrantCommand,
  CreateKeyCommand,
  DecryptCommand,
  EncryptCommand,
  KMSClient,
  ListGrantsCommand,
  ListRetirableGrantsCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
} from "@aws-sdk/client-kms";
import { type Server, startServer } from "./server.ts";

/** Who may use a key, where permissions are checked: its policy decides, and grants beside it. */
let server: Server;
let root: KMSClient;
let operator: { accessKeyId: string; secretAccessKey: string };
const clients: { destroy(): void }[] = [];
const account = "arn:aws:iam::000000000000";

before(async () => {
  server = await startServer({ args: ["--auth", "iam"] });
  const file = JSON.parse(readFileSync(join(server.dataDir, "operator.json"), "utf8"));
  operator = { accessKeyId: file.AccessKeyId, secretAccessKey: file.SecretAccessKey };
  root = kmsOf(operator);
});
after(async () => {
  for (const client of clients) client.destroy();
  await server[Symbol.asyncDispose]();
});

const options = (credentials = operator) => ({ endpoint: server.endpoint, region: "us-east-1", credentials });

function kmsOf(credentials: typeof operator): KMSClient {
  const client = new KMSClient({ ...options(credentials), maxAttempts: 1 });
  clients.push(client);
  return client;
}

/** A user, who may do these by policies of its own. */
async function userOf(UserName: string, ...actions: string[]): Promise<KMSClient> {
  const iam = new IAMClient(options());
  clients.push(iam);
  await iam.send(new CreateUserCommand({ UserName }));
  if (actions.length > 0) {
    const Statement = [{ Effect: "Allow", Action: actions, Resource: "*" }];
    const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement });
    await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: "p", PolicyDocument }));
  }
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  return kmsOf({ accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! });
}

const statement = (Effect: string, user: string, Action: string | string[], more: object = {}) => ({
  Effect,
  Principal: { AWS: `${account}:${user}` },
  Action,
  Resource: "*",
  ...more,
});

async function keyWith(...statements: object[]): Promise<string> {
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  const { KeyMetadata } = await root.send(new CreateKeyCommand({ Policy, BypassPolicyLockoutSafetyCheck: true }));
  return KeyMetadata!.KeyId!;
}

const seal = (client: KMSClient, KeyId: string, EncryptionContext: Record<string, string> = {}) =>
  client.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from("x"), EncryptionContext }));
const denied = { name: "AccessDeniedException" };

test("a key's policy lets in whom it names, and nobody else, whatever their own policies say", async () => {
  const [named, mighty] = [await userOf("named"), await userOf("mighty", "kms:*")];
  const key = await keyWith(statement("Allow", "user/named", ["kms:Encrypt", "kms:PutKeyPolicy"]));
  await seal(named, key);
  await assert.rejects(seal(mighty, key), {
    ...denied,
    message: /kms:Encrypt on resource: .* because no resource-based policy allows the kms:Encrypt action$/,
  });
  await assert.rejects(seal(root, key), denied);
  await assert.rejects(
    named.send(new DecryptCommand({ CiphertextBlob: (await seal(named, key)).CiphertextBlob })),
    denied,
  );
  const Policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [statement("Allow", "root", "kms:*"), statement("Deny", "user/named", "kms:Encrypt")],
  });
  await named.send(new PutKeyPolicyCommand({ KeyId: key, Policy }));
  await assert.rejects(seal(named, key), { ...denied, message: /with an explicit deny in a resource-based policy$/ });
  await seal(mighty, key);
});

test("a policy asks for an encryption context, and for both keys of a new encryption", async () => {
  const user = await userOf("careful");
  const Condition = { StringEquals: { "kms:EncryptionContext:app": "a" } };
  const from = await keyWith(
    statement("Allow", "user/careful", "kms:Encrypt", { Condition }),
    statement("Allow", "user/careful", "kms:ReEncryptFrom"),
  );
  await assert.rejects(seal(user, from), denied);
  await assert.rejects(seal(user, from, { app: "b" }), denied);
  const { CiphertextBlob } = await seal(user, from, { app: "a" });
  const into = (DestinationKeyId: string) =>
    user.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId, SourceEncryptionContext: { app: "a" } }));
  await assert.rejects(into(await keyWith(statement("Allow", "user/careful", "kms:Encrypt"))), denied);
  await into(await keyWith(statement("Allow", "user/careful", "kms:ReEncryptTo")));
});

test("a grant lets somebody in for its operations and its context, until it is retired or revoked", async () => {
  const [grantee, retiring] = [await userOf("grantee"), await userOf("retiring")];
  const KeyId = await keyWith(statement("Allow", "root", "kms:*"));
  await assert.rejects(seal(grantee, KeyId, { app: "a" }), denied);
  const wanted = {
    KeyId,
    GranteePrincipal: `${account}:user/grantee`,
    RetiringPrincipal: `${account}:user/retiring`,
    Operations: ["Encrypt" as const],
    Constraints: { EncryptionContextSubset: { app: "a" } },
    Name: "once",
  };
  const { GrantId, GrantToken } = await root.send(new CreateGrantCommand(wanted));
  assert.equal((await root.send(new CreateGrantCommand(wanted))).GrantId, GrantId);
  const { CiphertextBlob } = await seal(grantee, KeyId, { app: "a", more: "b" });
  await assert.rejects(seal(grantee, KeyId), denied);
  const open = { CiphertextBlob, EncryptionContext: { app: "a", more: "b" } };
  await assert.rejects(grantee.send(new DecryptCommand(open)), denied);

  const { Grants } = await root.send(new ListGrantsCommand({ KeyId }));
  assert.deepEqual([Grants?.length, Grants?.[0]?.Name, Grants?.[0]?.Operations], [1, "once", ["Encrypt"]]);
  const retirable = { RetiringPrincipal: `${account}:user/retiring` };
  assert.equal((await root.send(new ListRetirableGrantsCommand(retirable))).Grants?.[0]?.GrantId, GrantId);
  await assert.rejects(grantee.send(new RetireGrantCommand({ GrantToken })), denied);
  await retiring.send(new RetireGrantCommand({ GrantToken }));
  await assert.rejects(seal(grantee, KeyId, { app: "a" }), denied);

  const second = await root.send(new CreateGrantCommand({ ...wanted, Constraints: undefined }));
  await seal(grantee, KeyId);
  await assert.rejects(retiring.send(new RevokeGrantCommand({ KeyId, GrantId: second.GrantId })), denied);
  await root.send(new RevokeGrantCommand({ KeyId, GrantId: second.GrantId }));
  await assert.rejects(seal(grantee, KeyId), denied);
  await assert.rejects(root.send(new RevokeGrantCommand({ KeyId, GrantId: second.GrantId })), {
    name: "NotFoundException",
  });
});
