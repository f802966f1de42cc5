import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  BatchGetSecretValueCommand,
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetRandomPasswordCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  RestoreSecretCommand,
  SecretsManagerClient,
  UpdateSecretCommand,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import {
  AddTagsToResourceCommand,
  DeleteParametersCommand,
  DescribeParametersCommand,
  GetParameterCommand,
  GetParameterHistoryCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  LabelParameterVersionCommand,
  ListTagsForResourceCommand,
  PutParameterCommand,
  SSMClient,
} from "@aws-sdk/client-ssm";
import fc from "../properties.ts";
import { type Server, startServer } from "./server.ts";

/** Parameter Store and Secrets Manager, on a platform that is killed in between. */
let server: Server;
let ssm: SSMClient;
let secrets: SecretsManagerClient;
const secretText = "not-to-be-found-on-the-disk";
const named = (name: string) => (error: Error) => error.name === name;

function connect(): void {
  const config = {
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  };
  ssm = new SSMClient(config);
  secrets = new SecretsManagerClient(config);
}

before(async () => {
  server = await startServer();
  connect();
});
after(async () => {
  ssm.destroy();
  secrets.destroy();
  const { dataDir } = server;
  await server[Symbol.asyncDispose]();
  rmSync(dataDir, { recursive: true, force: true });
});

test("parameters have versions, labels, a history and tags", async () => {
  const Name = "/app/db/host";
  await ssm.send(new PutParameterCommand({ Name, Value: "one", Type: "String" }));
  await assert.rejects(
    ssm.send(new PutParameterCommand({ Name, Value: "two", Type: "String" })),
    named("ParameterAlreadyExists"),
  );
  const put = await ssm.send(new PutParameterCommand({ Name, Value: "two", Overwrite: true }));
  assert.equal(put.Version, 2);
  await ssm.send(new LabelParameterVersionCommand({ Name, ParameterVersion: 1, Labels: ["old"] }));
  const value = async (name: string) => (await ssm.send(new GetParameterCommand({ Name: name }))).Parameter!.Value;
  assert.equal(await value(Name), "two");
  assert.equal(await value(`${Name}:1`), "one");
  assert.equal(await value(`${Name}:old`), "one");
  await assert.rejects(value(`${Name}:9`), named("ParameterVersionNotFound"));
  await assert.rejects(value("/nobody"), named("ParameterNotFound"));
  assert.equal((await ssm.send(new GetParameterHistoryCommand({ Name }))).Parameters!.length, 2);
  await ssm.send(
    new AddTagsToResourceCommand({ ResourceType: "Parameter", ResourceId: Name, Tags: [{ Key: "a", Value: "1" }] }),
  );
  const tags = await ssm.send(new ListTagsForResourceCommand({ ResourceType: "Parameter", ResourceId: Name }));
  assert.deepEqual(tags.TagList, [{ Key: "a", Value: "1" }]);
});

test("parameters are found by path, by filter and several at once", async () => {
  await ssm.send(new PutParameterCommand({ Name: "/app/name", Value: "n", Type: "String" }));
  await ssm.send(new PutParameterCommand({ Name: "/cdk-bootstrap/hnb659fds/version", Value: "21", Type: "String" }));
  const path = async (Recursive: boolean) =>
    (await ssm.send(new GetParametersByPathCommand({ Path: "/app", Recursive }))).Parameters!.map(({ Name }) => Name);
  assert.deepEqual(await path(false), ["/app/name"]);
  assert.deepEqual(await path(true), ["/app/db/host", "/app/name"]);
  const several = await ssm.send(new GetParametersCommand({ Names: ["/app/name", "/nobody"] }));
  assert.deepEqual(several.InvalidParameters, ["/nobody"]);
  const described = await ssm.send(
    new DescribeParametersCommand({ ParameterFilters: [{ Key: "Name", Option: "BeginsWith", Values: ["/cdk"] }] }),
  );
  assert.equal(described.Parameters!.length, 1);
  const gone = await ssm.send(new DeleteParametersCommand({ Names: ["/app/name", "/nobody"] }));
  assert.deepEqual(gone.DeletedParameters, ["/app/name"]);
});

