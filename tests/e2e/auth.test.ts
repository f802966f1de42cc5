import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  IAMClient,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import { CreateAliasCommand, CreateKeyCommand, DecryptCommand, EncryptCommand, KMSClient } from "@aws-sdk/client-kms";
import * as lambda from "@aws-sdk/client-lambda";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateSecretCommand, GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { zipOf } from "../conformance/door.ts";
import { awsCliVersion, runClient } from "./clients.ts";
import { root, type Server, startServer } from "./server.ts";

let server: Server;
let keys: Record<string, string>;
const Role = "arn:aws:iam::000000000000:role/runner";

/** Answers with the credentials that it was given. */
const source = `exports.handler = async () => ({
  accessKeyId: process.env.AWS_ACCESS_KEY_ID,
  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
  sessionToken: process.env.AWS_SESSION_TOKEN,
  log: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
});`;

before(async () => {
  server = await startServer({ args: ["--auth", "iam"] });
  keys = shown();
});
after(() => server[Symbol.asyncDispose]());

/** What `thaw env` prints to somebody without credentials. */
function shown(): Record<string, string> {
  const { AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _secret, AWS_PROFILE: _profile, ...env } = process.env;
  const command = ["env", "--json", "--endpoint", server.endpoint];
  return JSON.parse(execFileSync(join(root, "bin/thaw"), command, { env, encoding: "utf8" })) as Record<string, string>;
}

const runCommand = (args: readonly string[], env: NodeJS.ProcessEnv) =>
  spawnSync(join(root, "bin/thaw"), args, { env, encoding: "utf8" });

const options = (credentials = operator()) => ({ endpoint: server.endpoint, region: "us-east-1", credentials });
const operator = () => ({ accessKeyId: keys.AWS_ACCESS_KEY_ID!, secretAccessKey: keys.AWS_SECRET_ACCESS_KEY! });

test("`thaw env` gives the operator a key that lets it in, and keeps it in a file of its own", async () => {
  const { Arn } = await new STSClient(options()).send(new GetCallerIdentityCommand());
  assert.equal(Arn, "arn:aws:iam::000000000000:root");
  assert.equal(statSync(join(server.dataDir, "operator.json")).mode & 0o777, 0o600);
  assert.deepEqual(shown(), keys);
  const listed = (env: Record<string, string>) =>
    runCommand(["ps", "--json", "--endpoint", server.endpoint], { ...process.env, ...env });
  assert.equal(listed(keys).status, 0);
  const refused = listed({ AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
  assert.equal(refused.status, 1);
  assert.match(refused.stdout + refused.stderr, /thaw env --force/);
  const stranger = new lambda.LambdaClient(options({ accessKeyId: "test", secretAccessKey: "test" }));
  await assert.rejects(stranger.send(new lambda.ListFunctionsCommand()), { name: "UnrecognizedClientException" });
  assert.equal((await fetch(`${server.endpoint}/_thaw/environments`)).status, 403);
});

test("a function has its role's credentials, each environment and each copy its own, and may what the role may", async () => {
  const iam = new IAMClient(options());
  const client = new lambda.LambdaClient(options());
  const policy = (Action: string) =>
    JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, Resource: "*" }] });
  const AssumeRolePolicyDocument = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
  });
  await iam.send(new CreateRoleCommand({ RoleName: "runner", AssumeRolePolicyDocument }));
  const Code = { ZipFile: await zipOf({ "index.js": source }) };
  const FunctionName = "who";
  const Runtime = "nodejs24.x";
  await client.send(new lambda.CreateFunctionCommand({ FunctionName, Role, Code, Runtime, Handler: "index.handler" }));
  await lambda.waitUntilFunctionActiveV2({ client, maxWaitTime: 60 }, { FunctionName });
  const ask = async () => {
    const { Payload } = await client.send(new lambda.InvokeCommand({ FunctionName }));
    const { log, ...credentials } = JSON.parse(Buffer.from(Payload!).toString()) as Record<string, string>;
    return { log, credentials: credentials as unknown as ReturnType<typeof operator> };
  };
  const answers = await Promise.all([ask(), ask(), ask(), ask()]);
  const environments = new Set(answers.map(({ log }) => log));
  assert.equal(new Set(answers.map(({ credentials }) => credentials.accessKeyId)).size, environments.size);
  const { credentials } = answers[0];
  const { Arn } = await new STSClient(options(credentials)).send(new GetCallerIdentityCommand());
  assert.equal(Arn, "arn:aws:sts::000000000000:assumed-role/runner/who");
  const inside = new lambda.LambdaClient(options(credentials));
  await assert.rejects(inside.send(new lambda.ListFunctionsCommand()), { name: "AccessDeniedException" });
  const PolicyDocument = policy("lambda:ListFunctions");
  await iam.send(new PutRolePolicyCommand({ RoleName: "runner", PolicyName: "list", PolicyDocument }));
  assert.equal((await inside.send(new lambda.ListFunctionsCommand())).Functions?.length, 1);
});

