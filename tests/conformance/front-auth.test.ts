import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  APIGatewayClient,
  CreateDeploymentCommand,
  CreateRestApiCommand,
  PutIntegrationCommand,
  PutMethodCommand,
} from "@aws-sdk/client-api-gateway";
import {
  ApiGatewayV2Client,
  CreateApiCommand,
  CreateRouteCommand,
  GetRoutesCommand,
} from "@aws-sdk/client-apigatewayv2";
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  IAMClient,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import { AddPermissionCommand, LambdaClient } from "@aws-sdk/client-lambda";
import aws4 from "aws4";
import { createKeyring } from "../../src/edge/auth/keyring.ts";
import { type Door, openDoor } from "./door.ts";
import { ask, makeFunction, makeUrl, returning, type Told } from "./front.ts";

/** The front doors where signatures and permissions are checked. */
interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

let door: Door;
let root: Keys;
const closing: { destroy(): void }[] = [];

before(async () => {
  door = await openDoor(returning({ statusCode: 200, body: "fine" }), undefined, { auth: { mode: "iam" } });
  const keyring = createKeyring(door);
  const key = keyring.create("000000000000", undefined);
  root = { accessKeyId: key.name, secretAccessKey: keyring.secretOf(key) };
  const trust = { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [trust] });
  await clientOf(IAMClient).send(new CreateRoleCommand({ RoleName: "test", AssumeRolePolicyDocument }));
  await makeFunction(clientOf(LambdaClient), "f");
});
after(async () => {
  for (const client of closing) client.destroy();
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
});

function clientOf<T extends { destroy(): void }>(Client: new (options: object) => T, credentials = root): T {
  const client = new Client({ endpoint: door.endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
  closing.push(client);
  return client;
}

/** A user who may this. */
async function userWith(UserName: string, Action: string[], Resource = "*"): Promise<Keys> {
  const iam = clientOf(IAMClient);
  await iam.send(new CreateUserCommand({ UserName }));
  const PolicyDocument = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action, Resource }],
  });
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: "p", PolicyDocument }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  return { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
}

interface Signed {
  readonly keys?: Keys;
  readonly service?: string;
  readonly signQuery?: boolean;
  readonly body?: string;
  /** what is sent in the place of what was signed */
  readonly sentBody?: string;
}

function askSigned(
  host: string,
  path: string,
  { keys = root, service = "lambda", signQuery = false, body, sentBody }: Signed = {},
): Promise<Told> {
  const method = body === undefined ? "GET" : "POST";
  const request = {
    service,
    region: "us-east-1",
    method,
    path,
    host,
    headers: {},
    signQuery,
    ...(body === undefined ? {} : { body }),
  };
  const signed = aws4.sign(request, keys);
  const headers = signQuery ? {} : (signed.headers as Record<string, string>);
  const sent = sentBody ?? body;
  return ask(door, host, { method, path: signed.path ?? path, headers, ...(sent === undefined ? {} : { body: sent }) });
}

test("a function URL with AWS_IAM is for those who may both, by header or query, and for what they have signed", async () => {
  const host = await makeUrl(clientOf(LambdaClient), "f", { AuthType: "AWS_IAM" });
  const both = await userWith("both", ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]);
  const half = await userWith("half", ["lambda:InvokeFunctionUrl"]);
  const told = await askSigned(host, "/a?b=c", { keys: both, body: "text" });
  assert.deepEqual([told.status, told.text], [200, "fine"]);
  const { authorizer, accountId } = JSON.parse(door.invocations.at(-1)!.payload.toString()).requestContext;
  assert.equal(accountId, "000000000000");
  assert.deepEqual(
    [authorizer.iam.userArn, authorizer.iam.accessKey],
    ["arn:aws:iam::000000000000:user/both", both.accessKeyId],
  );
  assert.equal((await askSigned(host, "/", { keys: both, signQuery: true })).status, 200);
  const before = door.invocations.length;
  assert.match((await askSigned(host, "/", { keys: half })).text, /Forbidden\. For troubleshooting/);
  const wrong = await askSigned(host, "/", { keys: { ...both, secretAccessKey: "wrong" } });
  assert.deepEqual([wrong.status, wrong.headers["x-amzn-errortype"]], [403, "InvalidSignatureException"]);
  assert.equal((await askSigned(host, "/", { keys: both, body: "one", sentBody: "two" })).status, 403);
  assert.equal((await askSigned(host, "/", { keys: both, service: "execute-api" })).status, 403);
  assert.deepEqual((await ask(door, host)).text, '{"Message":"Forbidden"}');
  assert.equal(door.invocations.length, before);
});

test("a public URL asks nobody who they are, whatever they say", async () => {
  const lambda = clientOf(LambdaClient);
  await makeFunction(lambda, "open");
  const host = await makeUrl(lambda, "open");
  assert.equal((await ask(door, host)).status, 200);
  assert.equal((await ask(door, host, { headers: { authorization: "Bearer of.news" } })).status, 200);
});

