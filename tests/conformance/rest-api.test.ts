import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import {
  APIGatewayClient,
  CreateApiKeyCommand,
  CreateAuthorizerCommand,
  CreateDeploymentCommand,
  CreateModelCommand,
  CreateRequestValidatorCommand,
  CreateResourceCommand,
  CreateRestApiCommand,
  CreateStageCommand,
  CreateUsagePlanCommand,
  CreateUsagePlanKeyCommand,
  DeleteDeploymentCommand,
  DeleteRestApiCommand,
  GetResourcesCommand,
  GetRestApiCommand,
  GetRestApisCommand,
  GetStageCommand,
  GetTagsCommand,
  ImportRestApiCommand,
  PutGatewayResponseCommand,
  PutIntegrationCommand,
  PutIntegrationResponseCommand,
  PutMethodCommand,
  type PutMethodCommandInput,
  PutMethodResponseCommand,
  PutRestApiCommand,
  TagResourceCommand,
  UpdateRestApiCommand,
  UpdateStageCommand,
  UpdateUsagePlanCommand,
} from "@aws-sdk/client-api-gateway";
import { AddPermissionCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import aws4 from "aws4";
import { type Door, echo, openDoor, type Run } from "./door.ts";
import { type Asked, ask, lambdaClient, makeFunction, returning } from "./front.ts";

/** REST APIs as SDKs make them and clients call them; the function itself is played by the test. */
let door: Door;
let lambda: LambdaClient;
let client: APIGatewayClient;
let run: Run = echo;

const arn = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
const uri = (name: string) => `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${arn(name)}/invocations`;

before(async () => {
  door = await openDoor((invocation) => run(invocation));
  lambda = lambdaClient(door);
  client = new APIGatewayClient({
    endpoint: door.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
  for (const FunctionName of ["f", "auth"]) {
    await makeFunction(lambda, FunctionName);
    const Principal = "apigateway.amazonaws.com";
    const StatementId = "apis";
    await lambda.send(
      new AddPermissionCommand({ FunctionName, StatementId, Action: "lambda:InvokeFunction", Principal }),
    );
  }
});
after(async () => {
  lambda.destroy();
  client.destroy();
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
});

/** An API with nothing in it: its id and its root's. */
async function newApi(more: object = {}) {
  const { id, rootResourceId } = await client.send(new CreateRestApiCommand({ name: "a", ...more }));
  return { restApiId: id!, resourceId: rootResourceId! };
}

async function child({ restApiId, resourceId }: Awaited<ReturnType<typeof newApi>>, pathPart: string) {
  const made = await client.send(new CreateResourceCommand({ restApiId, parentId: resourceId, pathPart }));
  return { restApiId, resourceId: made.id! };
}

async function proxied(
  at: Awaited<ReturnType<typeof newApi>>,
  method: Partial<PutMethodCommandInput> = {},
  name = "f",
) {
  const input = { ...at, httpMethod: "ANY", authorizationType: "NONE", ...method };
  await client.send(new PutMethodCommand(input));
  const { restApiId, resourceId, httpMethod } = input;
  const integration = { type: "AWS_PROXY", integrationHttpMethod: "POST", uri: uri(name) } as const;
  await client.send(new PutIntegrationCommand({ restApiId, resourceId, httpMethod, ...integration }));
}

const deploy = ({ restApiId }: { restApiId: string }, stageName = "s", variables?: Record<string, string>) =>
  client.send(new CreateDeploymentCommand({ restApiId, stageName, ...(variables === undefined ? {} : { variables }) }));

const send = ({ restApiId }: { restApiId: string }, asked: Asked) =>
  ask(door, `${restApiId}.execute-api.us-east-1.localhost`, asked);

/** A function that fails with these words. */
const failing =
  (errorMessage: string): Run =>
  async (invocation) => {
    const payload = Buffer.from(JSON.stringify({ errorMessage, errorType: "Error" }));
    const outcome = { kind: "failed", failure: { functionError: "Unhandled", errorType: "Error", payload } } as const;
    return { ...(await echo(invocation)), outcome };
  };

const answering = (document: object): Run => returning(JSON.stringify(document));

/** What the function is given, of a request. */
async function eventOf(api: { restApiId: string }, asked: Asked) {
  // biome-ignore lint/suspicious/noExplicitAny: an event is looked at member by member
  let event: any;
  run = async (invocation) => {
    event = JSON.parse(invocation.payload.toString());
    return answering({ statusCode: 200, body: "ok" })(invocation);
  };
  const told = await send(api, asked);
  assert.equal(told.status, 200, told.text);
  return event;
}

test("a proxy's event is what REST APIs send, by host and by both path forms", async () => {
  const api = await newApi();
  const pets = await child(api, "pets");
  await proxied(await child(pets, "{id}"));
  const { id: deploymentId } = await deploy(api, "prod", { table: "t" });
  const event = await eventOf(api, {
    method: "POST",
    path: "/prod/pets/a%20b?x=1&x=2&y=%26",
    headers: ["X-One", "1", "X-One", "2", "Content-Type", "text/plain", "User-Agent", "me"],
    body: "hello",
  });
  const { headers, multiValueHeaders, requestContext, ...rest } = event;
  assert.deepEqual(rest, {
    resource: "/pets/{id}",
    path: "/pets/a b",
    httpMethod: "POST",
    queryStringParameters: { x: "2", y: "&" },
    multiValueQueryStringParameters: { x: ["1", "2"], y: ["&"] },
    pathParameters: { id: "a b" },
    stageVariables: { table: "t" },
    body: "hello",
    isBase64Encoded: false,
  });
  assert.equal(headers["X-One"], "2");
  assert.deepEqual(multiValueHeaders["X-One"], ["1", "2"]);
  assert.equal(headers["X-Forwarded-Proto"], "http");
  const { identity, requestTime, requestTimeEpoch, requestId, extendedRequestId, resourceId, ...context } =
    requestContext;
  assert.ok(requestTime && requestTimeEpoch && requestId && extendedRequestId && resourceId);
  assert.equal(identity.userAgent, "me");
  assert.deepEqual(context, {
    resourcePath: "/pets/{id}",
    httpMethod: "POST",
    path: "/prod/pets/a b",
    accountId: "000000000000",
    protocol: "HTTP/1.1",
    stage: "prod",
    domainPrefix: api.restApiId,
    domainName: `${api.restApiId}.execute-api.us-east-1.localhost`,
    deploymentId,
    apiId: api.restApiId,
  });
  run = answering({ statusCode: 201, body: "made" });
  for (const path of [
    `/restapis/${api.restApiId}/prod/_user_request_/pets/1`,
    `/_aws/execute-api/${api.restApiId}/prod/pets/1`,
  ]) {
    const told = await ask(door, "localhost", { path });
    assert.deepEqual([told.status, told.text, told.headers["content-type"]], [201, "made", "application/json"], path);
  }
});

test("what is no answer is 502, what is nowhere 403, what nobody allows 500", async () => {
  const api = await newApi();
  await proxied(await child(api, "{proxy+}"));
  await deploy(api);
  for (const result of [
    '"text"',
    "null",
    "{}",
    '{"statusCode":"x"}',
    '{"statusCode":200,"body":{}}',
    '{"statusCode":99}',
  ]) {
    run = returning(result);
    const told = await send(api, { path: "/s/a" });
    assert.deepEqual([told.status, told.text], [502, '{"message":"Internal server error"}'], result);
  }
  run = failing("no");
  assert.equal((await send(api, { path: "/s/a" })).status, 502);
  const root = await send(api, { path: "/s" });
  assert.deepEqual([root.status, root.text], [403, '{"message":"Missing Authentication Token"}']);
  assert.equal(root.headers["x-amzn-errortype"], "MissingAuthenticationTokenException");
  const stage = await send(api, { path: "/other/a" });
  assert.deepEqual([stage.status, stage.text], [403, '{"message":"Forbidden"}']);
  await makeFunction(lambda, "closed");
  const closed = await newApi();
  await proxied(closed, {}, "closed");
  await deploy(closed);
  assert.deepEqual((await send(closed, { path: "/s" })).status, 500);
  assert.equal((await send(api, { method: "POST", path: "/s/a", body: Buffer.alloc(11 * 1024 * 1024) })).status, 413);
});

test("bytes are bytes where binaryMediaTypes say so, both ways", async () => {
  const api = await newApi({ binaryMediaTypes: ["image/png"] });
  await proxied(api);
  await deploy(api);
  const body = Buffer.from([0, 255, 1]);
  const event = await eventOf(api, { method: "POST", path: "/s", headers: { "content-type": "image/png" }, body });
  assert.deepEqual([event.body, event.isBase64Encoded], [body.toString("base64"), true]);
  run = answering({
    statusCode: 200,
    headers: { "Content-Type": "image/png" },
    multiValueHeaders: { "Set-Cookie": ["a=1", "b=2"] },
    body: body.toString("base64"),
    isBase64Encoded: true,
  });
  const told = await send(api, { path: "/s", headers: { accept: "image/png" } });
  assert.deepEqual([told.bytes, told.headers["set-cookie"]], [body, ["a=1", "b=2"]]);
  assert.equal((await send(api, { path: "/s", headers: { accept: "text/html" } })).text, body.toString("base64"));
});

test("a deployment is a copy, a stage shows one, and none that is shown can be deleted", async () => {
  const api = await newApi();
  await assert.rejects(deploy(api), {
    name: "BadRequestException",
    message: "The REST API doesn't contain any methods",
  });
  await proxied(api);
  const { id } = await deploy(api);
  const { restApiId } = api;
  await proxied(await child(api, "later"));
  run = answering({ statusCode: 200 });
  assert.equal((await send(api, { path: "/s/later" })).status, 403);
  const { id: second } = await client.send(new CreateDeploymentCommand({ restApiId }));
  await client.send(
    new UpdateStageCommand({
      restApiId,
      stageName: "s",
      patchOperations: [
        { op: "replace", path: "/deploymentId", value: second! },
        { op: "replace", path: "/variables/FOO", value: "bar" },
        { op: "replace", path: "/*/*/throttling/rateLimit", value: "0.001" },
        { op: "replace", path: "/*/*/throttling/burstLimit", value: "2" },
      ],
    }),
  );
  const stage = await client.send(new GetStageCommand({ restApiId, stageName: "s" }));
  assert.deepEqual([stage.variables, stage.methodSettings?.["*/*"]?.throttlingBurstLimit], [{ FOO: "bar" }, 2]);
  assert.ok(stage.createdDate instanceof Date);
  assert.equal((await send(api, { path: "/s/later" })).status, 200);
  assert.equal((await send(api, { path: "/s/later" })).status, 200);
  const throttled = await send(api, { path: "/s/later" });
  assert.deepEqual([throttled.status, throttled.text], [429, '{"message":"Too Many Requests"}']);
  await client.send(new DeleteDeploymentCommand({ restApiId, deploymentId: id! }));
  await assert.rejects(client.send(new DeleteDeploymentCommand({ restApiId, deploymentId: second! })), {
    message: "Active stages pointing to this deployment must be moved or deleted",
  });
});

test("authorizers of both kinds say who may; a refusal has AWS's words; an answer is kept", async () => {
  const api = await newApi();
  const { restApiId } = api;
  const token = await client.send(
    new CreateAuthorizerCommand({
      restApiId,
      name: "t",
      type: "TOKEN",
      authorizerUri: uri("auth"),
      identityValidationExpression: "[a-z]+",
    }),
  );
  const request = await client.send(
    new CreateAuthorizerCommand({
      restApiId,
      name: "r",
      type: "REQUEST",
      authorizerUri: uri("auth"),
      identitySource: "method.request.querystring.q",
      authorizerResultTtlInSeconds: 0,
    }),
  );
  await proxied(await child(api, "t"), { authorizationType: "CUSTOM", authorizerId: token.id! });
  await proxied(await child(api, "r"), { authorizationType: "CUSTOM", authorizerId: request.id! });
  await deploy(api);
  const asked: Record<string, unknown>[] = [];
  let shown: unknown;
  run = async (invocation) => {
    const event = JSON.parse(invocation.payload.toString());
    if (invocation.target.name !== "auth") {
      shown = event.requestContext.authorizer;
      return answering({ statusCode: 200 })(invocation);
    }
    asked.push(event);
    const word = event.authorizationToken ?? event.queryStringParameters.q;
    if (word === "unauthorized") return failing("Unauthorized")(invocation);
    if (word === "broken") return returning("{}")(invocation);
    const Effect = word === "deny" ? "Deny" : "Allow";
    const Resource = word === "elsewhere" ? `${event.methodArn}/more` : event.methodArn;
    const policyDocument = { Version: "2012-10-17", Statement: [{ Effect, Action: "execute-api:Invoke", Resource }] };
    return answering({ principalId: "me", policyDocument, context: { n: 1, yes: true } })(invocation);
  };
  const withToken = (authorization: string) => send(api, { path: "/s/t", headers: { authorization } });
  assert.equal((await withToken("fine")).status, 200);
  assert.deepEqual(shown, { n: "1", yes: "true", principalId: "me", integrationLatency: 0 });
  assert.deepEqual(asked, [
    {
      type: "TOKEN",
      methodArn: `arn:aws:execute-api:us-east-1:000000000000:${restApiId}/s/GET/t`,
      authorizationToken: "fine",
    },
  ]);
  assert.equal((await withToken("fine")).status, 200);
  assert.equal(asked.length, 1);
  const refused: [string, number, string][] = [
    ["deny", 403, '{"Message":"User is not authorized to access this resource with an explicit deny"}'],
    ["elsewhere", 403, '{"Message":"User is not authorized to access this resource"}'],
    ["unauthorized", 401, '{"message":"Unauthorized"}'],
    ["broken", 500, '{"message":null}'],
    ["NOT LETTERS", 401, '{"message":"Unauthorized"}'],
  ];
  for (const [word, status, text] of refused) {
    const told = await withToken(word);
    assert.deepEqual([told.status, told.text], [status, text], word);
  }
  assert.equal((await send(api, { path: "/s/t" })).status, 401);
  assert.equal((await send(api, { path: "/s/r?q=fine" })).status, 200);
  assert.equal(asked.at(-1)?.type, "REQUEST");
  assert.equal((await send(api, { path: "/s/r?q=deny" })).status, 403);
});

test("IAM authorization takes signed requests only, and a resource policy lets in whom it names", async () => {
  const policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: "*", Action: "execute-api:Invoke", Resource: "execute-api:/s/GET/*" }],
  });
  const api = await newApi({ policy });
  await proxied(await child(api, "iam"), { authorizationType: "AWS_IAM" });
  await proxied(await child(api, "open"));
  await deploy(api);
  run = answering({ statusCode: 200 });
  const host = `${api.restApiId}.execute-api.us-east-1.localhost`;
  assert.equal((await send(api, { path: "/s/iam" })).status, 403);
  const signed = aws4.sign(
    { host, path: "/s/iam", service: "execute-api", region: "us-east-1" },
    { accessKeyId: "test", secretAccessKey: "test" },
  );
  assert.equal((await ask(door, host, { path: "/s/iam", headers: signed.headers as never })).status, 200);
  assert.equal((await send(api, { path: "/s/open" })).status, 200);
  assert.equal((await send(api, { path: "/s/open", method: "POST" })).status, 403);
});

