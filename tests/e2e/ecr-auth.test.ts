import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  CreateRepositoryCommand,
  ECRClient,
  GetAuthorizationTokenCommand,
  ListImagesCommand,
} from "@aws-sdk/client-ecr";
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from "@aws-sdk/client-iam";
import { type Server, startServer } from "./server.ts";

/** The registry where permissions are checked: its password is worth what the key that asked for it is. */
let server: Server;
let operator: { accessKeyId: string; secretAccessKey: string };

before(async () => {
  server = await startServer({ args: ["--auth", "iam"] });
  const file = JSON.parse(readFileSync(join(server.dataDir, "operator.json"), "utf8"));
  operator = { accessKeyId: file.AccessKeyId, secretAccessKey: file.SecretAccessKey };
});
after(() => server[Symbol.asyncDispose]());

const options = (credentials = operator) => ({
  endpoint: server.endpoint,
  region: "us-east-1",
  credentials,
  maxAttempts: 1,
});

async function login(ecr: ECRClient): Promise<Record<string, string>> {
  const { authorizationData } = await ecr.send(new GetAuthorizationTokenCommand());
  return { authorization: `Basic ${authorizationData![0]!.authorizationToken}` };
}

const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
  fetch(`${server.endpoint}/v2/${path}`, { method, headers });

test("without a password nobody gets in, and with a user's whoever may what is asked", async () => {
  const ecr = new ECRClient(options());
  const iam = new IAMClient(options());
  await ecr.send(new CreateRepositoryCommand({ repositoryName: "open" }));
  await ecr.send(new CreateRepositoryCommand({ repositoryName: "closed" }));
  await iam.send(new CreateUserCommand({ UserName: "pusher" }));
  const statements = [
    { Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
    { Effect: "Allow", Action: "ecr:InitiateLayerUpload", Resource: "arn:aws:ecr:*:*:repository/open" },
  ];
  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  await iam.send(new PutUserPolicyCommand({ UserName: "pusher", PolicyName: "p", PolicyDocument }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: "pusher" }));
  const key = { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
  const pusher = new ECRClient(options(key));

  const anybody = await ask("GET", "");
  assert.equal(anybody.status, 401);
  assert.match(anybody.headers.get("www-authenticate") ?? "", /^Basic realm="http:.*",service="ecr.amazonaws.com"$/);
  assert.equal((await ask("POST", "open/blobs/uploads/")).status, 401);
  const made = { authorization: `Basic ${Buffer.from("AWS:made up").toString("base64")}` };
  assert.equal((await ask("GET", "", made)).status, 403);

  const headers = await login(pusher);
  assert.equal((await ask("GET", "", headers)).status, 200);
  assert.equal((await ask("POST", "open/blobs/uploads/", headers)).status, 202);
  const statuses = await Promise.all([
    ask("POST", "closed/blobs/uploads/", headers),
    ask("GET", "open/tags/list", headers),
    ask("GET", "_catalog", headers),
  ]);
  assert.deepEqual(
    statuses.map(({ status }) => status),
    [403, 403, 403],
  );
  await assert.rejects(pusher.send(new ListImagesCommand({ repositoryName: "open" })), {
    name: "AccessDeniedException",
  });
  const root = await login(ecr);
  assert.deepEqual(await (await ask("GET", "_catalog", root)).json(), { repositories: ["closed", "open"] });
  assert.equal((await ask("GET", "open/tags/list", root)).status, 200);
  for (const client of [ecr, iam, pusher]) client.destroy();
});