test("a key of KMS is named by its ARN in policies, whatever a request calls it", async () => {
  const kms = new KMSClient(options());
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  const { KeyId, Arn } = KeyMetadata!;
  await kms.send(new CreateAliasCommand({ AliasName: "alias/mine", TargetKeyId: KeyId }));
  const iam = new IAMClient(options());
  const UserName = "sealer";
  await iam.send(new CreateUserCommand({ UserName }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  const keys = { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
  const own = new KMSClient(options(keys));
  const seal = () => own.send(new EncryptCommand({ KeyId: "alias/mine", Plaintext: Buffer.from("x") }));
  await assert.rejects(seal(), {
    name: "AccessDeniedException",
    message: `User: arn:aws:iam::000000000000:user/sealer is not authorized to perform: kms:Encrypt on resource: ${Arn} because no identity-based policy allows the kms:Encrypt action`,
  });
  const PolicyDocument = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "kms:Encrypt", Resource: Arn }],
  });
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: "p", PolicyDocument }));
  const { CiphertextBlob, KeyId: used } = await seal();
  assert.equal(used, Arn);
  // Nothing but the ciphertext says which key it is of.
  await assert.rejects(own.send(new DecryptCommand({ CiphertextBlob })), {
    name: "AccessDeniedException",
    message: new RegExp(`kms:Decrypt on resource: ${Arn} because`),
  });
});

test("a secret is named by its whole ARN in policies, whatever a request calls it", async () => {
  const { ARN = "" } = await new SecretsManagerClient(options()).send(
    new CreateSecretCommand({ Name: "prod", SecretString: "x" }),
  );
  const iam = new IAMClient(options());
  const UserName = "reader";
  await iam.send(new CreateUserCommand({ UserName }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  const keys = { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
  const own = new SecretsManagerClient(options(keys));
  const policy = (Effect: string, PolicyName: string) => {
    const Statement = [
      { Effect: "Allow", Action: "secretsmanager:*", Resource: "*" },
      { Effect, Action: "*", Resource: `${ARN.slice(0, -6)}??????` },
    ];
    const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement });
    return iam.send(new PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument }));
  };
  await policy("Deny", "p");
  for (const SecretId of ["prod", ARN, ARN.slice(0, -7)]) {
    await assert.rejects(
      own.send(new GetSecretValueCommand({ SecretId })),
      { name: "AccessDeniedException" },
      SecretId,
    );
  }
  await policy("Allow", "p");
  assert.equal((await own.send(new GetSecretValueCommand({ SecretId: "prod" }))).SecretString, "x");
});