test("API keys, usage plans and their quotas", async () => {
  const api = await newApi();
  const { restApiId } = api;
  await proxied(api, { apiKeyRequired: true });
  await deploy(api);
  run = answering({ statusCode: 200 });
  const { id: keyId, value } = await client.send(new CreateApiKeyCommand({ name: "k", enabled: true }));
  const { id: usagePlanId } = await client.send(
    new CreateUsagePlanCommand({
      name: "p",
      quota: { limit: 2, period: "DAY" },
      throttle: { rateLimit: 1000, burstLimit: 1000 },
    }),
  );
  const withKey = (key: string) => send(api, { path: "/s", headers: { "x-api-key": key } });
  assert.deepEqual(
    [(await send(api, { path: "/s" })).text, (await withKey(value!)).status],
    ['{"message":"Forbidden"}', 403],
  );
  const stage = { op: "add", path: "/apiStages", value: `${restApiId}:s` } as const;
  await client.send(new UpdateUsagePlanCommand({ usagePlanId: usagePlanId!, patchOperations: [stage] }));
  await client.send(new CreateUsagePlanKeyCommand({ usagePlanId: usagePlanId!, keyId: keyId!, keyType: "API_KEY" }));
  assert.deepEqual([(await withKey(value!)).status, (await withKey(value!)).status], [200, 200]);
  const over = await withKey(value!);
  assert.deepEqual([over.status, over.text], [429, '{"message":"Limit Exceeded"}']);
  const quota = { op: "replace", path: "/quota/limit", value: "10" } as const;
  await client.send(new UpdateUsagePlanCommand({ usagePlanId: usagePlanId!, patchOperations: [quota] }));
  assert.equal((await withKey(value!)).status, 200);
  assert.equal((await withKey("x".repeat(30))).status, 403);
});