test("an API's routes with AWS_IAM need execute-api:Invoke, the others nothing; its operations need HTTP's methods on its path", async () => {
  const Target = "arn:aws:lambda:us-east-1:000000000000:function:f";
  const gateway = clientOf(ApiGatewayV2Client);
  const Principal = "apigateway.amazonaws.com";
  const permission = { FunctionName: "f", StatementId: "a", Action: "lambda:InvokeFunction", Principal };
  await clientOf(LambdaClient).send(new AddPermissionCommand(permission));
  const { ApiId, ApiEndpoint } = await gateway.send(new CreateApiCommand({ Name: "x", ProtocolType: "HTTP", Target }));
  const { Items = [] } = await gateway.send(new GetRoutesCommand({ ApiId }));
  const route = { ApiId, RouteKey: "GET /signed", Target: Items[0]!.Target, AuthorizationType: "AWS_IAM" } as const;
  await gateway.send(new CreateRouteCommand(route));
  const host = new URL(ApiEndpoint!).host;
  const service = "execute-api";
  assert.equal((await ask(door, host, { path: "/any" })).status, 200);
  assert.equal((await ask(door, host, { path: "/signed" })).status, 403);
  assert.equal(
    (await askSigned(host, "/signed", { service, keys: await userWith("may", ["execute-api:Invoke"]) })).status,
    200,
  );
  const other = await userWith("other", ["apigateway:GET"]);
  assert.equal((await askSigned(host, "/signed", { service, keys: other })).status, 403);
  await clientOf(ApiGatewayV2Client, other).send(new GetRoutesCommand({ ApiId }));
  await assert.rejects(
    clientOf(ApiGatewayV2Client, other).send(new CreateRouteCommand({ ApiId, RouteKey: "GET /more" })),
    new RegExp(
      `is not authorized to perform: apigateway:POST on resource: arn:aws:apigateway:us-east-1::/apis/${ApiId}/routes`,
    ),
  );
});

test("a REST API's methods with AWS_IAM need execute-api:Invoke for stage, method and path, in AWS's words", async () => {
  const gateway = clientOf(APIGatewayClient);
  const Principal = "apigateway.amazonaws.com";
  const FunctionName = "behind";
  await makeFunction(clientOf(LambdaClient), FunctionName);
  const permission = { FunctionName, StatementId: "a", Action: "lambda:InvokeFunction", Principal };
  await clientOf(LambdaClient).send(new AddPermissionCommand(permission));
  const { id, rootResourceId } = await gateway.send(new CreateRestApiCommand({ name: "r" }));
  const at = { restApiId: id!, resourceId: rootResourceId!, httpMethod: "ANY" };
  await gateway.send(new PutMethodCommand({ ...at, authorizationType: "AWS_IAM" }));
  const uri = `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:${FunctionName}/invocations`;
  await gateway.send(new PutIntegrationCommand({ ...at, type: "AWS_PROXY", integrationHttpMethod: "POST", uri }));
  await gateway.send(new CreateDeploymentCommand({ restApiId: id!, stageName: "s" }));
  const host = `${id}.execute-api.us-east-1.localhost`;
  const service = "execute-api";
  const reader = await userWith("reader", ["execute-api:Invoke"], `arn:aws:execute-api:us-east-1:*:${id}/s/GET/*`);
  const told = await askSigned(host, "/s", { service, keys: reader });
  assert.deepEqual([told.status, told.text], [200, "fine"]);
  const { identity } = JSON.parse(door.invocations.at(-1)!.payload.toString()).requestContext;
  assert.deepEqual(
    [identity.userArn, identity.accessKey, identity.accountId],
    ["arn:aws:iam::000000000000:user/reader", reader.accessKeyId, "000000000000"],
  );
  const before = door.invocations.length;
  const refused = async (asked: Promise<Told>) => {
    const { status, text, headers } = await asked;
    return [status, headers["x-amzn-errortype"], text];
  };
  const resource = `arn:aws:execute-api:us-east-1:000000000000:${id}/s/POST/`;
  assert.deepEqual(await refused(askSigned(host, "/s", { service, keys: reader, body: "x" })), [
    403,
    "AccessDeniedException",
    `{"Message":"User: arn:aws:iam::000000000000:user/reader is not authorized to perform: execute-api:Invoke on resource: ${resource} because no identity-based policy allows the execute-api:Invoke action"}`,
  ]);
  assert.deepEqual(await refused(ask(door, host, { path: "/s" })), [
    403,
    "MissingAuthenticationTokenException",
    '{"message":"Missing Authentication Token"}',
  ]);
  const forged = await askSigned(host, "/s", { service, keys: { ...reader, secretAccessKey: "wrong" } });
  assert.equal(forged.status, 403);
  assert.equal((await askSigned(host, "/s", { keys: reader })).status, 403);
  assert.equal(door.invocations.length, before);
});
