import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  APIGatewayClient,
  CreateApiKeyCommand,
  CreateAuthorizerCommand,
  CreateDeploymentCommand,
  CreateRestApiCommand,
  CreateUsagePlanCommand,
  CreateUsagePlanKeyCommand,
  PutIntegrationCommand,
  type PutIntegrationCommandInput,
  PutIntegrationResponseCommand,
  PutMethodCommand,
  type PutMethodCommandInput,
  PutMethodResponseCommand,
  TestInvokeMethodCommand,
  UpdateStageCommand,
} from "@aws-sdk/client-api-gateway";
import { AddPermissionCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import { type Door, echo, openDoor, type Run } from "./door.ts";
import { type Asked, ask, lambdaClient, makeFunction, returning } from "./front.ts";
import { openIssuer } from "./issuer.ts";

/** What stands between a request to a REST API and its function: tokens of user pools, clocks, plans; and requests that nobody sent. */
let door: Door;
let lambda: LambdaClient;
let client: APIGatewayClient;
let run: Run = echo;

const fine = returning({ statusCode: 200, body: "fine" });
const uri =
  "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f/invocations";

before(async () => {
  door = await openDoor((invocation) => run(invocation));
  lambda = lambdaClient(door);
  client = new APIGatewayClient({
    endpoint: door.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
  await makeFunction(lambda, "f");
  const Principal = "apigateway.amazonaws.com";
  const permission = { FunctionName: "f", StatementId: "a", Action: "lambda:InvokeFunction", Principal };
  await lambda.send(new AddPermissionCommand(permission));
});
after(async () => {
  lambda.destroy();
  client.destroy();
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
});

interface Method extends Partial<PutMethodCommandInput> {
  readonly integration?: Partial<PutIntegrationCommandInput>;
}

/** An API with methods at its root. */
async function newApi(more: object = {}) {
  const { id, rootResourceId } = await client.send(new CreateRestApiCommand({ name: "a", ...more }));
  const at = { restApiId: id!, resourceId: rootResourceId! };
  return {
    ...at,
    async method({ integration, ...method }: Method = {}) {
      const { httpMethod = "ANY" } = method;
      await client.send(new PutMethodCommand({ ...at, authorizationType: "NONE", ...method, httpMethod }));
      const target = { type: "AWS_PROXY", integrationHttpMethod: "POST", uri, ...integration } as const;
      await client.send(new PutIntegrationCommand({ ...at, httpMethod, ...target }));
    },
    deploy: (variables: Record<string, string> = {}) =>
      client.send(new CreateDeploymentCommand({ restApiId: at.restApiId, stageName: "s", variables })),
    send: (asked: Asked = {}) => ask(door, `${at.restApiId}.execute-api.us-east-1.localhost`, { path: "/s", ...asked }),
  };
}

test("tokens of a user pool let in whom its keys have signed for, with a scope where the method wants one", async () => {
  const { issuer, token, server } = await openIssuer();
  try {
    const api = await newApi({ tags: { "thaw:issuer": issuer } });
    const { id: authorizerId } = await client.send(
      new CreateAuthorizerCommand({
        restApiId: api.restApiId,
        name: "pool",
        type: "COGNITO_USER_POOLS",
        providerARNs: ["arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_abcdefghi"],
        identitySource: "method.request.header.Authorization",
      }),
    );
    const guarded = { authorizationType: "COGNITO_USER_POOLS", authorizerId: authorizerId! };
    await api.method({ ...guarded, httpMethod: "GET" });
    await api.method({ ...guarded, httpMethod: "POST", authorizationScopes: ["pets/write"] });
    await api.deploy();
    const now = Math.floor(Date.now() / 1000);
    const good = {
      iss: issuer,
      aud: "client",
      exp: now + 60,
      sub: "u",
      "cognito:groups": ["x", "y"],
      scope: "pets/read",
    };
    run = fine;
    const before = door.invocations.length;
    const given = (authorization: string, method = "GET") => api.send({ method, headers: { authorization } });
    assert.equal((await given(token(good))).status, 200);
    assert.equal((await given(`Bearer ${token(good)}`)).status, 200);
    assert.deepEqual(JSON.parse(door.invocations.at(-1)!.payload.toString()).requestContext.authorizer, {
      claims: {
        iss: issuer,
        aud: "client",
        exp: String(now + 60),
        sub: "u",
        "cognito:groups": "[x y]",
        scope: "pets/read",
      },
    });
    const refused = [
      await api.send(),
      await given("nonsense"),
      await given(token({ ...good, exp: now - 1 })),
      await given(token({ ...good, iss: "https://elsewhere.example" })),
      await given(token(good, { alg: "none" })),
      await given(token(good), "POST"),
    ];
    for (const { status, text, headers } of refused) {
      assert.deepEqual([status, text], [401, '{"message":"Unauthorized"}']);
      assert.equal(headers["x-amzn-errortype"], "UnauthorizedException");
    }
    assert.equal(door.invocations.length, before + 2);
    assert.equal((await given(token({ ...good, scope: "pets/read pets/write" }), "POST")).status, 200);
  } finally {
    server.close();
  }
});

test("who does not answer in the integration's time is given up: 504", async () => {
  const api = await newApi();
  await api.method({ integration: { timeoutInMillis: 50 } });
  await api.deploy();
  let answer = () => {};
  run = async (invocation) => {
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    return fine(invocation);
  };
  const told = await api.send();
  assert.deepEqual([told.status, told.text], [504, '{"message":"Endpoint request timed out"}']);
  assert.equal(told.headers["x-amzn-errortype"], "InternalServerErrorException");
  answer();
  run = fine;
  assert.equal((await api.send()).status, 200);
  await assert.rejects(api.method({ httpMethod: "GET", integration: { timeoutInMillis: 49 } }), {
    name: "BadRequestException",
  });
});

test("a usage plan's rate and burst hold for each of its keys, a method's own for that method", async () => {
  const api = await newApi();
  await api.method({ apiKeyRequired: true });
  await api.deploy();
  run = fine;
  const key = async (name: string, usagePlanId: string) => {
    const { id, value } = await client.send(new CreateApiKeyCommand({ name, enabled: true }));
    await client.send(new CreateUsagePlanKeyCommand({ usagePlanId, keyId: id!, keyType: "API_KEY" }));
    return () => api.send({ headers: { "x-api-key": value! } });
  };
  const plan = async (throttle: object, own: object = {}) => {
    const apiStages = [{ apiId: api.restApiId, stage: "s", throttle: own as never }];
    const made = await client.send(new CreateUsagePlanCommand({ name: "p", apiStages, throttle }));
    return made.id!;
  };
  // Of so small a rate nothing comes back within a test.
  const two = await plan({ rateLimit: 0.001, burstLimit: 2 });
  const [one, other] = [await key("one", two), await key("other", two)];
  assert.deepEqual([(await one()).status, (await one()).status], [200, 200]);
  const over = await one();
  assert.deepEqual([over.status, over.text], [429, '{"message":"Too Many Requests"}']);
  assert.equal(over.headers["x-amzn-errortype"], "TooManyRequestsException");
  assert.equal((await other()).status, 200);
  const byMethod = await key("third", await plan({}, { "//ANY": { rateLimit: 0.001, burstLimit: 1 } }));
  assert.deepEqual([(await byMethod()).status, (await byMethod()).status], [200, 429]);
});

test("TestInvokeMethod answers as the method does now, without a deployment, and whoever may call it", async () => {
  const api = await newApi();
  const { restApiId, resourceId } = api;
  await api.method({ authorizationType: "AWS_IAM", apiKeyRequired: true });
  run = returning({ statusCode: 201, multiValueHeaders: { "x-a": ["1", "2"] }, body: "made" });
  const made = await client.send(
    new TestInvokeMethodCommand({
      restApiId,
      resourceId,
      httpMethod: "POST",
      pathWithQueryString: "/?a=b",
      headers: { "X-Name": "v" },
      body: "text",
      stageVariables: { v: "1" },
    }),
  );
  assert.deepEqual([made.status, made.body, made.multiValueHeaders?.["x-a"]], [201, "made", ["1", "2"]]);
  assert.match(made.log ?? "", /Method completed with status: 201/);
  const event = JSON.parse(door.invocations.at(-1)!.payload.toString());
  assert.deepEqual(
    [event.httpMethod, event.headers["X-Name"], event.body, event.queryStringParameters, event.stageVariables],
    ["POST", "v", "text", { a: "b" }, { v: "1" }],
  );
  assert.deepEqual(
    [event.requestContext.stage, event.requestContext.identity.sourceIp],
    ["test-invoke-stage", "test-invoke-source-ip"],
  );
  run = returning("no answer");
  const broken = await client.send(new TestInvokeMethodCommand({ restApiId, resourceId, httpMethod: "GET" }));
  assert.deepEqual([broken.status, broken.body], [502, '{"message":"Internal server error"}']);
  await assert.rejects(client.send(new TestInvokeMethodCommand({ restApiId, resourceId: "none", httpMethod: "GET" })), {
    name: "NotFoundException",
  });
  assert.equal((await api.send()).status, 403);
});

test("a stage's variables choose the function, and what they do not name is a fault of the API", async () => {
  const api = await newApi();
  await api.method({ integration: { uri: uri.replace("function:f", `function:$\{stageVariables.fn}`) } });
  run = fine;
  await api.deploy({ fn: "f" });
  assert.equal((await api.send()).status, 200);
  await client.send(
    new UpdateStageCommand({
      restApiId: api.restApiId,
      stageName: "s",
      patchOperations: [{ op: "replace", path: "/variables/fn", value: "nobody" }],
    }),
  );
  const told = await api.send();
  assert.deepEqual([told.status, told.text], [500, '{"message":"Internal server error"}']);
});

test("a method that mocks answers without anybody behind it, by what the request says", async () => {
  const api = await newApi();
  const { restApiId, resourceId } = api;
  const at = { restApiId, resourceId, httpMethod: "GET" };
  const template = { "application/json": "{\"statusCode\": $input.params('code')}" };
  await api.method({ httpMethod: "GET", integration: { type: "MOCK", requestTemplates: template } });
  for (const [statusCode, selectionPattern] of [
    ["200", ""],
    ["409", "409"],
  ] as const) {
    await client.send(new PutMethodResponseCommand({ ...at, statusCode }));
    await client.send(
      new PutIntegrationResponseCommand({
        ...at,
        statusCode,
        ...(selectionPattern === "" ? {} : { selectionPattern }),
        responseTemplates: { "application/json": `{"told":${statusCode}}` },
      }),
    );
  }
  await api.deploy();
  const before = door.invocations.length;
  const told = async (code: number) => {
    const { status, text } = await api.send({ path: `/s?code=${code}` });
    return [status, text];
  };
  assert.deepEqual(await told(200), [200, '{"told":200}']);
  assert.deepEqual(await told(409), [409, '{"told":409}']);
  assert.equal(door.invocations.length, before);
});