test("validators hold requests to parameters and models; gateway responses speak for the API", async () => {
  const api = await newApi();
  const { restApiId } = api;
  const validator = await client.send(
    new CreateRequestValidatorCommand({
      restApiId,
      name: "v",
      validateRequestBody: true,
      validateRequestParameters: true,
    }),
  );
  const schema = JSON.stringify({
    type: "object",
    required: ["a"],
    properties: { a: { type: "integer", minimum: 2 }, b: { type: "string", pattern: "^(x+x+)+y$" } },
    additionalProperties: false,
  });
  await client.send(new CreateModelCommand({ restApiId, name: "M", contentType: "application/json", schema }));
  await proxied(api, {
    requestValidatorId: validator.id!,
    requestModels: { "application/json": "M" },
    requestParameters: { "method.request.querystring.q": true, "method.request.header.h": false },
  });
  await client.send(
    new PutGatewayResponseCommand({
      restApiId,
      responseType: "BAD_REQUEST_BODY",
      statusCode: "422",
      responseParameters: { "gatewayresponse.header.x-own": "'yes'" },
      responseTemplates: { "application/json": '{"said":$context.error.messageString,"stage":"$context.stage"}' },
    }),
  );
  await deploy(api);
  run = answering({ statusCode: 200 });
  const post = (path: string, body: string) => send(api, { method: "POST", path, body });
  assert.equal((await post("/s", '{"a":3}')).text, '{"message":"Missing required request parameters: [q]"}');
  assert.equal((await post("/s?q=1", '{"a":3}')).status, 200);
  for (const body of ["{}", '{"a":1}', '{"a":3,"c":1}', "no", "", `{"a":3,"b":"${"x".repeat(200)}"}`]) {
    const told = await post("/s?q=1", body);
    assert.deepEqual(
      [told.status, told.headers["x-own"], told.text],
      [422, "yes", '{"said":"Invalid request body","stage":"s"}'],
      body,
    );
  }
});