test("a secret has versions, whose stages move", async () => {
  const made = await secrets.send(new CreateSecretCommand({ Name: "db", SecretString: secretText }));
  assert.match(made.ARN!, /:secret:db-[A-Za-z0-9]{6}$/);
  await assert.rejects(
    secrets.send(new CreateSecretCommand({ Name: "db", SecretString: "x" })),
    named("ResourceExistsException"),
  );
  const put = await secrets.send(new PutSecretValueCommand({ SecretId: "db", SecretString: "second" }));
  const get = async (input = {}) =>
    (await secrets.send(new GetSecretValueCommand({ SecretId: "db", ...input }))).SecretString;
  assert.equal(await get(), "second");
  assert.equal(await get({ VersionStage: "AWSPREVIOUS" }), secretText);
  assert.equal(await get({ VersionId: made.VersionId }), secretText);
  await secrets.send(
    new UpdateSecretVersionStageCommand({
      SecretId: made.ARN,
      VersionStage: "AWSCURRENT",
      MoveToVersionId: made.VersionId,
      RemoveFromVersionId: put.VersionId,
    }),
  );
  assert.equal(await get(), secretText);
  await secrets.send(new UpdateSecretCommand({ SecretId: "db", Description: "the database" }));
  const described = await secrets.send(new DescribeSecretCommand({ SecretId: "db" }));
  assert.deepEqual(described.VersionIdsToStages, {
    [made.VersionId!]: ["AWSCURRENT"],
    [put.VersionId!]: ["AWSPREVIOUS"],
  });
  assert.equal((await secrets.send(new ListSecretVersionIdsCommand({ SecretId: "db" }))).Versions!.length, 2);
  const batch = await secrets.send(new BatchGetSecretValueCommand({ SecretIdList: ["db", "nobody"] }));
  assert.equal(batch.SecretValues!.length, 1);
  assert.equal(batch.Errors![0]!.ErrorCode, "ResourceNotFoundException");
});

test("a secret is deleted, restored, and deleted for good", async () => {
  await secrets.send(new CreateSecretCommand({ Name: "bin", SecretBinary: Buffer.from([0, 255]) }));
  const get = () => secrets.send(new GetSecretValueCommand({ SecretId: "bin" }));
  assert.deepEqual([...(await get()).SecretBinary!], [0, 255]);
  await secrets.send(new DeleteSecretCommand({ SecretId: "bin", RecoveryWindowInDays: 7 }));
  await assert.rejects(get(), named("InvalidRequestException"));
  const list = async () => (await secrets.send(new ListSecretsCommand({}))).SecretList!.map(({ Name }) => Name);
  assert.deepEqual(await list(), ["db"]);
  await secrets.send(new RestoreSecretCommand({ SecretId: "bin" }));
  await get();
  await secrets.send(new DeleteSecretCommand({ SecretId: "bin", ForceDeleteWithoutRecovery: true }));
  await assert.rejects(get(), named("ResourceNotFoundException"));
});

test("passwords are as they were asked for", async () => {
  const ask = async (input: object) => (await secrets.send(new GetRandomPasswordCommand(input))).RandomPassword!;
  assert.equal((await ask({})).length, 32);
  assert.match(
    await ask({ PasswordLength: 40, ExcludePunctuation: true, ExcludeCharacters: "abc" }),
    /^[A-Zd-z0-9]{40}$/,
  );
  assert.match(await ask({ PasswordLength: 4 }), /(?=.*\d)(?=.*[a-z])(?=.*[A-Z])/);
});

test("what is secret is sealed on the disk, survives a kill, and is referred to by Parameter Store", async () => {
  const Name = "/app/token";
  await ssm.send(new PutParameterCommand({ Name, Value: secretText, Type: "SecureString" }));
  const { dataDir } = server;
  await server.kill();
  for (const file of readdirSync(dataDir).filter((name) => name.includes("sqlite"))) {
    assert.ok(!readFileSync(join(dataDir, file), "latin1").includes(secretText), file);
  }
  server = await startServer({ dataDir });
  connect();
  const value = async (name: string, WithDecryption: boolean) =>
    (await ssm.send(new GetParameterCommand({ Name: name, WithDecryption }))).Parameter!.Value;
  assert.equal(await value(Name, true), secretText);
  assert.notEqual(await value(Name, false), secretText);
  assert.equal(await value("/aws/reference/secretsmanager/db", true), secretText);
  await assert.rejects(value("/aws/reference/secretsmanager/db", false), named("ValidationException"));
});

test("bad input is refused in the services' words and never by a failure of the platform", async () => {
  const anything = fc.oneof(fc.string(), fc.jsonValue());
  const calls = [
    "AmazonSSM.PutParameter",
    "AmazonSSM.GetParametersByPath",
    "AmazonSSM.GetParameters",
    "secretsmanager.CreateSecret",
    "secretsmanager.GetSecretValue",
    "secretsmanager.UpdateSecretVersionStage",
  ];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...calls), anything, anything, async (target, one, other) => {
      const answer = await fetch(server.endpoint, {
        method: "POST",
        headers: {
          "x-amz-target": target,
          authorization:
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ssm/aws4_request, SignedHeaders=host, Signature=0",
        },
        body: JSON.stringify({
          Name: one,
          Value: other,
          Type: one,
          Path: one,
          Names: other,
          SecretId: one,
          SecretString: other,
          VersionStage: other,
          NextToken: one,
        }),
      });
      // once in a while chance makes a name of a secret that is allowed
      const good =
        target === "secretsmanager.CreateSecret" &&
        /^[\w/+=.@-]{1,512}$/.test(String(one)) &&
        typeof one === "string" &&
        typeof other === "string";
      const text = await answer.text();
      assert.ok(answer.status === 400 || (good && answer.status === 200), `${answer.status} ${text}`);
    }),
    { numRuns: 60 },
  );
});