test("code is read out of a bucket in the name of whoever gives it", async () => {
  const s3 = new S3Client({ ...options(), forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: "archives" }));
  const Body = await zipOf({ bootstrap: "#!/bin/sh\n" });
  await s3.send(new PutObjectCommand({ Bucket: "archives", Key: "f.zip", Body }));
  const iam = new IAMClient(options());
  const UserName = "deployer";
  await iam.send(new CreateUserCommand({ UserName }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  const own = new lambda.LambdaClient(
    options({ accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! }),
  );
  const allow = (Action: string | string[], PolicyName: string) => {
    const Statement = [{ Effect: "Allow", Action, Resource: "*" }];
    const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement });
    return iam.send(new PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument }));
  };
  await allow(["lambda:*", "iam:PassRole"], "functions");
  const Code = { S3Bucket: "archives", S3Key: "f.zip" };
  const make = () =>
    own.send(
      new lambda.CreateFunctionCommand({ FunctionName: "read", Role, Code, Runtime: "provided.al2023", Handler: "h" }),
    );
  await assert.rejects(make(), {
    name: "AccessDeniedException",
    message: /permission to GetObject for archives\/f.zip/,
  });
  await allow("s3:GetObject", "objects");
  assert.equal((await make()).CodeSize, Body.length);
  await own.send(new lambda.DeleteFunctionCommand({ FunctionName: "read" }));
});

test("the aws command makes a user with a key, which may what its policy says", async (t) => {
  const version = await awsCliVersion().catch((error: Error) => error);
  if (version instanceof Error) return t.skip(`no aws command: ${version.message}`);
  const run = (as: Record<string, string>, ...args: string[]) =>
    runClient("aws", args, { ...keys, ...as, AWS_PAGER: "", AWS_MAX_ATTEMPTS: "1", AWS_DEFAULT_OUTPUT: "json" });
  const aws = async (as: Record<string, string>, ...args: string[]) => {
    const { code, stdout, stderr } = await run(as, ...args);
    assert.equal(code, 0, `aws ${args.join(" ")}: ${stderr}`);
    return stdout.trim() === "" ? undefined : JSON.parse(stdout);
  };
  await aws({}, "iam", "create-user", "--user-name", "cli", "--path", "/people/");
  const document = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "lambda:GetFunction", Resource: "arn:aws:lambda:*:*:function:who" }],
  });
  const named = ["--user-name", "cli"];
  await aws({}, "iam", "put-user-policy", ...named, "--policy-name", "own", "--policy-document", document);
  const { AccessKey } = await aws({}, "iam", "create-access-key", ...named);
  const user = { AWS_ACCESS_KEY_ID: AccessKey.AccessKeyId, AWS_SECRET_ACCESS_KEY: AccessKey.SecretAccessKey };
  assert.equal((await aws(user, "sts", "get-caller-identity")).Arn, "arn:aws:iam::000000000000:user/people/cli");
  // A whole ARN in a path is what signers encode twice.
  const arn = "arn:aws:lambda:us-east-1:000000000000:function:who";
  assert.equal((await aws(user, "lambda", "get-function", "--function-name", arn)).Configuration.FunctionArn, arn);
  const refused = await run(user, "lambda", "invoke", "--function-name", "who", "/dev/null");
  assert.match(
    refused.stderr,
    /\(AccessDeniedException\) when calling the Invoke operation: User: arn:aws:iam::000000000000:user\/people\/cli is not authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:us-east-1:000000000000:function:who because/,
  );
  const wrong = await run({ ...user, AWS_SECRET_ACCESS_KEY: "wrong" }, "iam", "get-user");
  assert.match(wrong.stderr, /\(SignatureDoesNotMatch\) when calling the GetUser operation/);
});

test("keys, users and permissions are there again after the platform was killed", async () => {
  const { dataDir } = server;
  await server.kill();
  server = await startServer({ dataDir, args: ["--auth", "iam"] });
  assert.deepEqual({ ...shown(), AWS_ENDPOINT_URL: "" }, { ...keys, AWS_ENDPOINT_URL: "" });
  assert.equal((await new lambda.LambdaClient(options()).send(new lambda.ListFunctionsCommand())).Functions?.length, 1);
});