test("MOCK, HTTP and functions without the proxy, mapped without a program", async () => {
  const api = await newApi();
  const options = { ...api, httpMethod: "OPTIONS", authorizationType: "NONE" };
  await client.send(new PutMethodCommand(options));
  const at = { ...api, httpMethod: "OPTIONS" };
  await client.send(new PutMethodResponseCommand({ ...at, statusCode: "204" }));
  await client.send(
    new PutIntegrationCommand({ ...at, type: "MOCK", requestTemplates: { "application/json": "{ statusCode: 200 }" } }),
  );
  await client.send(
    new PutIntegrationResponseCommand({
      ...at,
      statusCode: "204",
      responseParameters: { "method.response.header.Access-Control-Allow-Origin": "'*'" },
    }),
  );
  const custom = { ...(await child(api, "{name}")), httpMethod: "GET" };
  await client.send(new PutMethodCommand({ ...custom, authorizationType: "NONE" }));
  for (const statusCode of ["200", "404"]) await client.send(new PutMethodResponseCommand({ ...custom, statusCode }));
  await client.send(
    new PutIntegrationCommand({
      ...custom,
      type: "AWS",
      integrationHttpMethod: "POST",
      uri: uri("f"),
      requestTemplates: { "application/json": `{"name":"$input.params('name')"}` },
    }),
  );
  await client.send(new PutIntegrationResponseCommand({ ...custom, statusCode: "200" }));
  await client.send(
    new PutIntegrationResponseCommand({
      ...custom,
      statusCode: "404",
      selectionPattern: "gone.*",
      responseTemplates: { "application/json": `{"why":$input.json('$.errorMessage')}` },
    }),
  );
  const server = createServer((request, response) => {
    response.writeHead(202, { "x-path": request.url! }).end("from outside");
  }).listen(0, "127.0.0.1");
  server.unref();
  await once(server, "listening");
  const outside = { ...(await child({ ...api, resourceId: custom.resourceId }, "{all+}")), httpMethod: "GET" };
  await client.send(
    new PutMethodCommand({
      ...outside,
      authorizationType: "NONE",
      requestParameters: { "method.request.path.all": true },
    }),
  );
  await client.send(
    new PutIntegrationCommand({
      ...outside,
      type: "HTTP_PROXY",
      integrationHttpMethod: "GET",
      uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/{all}`,
      requestParameters: { "integration.request.path.all": "method.request.path.all" },
    }),
  );
  await deploy(api);
  const preflight = await send(api, { method: "OPTIONS", path: "/s" });
  assert.deepEqual([preflight.status, preflight.headers["access-control-allow-origin"]], [204, "*"]);
  run = echo;
  assert.equal((await send(api, { path: "/s/ann" })).text, '{"name":"ann"}');
  run = failing("gone away");
  const gone = await send(api, { path: "/s/ann" });
  assert.deepEqual([gone.status, gone.text], [404, '{"why":"gone away"}']);
  const passed = await send(api, { path: "/s/ann/b/c?q=1" });
  assert.deepEqual([passed.status, passed.text, passed.headers["x-path"]], [202, "from outside", "/base/b/c?q=1"]);
  server.close();
});

test("an OpenAPI document with integrations becomes an API, is put anew, and can be called", async () => {
  const integration = { type: "aws_proxy", httpMethod: "POST", uri: uri("f") };
  const document = {
    swagger: "2.0",
    info: { title: "imported", version: "1.0" },
    "x-amazon-apigateway-binary-media-types": ["image/*"],
    securityDefinitions: {
      key: { type: "apiKey", name: "x-api-key", in: "header" },
      own: {
        type: "apiKey",
        name: "Authorization",
        in: "header",
        "x-amazon-apigateway-authtype": "custom",
        "x-amazon-apigateway-authorizer": {
          type: "token",
          authorizerUri: uri("auth"),
          authorizerResultTtlInSeconds: 0,
        },
      },
    },
    paths: {
      "/a/{b}": { get: { "x-amazon-apigateway-integration": integration, responses: {} } },
      "/{proxy+}": {
        "x-amazon-apigateway-any-method": { security: [{ key: [] }], "x-amazon-apigateway-integration": integration },
      },
      "/own": { post: { security: [{ own: [] }], "x-amazon-apigateway-integration": integration } },
    },
  };
  const body = Buffer.from(JSON.stringify(document));
  const { id, name, binaryMediaTypes } = await client.send(new ImportRestApiCommand({ body }));
  assert.deepEqual([name, binaryMediaTypes], ["imported", ["image/*"]]);
  const restApiId = id!;
  const { items = [] } = await client.send(new GetResourcesCommand({ restApiId, embed: ["methods"] }));
  assert.deepEqual(items.map(({ path }) => path).sort(), ["/", "/a", "/a/{b}", "/own", "/{proxy+}"]);
  await deploy({ restApiId });
  const event = await eventOf({ restApiId }, { path: "/s/a/1" });
  assert.deepEqual([event.resource, event.pathParameters], ["/a/{b}", { b: "1" }]);
  assert.equal((await send({ restApiId }, { path: "/s/else" })).status, 403);
  assert.equal((await send({ restApiId }, { path: "/s/own", method: "POST" })).status, 401);
  const smaller = Buffer.from(JSON.stringify({ ...document, paths: { "/only": document.paths["/a/{b}"] } }));
  await client.send(new PutRestApiCommand({ restApiId, mode: "overwrite", body: smaller }));
  const left = await client.send(new GetResourcesCommand({ restApiId }));
  assert.deepEqual(left.items?.map(({ path }) => path).sort(), ["/", "/only"]);
  await assert.rejects(client.send(new ImportRestApiCommand({ body: Buffer.from("[1") })), {
    name: "BadRequestException",
  });
});

test("what is asked of APIs themselves: patches, tags, pages, refusals", async () => {
  const api = await newApi({
    tags: { a: "1" },
    policy: '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}',
  });
  const { restApiId, resourceId } = api;
  const changed = await client.send(
    new UpdateRestApiCommand({
      restApiId,
      patchOperations: [
        { op: "replace", path: "/name", value: "b" },
        { op: "add", path: "/binaryMediaTypes/image~1png" },
        { op: "replace", path: "/endpointConfiguration/types/EDGE", value: "REGIONAL" },
        { op: "replace", path: "/disableExecuteApiEndpoint", value: "true" },
      ],
    }),
  );
  assert.deepEqual(
    [changed.name, changed.binaryMediaTypes, changed.endpointConfiguration?.types, changed.disableExecuteApiEndpoint],
    ["b", ["image/png"], ["REGIONAL"], true],
  );
  assert.ok(changed.policy?.startsWith('{\\"Version\\":'), changed.policy);
  const resourceArn = `arn:aws:apigateway:us-east-1::/restapis/${restApiId}`;
  await client.send(new TagResourceCommand({ resourceArn, tags: { b: "2" } }));
  assert.deepEqual((await client.send(new GetTagsCommand({ resourceArn }))).tags, { a: "1", b: "2" });
  const page = await client.send(new GetRestApisCommand({ limit: 1 }));
  assert.ok(page.items?.length === 1 && page.position !== undefined);
  const refusals: [Promise<unknown>, string][] = [
    [client.send(new GetRestApiCommand({ restApiId: "none" })), "NotFoundException"],
    [
      client.send(
        new UpdateRestApiCommand({ restApiId, patchOperations: [{ op: "replace", path: "/id", value: "x" }] }),
      ),
      "BadRequestException",
    ],
    [
      client.send(
        new UpdateRestApiCommand({ restApiId, patchOperations: [{ op: "replace", path: "/__proto__/x", value: "x" }] }),
      ),
      "BadRequestException",
    ],
    [
      client.send(new CreateResourceCommand({ restApiId, parentId: resourceId, pathPart: "a/b" })),
      "BadRequestException",
    ],
    [client.send(new CreateRestApiCommand({ name: "x", policy: "{" })), "BadRequestException"],
    [client.send(new CreateStageCommand({ restApiId, stageName: "s", deploymentId: "none" })), "NotFoundException"],
    [
      client.send(new PutMethodCommand({ restApiId, resourceId, httpMethod: "SING", authorizationType: "NONE" })),
      "BadRequestException",
    ],
  ];
  for (const [refused, name] of refusals) await assert.rejects(refused, { name });
  await client.send(new DeleteRestApiCommand({ restApiId }));
  await assert.rejects(client.send(new GetRestApiCommand({ restApiId })), { name: "NotFoundException" });
});
