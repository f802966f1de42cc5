import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import {
  ApiGatewayV2Client,
  CreateApiCommand,
  CreateApiMappingCommand,
  CreateAuthorizerCommand,
  type CreateAuthorizerCommandInput,
  CreateDeploymentCommand,
  CreateDomainNameCommand,
  CreateIntegrationCommand,
  type CreateIntegrationCommandInput,
  CreateRouteCommand,
  type CreateRouteCommandInput,
  CreateStageCommand,
  DeleteApiCommand,
  DeleteIntegrationCommand,
  GetApiCommand,
  GetApisCommand,
  GetRoutesCommand,
  GetStageCommand,
  GetTagsCommand,
  ImportApiCommand,
  ReimportApiCommand,
  TagResourceCommand,
  UpdateApiCommand,
  UpdateRouteCommand,
  UpdateStageCommand,
} from "@aws-sdk/client-apigatewayv2";
import { AddPermissionCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import aws4 from "aws4";
import { type Door, echo, openDoor, type Run } from "./door.ts";
import { ask, failing, lambdaClient, makeFunction, returning, type Told } from "./front.ts";
import { openIssuer } from "./issuer.ts";

/** HTTP APIs as SDKs make them and clients call them; the function itself is played by the test. */
let door: Door;
let lambda: LambdaClient;
let client: ApiGatewayV2Client;
let run: Run = echo;

const arn = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;

before(async () => {
  door = await openDoor((invocation) => run(invocation));
  lambda = lambdaClient(door);
  client = new ApiGatewayV2Client({
    endpoint: door.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
  await makeFunction(lambda, "f");
  await allow("f");
});
after(async () => {
  lambda.destroy();
  client.destroy();
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
});

async function allow(name: string, SourceArn?: string, StatementId = "apis") {
  const Principal = "apigateway.amazonaws.com";
  const permission = { FunctionName: name, StatementId, Action: "lambda:InvokeFunction", Principal };
  await lambda.send(new AddPermissionCommand({ ...permission, ...(SourceArn === undefined ? {} : { SourceArn }) }));
}

async function withRun<T>(other: Run, body: () => Promise<T>): Promise<T> {
  run = other;
  try {
    return await body();
  } finally {
    run = echo;
  }
}

interface Made {
  readonly id: string;
  readonly host: string;
  integration(more?: Partial<CreateIntegrationCommandInput>): Promise<string>;
  route(key: string, target: string, more?: Partial<CreateRouteCommandInput>): Promise<string>;
}

/** An API with a stage that deploys by itself. */
async function makeApi(name: string, stage = "$default"): Promise<Made> {
  const { ApiId: id = "", ApiEndpoint = "" } = await client.send(
    new CreateApiCommand({ Name: name, ProtocolType: "HTTP" }),
  );
  await client.send(new CreateStageCommand({ ApiId: id, StageName: stage, AutoDeploy: true }));
  return {
    id,
    host: new URL(ApiEndpoint).host,
    async integration(more = {}) {
      const made = await client.send(
        new CreateIntegrationCommand({
          ApiId: id,
          IntegrationType: "AWS_PROXY",
          IntegrationUri: arn("f"),
          PayloadFormatVersion: "2.0",
          ...more,
        }),
      );
      return made.IntegrationId!;
    },
    async route(key, target, more = {}) {
      const made = await client.send(
        new CreateRouteCommand({ ApiId: id, RouteKey: key, Target: `integrations/${target}`, ...more }),
      );
      return made.RouteId!;
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a test knows its events
const lastEvent = (): any => JSON.parse(door.invocations.at(-1)!.payload.toString());

/** What the function was given. */
async function eventOf(host: string, asked: Parameters<typeof ask>[2] = {}) {
  const { status, text } = await withRun(returning({ statusCode: 200 }), () => ask(door, host, asked));
  assert.equal(status, 200, text);
  return lastEvent();
}

async function refusal(work: Promise<unknown>): Promise<[string, number]> {
  return work.then(
    () => assert.fail("it was not refused"),
    (error: Error & { $metadata: { httpStatusCode: number } }) => [error.name, error.$metadata.httpStatusCode],
  );
}

const shown = ({ status, text }: Told) => [status, JSON.parse(text).message];

test("quick create makes an API that answers at once", async () => {
  const made = await client.send(new CreateApiCommand({ Name: "quick", ProtocolType: "HTTP", Target: arn("f") }));
  assert.match(
    made.ApiEndpoint!,
    new RegExp(`^http://${made.ApiId}\\.execute-api\\.us-east-1\\.localhost:${door.port}$`),
  );
  const { requestContext, headers, ...event } = await eventOf(new URL(made.ApiEndpoint!).host, {
    method: "POST",
    path: "/a%2Fb/c%20d?x=1&x=2",
    headers: { cookie: "a=1; b=2", "content-type": "application/json" },
    body: "{}",
  });
  assert.deepEqual(event, {
    version: "2.0",
    routeKey: "$default",
    rawPath: "/a/b/c d",
    rawQueryString: "x=1&x=2",
    cookies: ["a=1", "b=2"],
    queryStringParameters: { x: "1,2" },
    body: "{}",
    isBase64Encoded: false,
  });
  assert.equal("cookie" in headers, false);
  assert.deepEqual(
    [requestContext.accountId, requestContext.apiId, requestContext.stage],
    ["000000000000", made.ApiId, "$default"],
  );
  assert.equal((await client.send(new GetApiCommand({ ApiId: made.ApiId }))).Name, "quick");
  assert.ok((await client.send(new GetApisCommand({}))).Items!.some(({ ApiId }) => ApiId === made.ApiId));
  await client.send(new DeleteApiCommand({ ApiId: made.ApiId }));
  assert.deepEqual(shown(await ask(door, new URL(made.ApiEndpoint!).host)), [404, "Not Found"]);
  assert.deepEqual(await refusal(client.send(new GetApiCommand({ ApiId: made.ApiId }))), ["NotFoundException", 404]);
});

test("the most specific route is taken, and its path says the variables", async () => {
  const api = await makeApi("routes");
  const target = await api.integration();
  for (const key of [
    "GET /pets/dog/1",
    "GET /pets/dog/{id}",
    "GET /pets/{proxy+}",
    "ANY /pets/{kind}/{id}",
    "ANY /{proxy+}",
    "POST /",
  ]) {
    await api.route(key, target);
  }
  const taken = async (method: string, path: string) => {
    const { routeKey, pathParameters } = await eventOf(api.host, { method, path });
    return [routeKey, pathParameters];
  };
  assert.deepEqual(await taken("GET", "/pets/dog/1"), ["GET /pets/dog/1", undefined]);
  assert.deepEqual(await taken("GET", "/pets/dog/2"), ["GET /pets/dog/{id}", { id: "2" }]);
  assert.deepEqual(await taken("GET", "/pets/cat/1"), ["ANY /pets/{kind}/{id}", { kind: "cat", id: "1" }]);
  assert.deepEqual(await taken("GET", "/pets/a/b/c%20d"), ["GET /pets/{proxy+}", { proxy: "a/b/c d" }]);
  assert.deepEqual(await taken("PUT", "/pets/a/b/c"), ["ANY /{proxy+}", { proxy: "pets/a/b/c" }]);
  assert.deepEqual(await taken("POST", "/"), ["POST /", undefined]);
  assert.deepEqual(shown(await ask(door, api.host, { path: "/" })), [404, "Not Found"]);
  assert.deepEqual(shown(await ask(door, api.host, { path: "/%zz" })), [400, "Bad Request"]);
  await api.route("$default", target);
  assert.deepEqual(await taken("GET", "/"), ["$default", undefined]);
});

test("stages: by the path's beginning, with variables, deployed or by themselves; the path form needs no host", async () => {
  const api = await makeApi("stages", "dev");
  const variable = ["$", "{stageVariables.name}"].join("");
  const target = await api.integration({
    IntegrationUri: `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${arn(variable)}/invocations`,
  });
  await api.route("GET /x", target);
  await client.send(new UpdateStageCommand({ ApiId: api.id, StageName: "dev", StageVariables: { name: "f" } }));
  const event = await eventOf(api.host, { path: "/dev/x" });
  assert.deepEqual([event.rawPath, event.stageVariables, event.requestContext.stage], ["/dev/x", { name: "f" }, "dev"]);
  assert.equal((await eventOf("127.0.0.1", { path: `/_aws/execute-api/${api.id}/dev/x` })).rawPath, "/dev/x");
  assert.equal((await eventOf(`${api.id}.execute-api.localhost`, { path: "/dev/x" })).rawPath, "/dev/x");
  assert.equal((await ask(door, api.host, { path: "/x" })).status, 404);
  // A stage that does not deploy by itself serves what was deployed.
  await client.send(new CreateStageCommand({ ApiId: api.id, StageName: "prod", StageVariables: { name: "f" } }));
  assert.equal((await ask(door, api.host, { path: "/prod/x" })).status, 404);
  const { DeploymentId } = await client.send(new CreateDeploymentCommand({ ApiId: api.id, StageName: "prod" }));
  await api.route("GET /y", target);
  assert.equal(
    (await client.send(new GetStageCommand({ ApiId: api.id, StageName: "prod" }))).DeploymentId,
    DeploymentId,
  );
  assert.equal((await eventOf(api.host, { path: "/prod/x" })).rawPath, "/prod/x");
  assert.equal((await ask(door, api.host, { path: "/prod/y" })).status, 404);
  await eventOf(api.host, { path: "/dev/y" });
});

test("a function without API Gateway's permission for the route is 500, and so is one that is not there", async () => {
  await makeFunction(lambda, "closed");
  const api = await makeApi("permissions");
  await api.route("GET /pets/{id}", await api.integration({ IntegrationUri: arn("closed") }));
  await api.route("GET /none", await api.integration({ IntegrationUri: arn("nobody") }));
  const pets = () => withRun(returning({ statusCode: 200 }), () => ask(door, api.host, { path: "/pets/1" }));
  assert.deepEqual(shown(await pets()), [500, "Internal Server Error"]);
  await allow("closed", `arn:aws:execute-api:us-east-1:000000000000:${api.id}/*/POST/*`, "other");
  assert.equal((await pets()).status, 500);
  await allow("closed", `arn:aws:execute-api:us-east-1:000000000000:${api.id}/*/*/pets/{id}`);
  assert.equal((await pets()).status, 200);
  assert.deepEqual(shown(await ask(door, api.host, { path: "/none" })), [500, "Internal Server Error"]);
});

test("payload format 1.0 has many values for one name, and wants a statusCode", async () => {
  const api = await makeApi("one", "s");
  await api.route("ANY /old/{id}", await api.integration({ PayloadFormatVersion: "1.0" }));
  const event = await eventOf(api.host, {
    path: "/s/old/7?a=1&a=2",
    headers: ["X-A", "1", "X-A", "2", "cookie", "k=v"],
  });
  assert.deepEqual(
    [event.version, event.resource, event.path, event.httpMethod],
    ["1.0", "/old/{id}", "/s/old/7", "GET"],
  );
  assert.deepEqual(event.multiValueQueryStringParameters, { a: ["1", "2"] });
  assert.deepEqual(
    [event.queryStringParameters, event.headers["x-a"], event.multiValueHeaders["x-a"]],
    [{ a: "2" }, "2", ["1", "2"]],
  );
  assert.deepEqual([event.headers.cookie, event.body, event.pathParameters], ["k=v", null, { id: "7" }]);
  assert.equal(event.requestContext.identity.sourceIp, "127.0.0.1");
  const path = "/s/old/7";
  const many = { statusCode: 200, multiValueHeaders: { "Set-Cookie": ["a=1", "b=2"] }, body: "x" };
  const told = await withRun(returning(many), () => ask(door, api.host, { path }));
  assert.deepEqual(
    [told.status, told.headers["set-cookie"], told.headers["content-type"]],
    [200, ["a=1", "b=2"], "text/plain;charset=UTF-8"],
  );
  assert.equal((await withRun(returning({ a: 1 }), () => ask(door, api.host, { path }))).status, 500);
});

test("failures, malformed answers, slow functions and large requests in HTTP API's words", async () => {
  const api = await makeApi("errors");
  await api.route("$default", await api.integration({ TimeoutInMillis: 50 }));
  const told = (other: Run) => withRun(other, () => ask(door, api.host));
  assert.deepEqual(shown(await told(failing)), [500, "Internal Server Error"]);
  assert.deepEqual(shown(await told(returning({ statusCode: "x" }))), [500, "Internal Server Error"]);
  const late = Promise.withResolvers<void>();
  const slow: Run = async (invocation) => {
    await late.promise;
    return echo(invocation);
  };
  assert.deepEqual(shown(await told(slow)), [503, "Service Unavailable"]);
  late.resolve();
  const inferred = await told(returning({ hello: 1 }));
  assert.deepEqual(
    [inferred.status, inferred.text, inferred.headers["content-type"]],
    [200, '{"hello":1}', "application/json"],
  );
  assert.ok(inferred.headers["apigw-requestid"]);
  const huge = await ask(door, api.host, { method: "POST", body: [Buffer.alloc(10 * 1024 * 1024), Buffer.from("x")] });
  assert.deepEqual(shown(huge), [413, "Request Entity Too Large"]);
});

test("throttling of a stage or a route is 429", async () => {
  const api = await makeApi("throttled");
  const target = await api.integration();
  await api.route("GET /a", target);
  await api.route("GET /b", target);
  await client.send(
    new UpdateStageCommand({
      ApiId: api.id,
      StageName: "$default",
      RouteSettings: { "GET /a": { ThrottlingBurstLimit: 1, ThrottlingRateLimit: 0.001 } },
    }),
  );
  await eventOf(api.host, { path: "/a" });
  assert.deepEqual(shown(await ask(door, api.host, { path: "/a" })), [429, "Too Many Requests"]);
  await eventOf(api.host, { path: "/b" });
});

test("CORS of an API: preflights need no route, and its rules go before the function's headers", async () => {
  const api = await makeApi("cors");
  await api.route("GET /a", await api.integration());
  const AllowOrigins = ["https://app.example", "http://*"];
  await client.send(
    new UpdateApiCommand({
      ApiId: api.id,
      CorsConfiguration: { AllowOrigins, AllowMethods: ["GET"], AllowHeaders: ["x-a"], MaxAge: 5 },
    }),
  );
  const asked = await ask(door, api.host, {
    method: "OPTIONS",
    path: "/anything",
    headers: { origin: "http://any.example", "access-control-request-method": "GET" },
  });
  assert.equal(asked.status, 204);
  assert.equal(asked.headers["access-control-allow-origin"], "http://any.example");
  assert.deepEqual(
    [asked.headers["access-control-allow-methods"], asked.headers["access-control-max-age"]],
    ["GET", "5"],
  );
  const own = returning({ statusCode: 200, headers: { "access-control-allow-origin": "*" } });
  const told = await withRun(own, () =>
    ask(door, api.host, { path: "/a", headers: { origin: "https://evil.example" } }),
  );
  assert.equal(told.headers["access-control-allow-origin"], undefined);
});

test("JWT authorizers check signature, issuer, audience, times and scopes, and show the claims", async () => {
  const { issuer, asked, token, server } = await openIssuer();
  try {
    const api = await makeApi("jwt");
    const target = await api.integration();
    const authorizer: CreateAuthorizerCommandInput = {
      ApiId: api.id,
      AuthorizerType: "JWT",
      Name: "jwt",
      IdentitySource: ["$request.header.Authorization"],
      JwtConfiguration: { Issuer: issuer, Audience: ["me"] },
    };
    const { AuthorizerId } = await client.send(new CreateAuthorizerCommand(authorizer));
    await api.route("GET /a", target, { AuthorizationType: "JWT", AuthorizerId });
    await api.route("GET /scoped", target, { AuthorizationType: "JWT", AuthorizerId, AuthorizationScopes: ["write"] });
    const now = Math.floor(Date.now() / 1000);
    const good = { iss: issuer, aud: ["me"], exp: now + 60, sub: "u", groups: ["x", "y"], scope: "read" };
    const with_ = (claims: object, path = "/a", more = {}) => {
      const headers = { authorization: `Bearer ${token(claims, more)}` };
      return withRun(returning({ statusCode: 200 }), () => ask(door, api.host, { path, headers }));
    };
    assert.equal((await with_(good)).status, 200);
    assert.deepEqual(lastEvent().requestContext.authorizer, {
      jwt: {
        claims: { iss: issuer, aud: "[me]", exp: String(now + 60), sub: "u", groups: "[x y]", scope: "read" },
        scopes: null,
      },
    });
    const before = door.invocations.length;
    assert.deepEqual(shown(await ask(door, api.host, { path: "/a" })), [401, "Unauthorized"]);
    for (const wrong of [
      { exp: now - 1 },
      { nbf: now + 60 },
      { iss: "x" },
      { aud: "you" },
      { exp: undefined },
      { exp: "never" },
    ]) {
      assert.deepEqual(shown(await with_({ ...good, ...wrong })), [401, "Unauthorized"], JSON.stringify(wrong));
    }
    for (const head of [{ alg: "none" }, { alg: "HS256" }, { kid: "other" }]) {
      assert.equal((await with_(good, "/a", head)).status, 401, JSON.stringify(head));
    }
    const forged = token(good).replace(
      /\.[^.]*\./,
      `.${Buffer.from(JSON.stringify({ ...good, sub: "root" })).toString("base64url")}.`,
    );
    assert.equal((await ask(door, api.host, { path: "/a", headers: { authorization: forged } })).status, 401);
    assert.deepEqual(shown(await with_(good, "/scoped")), [403, "Forbidden"]);
    assert.equal(door.invocations.length, before);
    assert.equal((await with_({ ...good, scope: "read write" }, "/scoped")).status, 200);
    assert.deepEqual(lastEvent().requestContext.authorizer.jwt.scopes, ["read", "write"]);
    assert.deepEqual(asked, ["/.well-known/openid-configuration", "/jwks"]);
  } finally {
    server.close();
  }
});

test("Lambda authorizers decide simply or by a policy, and are asked again only when their word is old", async () => {
  await makeFunction(lambda, "guard");
  await allow("guard");
  const api = await makeApi("guarded");
  const target = await api.integration();
  const authorizer = async (Name: string, more: Partial<CreateAuthorizerCommandInput>) => {
    const made = await client.send(
      new CreateAuthorizerCommand({
        ApiId: api.id,
        AuthorizerType: "REQUEST",
        Name,
        IdentitySource: ["$request.header.x-token"],
        AuthorizerUri: `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${arn("guard")}/invocations`,
        AuthorizerPayloadFormatVersion: "2.0",
        ...more,
      }),
    );
    return { AuthorizationType: "CUSTOM" as const, AuthorizerId: made.AuthorizerId };
  };
  await api.route("GET /simple", target, await authorizer("simple", { EnableSimpleResponses: true }));
  const byPolicy = await authorizer("policy", {
    AuthorizerPayloadFormatVersion: "1.0",
    AuthorizerResultTtlInSeconds: 0,
  });
  await api.route("GET /policy", target, byPolicy);
  let guards = 0;
  const guarded =
    (answer: (token: string) => unknown): Run =>
    (invocation) => {
      if (invocation.target.name !== "guard") return returning({ statusCode: 200 })(invocation);
      guards += 1;
      return returning(answer(JSON.parse(invocation.payload.toString()).headers["x-token"]))(invocation);
    };
  const get = (path: string, token?: string) =>
    ask(door, api.host, { path, headers: token === undefined ? {} : { "x-token": token } });
  await withRun(
    guarded((token) => ({ isAuthorized: token === "yes", context: { user: 7 } })),
    async () => {
      assert.deepEqual(shown(await get("/simple")), [401, "Unauthorized"]);
      assert.equal(guards, 0);
      assert.equal((await get("/simple", "yes")).status, 200);
      assert.deepEqual(lastEvent().requestContext.authorizer, { lambda: { user: 7 } });
      assert.equal((await get("/simple", "yes")).status, 200);
      assert.equal(guards, 1);
      assert.deepEqual(shown(await get("/simple", "no")), [403, "Forbidden"]);
      assert.deepEqual(shown(await get("/policy", "yes")), [500, "Internal Server Error"]);
    },
  );
  const allowing = (Effect: string, Resource = "*") => ({
    principalId: "p",
    policyDocument: { Version: "2012-10-17", Statement: [{ Action: "execute-api:Invoke", Effect, Resource }] },
  });
  const other = `arn:aws:execute-api:us-east-1:000000000000:${api.id}/$default/GET/other`;
  await withRun(
    guarded((token) => allowing(token === "yes" ? "Allow" : "Deny", token === "other" ? other : "*")),
    async () => {
      guards = 0;
      assert.equal((await get("/policy", "yes")).status, 200);
      const { methodArn, type, version } = JSON.parse(door.invocations.at(-2)!.payload.toString());
      assert.deepEqual([methodArn, type, version], [other.replace("/other", "/policy"), "REQUEST", "1.0"]);
      assert.deepEqual(shown(await get("/policy", "no")), [403, "Forbidden"]);
      assert.deepEqual(shown(await get("/policy", "other")), [403, "Forbidden"]);
      assert.equal(guards, 3);
    },
  );
});

test("AWS_IAM: signed for execute-api or forbidden", async () => {
  const api = await makeApi("iam");
  await api.route("GET /a", await api.integration(), { AuthorizationType: "AWS_IAM" });
  assert.deepEqual(shown(await ask(door, api.host, { path: "/a" })), [403, "Forbidden"]);
  const signed = (service: string) => {
    const request = { service, region: "us-east-1", method: "GET", path: "/a", host: api.host, headers: {} };
    return aws4.sign(request, { accessKeyId: "test", secretAccessKey: "s" }).headers as Record<string, string>;
  };
  assert.equal((await ask(door, api.host, { path: "/a", headers: signed("lambda") })).status, 403);
  const event = await eventOf(api.host, { path: "/a", headers: signed("execute-api") });
  assert.equal(event.requestContext.authorizer.iam.accountId, "000000000000");
});

test("HTTP_PROXY sends a request on to its endpoint, with mapped parameters, and the answer back", async () => {
  const seen: { url: string; headers: IncomingMessage["headers"]; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    seen.push({ url: request.url ?? "", headers: request.headers, body });
    response.writeHead(203, { "set-cookie": ["a=1", "b=2"], "x-from": "there" }).end("answer");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const api = await makeApi("proxy");
    const forward = { IntegrationType: "HTTP_PROXY", IntegrationMethod: "ANY" } as const;
    const mapped = {
      RequestParameters: {
        "append:header.x-id": "$request.path.id",
        "overwrite:querystring.q": "static",
        "remove:header.x-gone": "''",
      },
      ResponseParameters: { "203": { "overwrite:statuscode": "201", "append:header.x-more": "$context.stage" } },
    };
    await api.route(
      "POST /items/{id}",
      await api.integration({ ...forward, IntegrationUri: `${endpoint}/things/{id}`, ...mapped }),
    );
    await api.route("ANY /all/{proxy+}", await api.integration({ ...forward, IntegrationUri: `${endpoint}/{proxy}` }));
    await api.route("GET /dead", await api.integration({ ...forward, IntegrationUri: "http://127.0.0.1:1/" }));
    const told = await ask(door, api.host, {
      method: "POST",
      path: "/items/a%20b?q=1&r=2",
      headers: { "x-gone": "1", "content-type": "text/plain" },
      body: "sent",
    });
    assert.deepEqual(
      [told.status, told.text, told.headers["x-from"], told.headers["x-more"]],
      [201, "answer", "there", "$default"],
    );
    assert.deepEqual(told.headers["set-cookie"], ["a=1", "b=2"]);
    assert.deepEqual(
      [seen[0]!.url, seen[0]!.body, seen[0]!.headers["x-id"]],
      ["/things/a%20b?q=static&r=2", "sent", "a b"],
    );
    assert.equal("x-gone" in seen[0]!.headers, false);
    assert.equal((await ask(door, api.host, { path: "/all/x/y" })).status, 203);
    assert.equal(seen[1]!.url, "/x/y");
    assert.deepEqual(shown(await ask(door, api.host, { path: "/dead" })), [503, "Service Unavailable"]);
  } finally {
    server.close();
  }
});

test("a domain of one's own leads to the APIs that are mapped to it", async () => {
  const api = await makeApi("mapped", "v1");
  await api.route("GET /x", await api.integration());
  const DomainName = "api.example.test";
  await client.send(
    new CreateDomainNameCommand({
      DomainName,
      DomainNameConfigurations: [{ CertificateArn: "arn:aws:acm:us-east-1:000000000000:certificate/1" }],
    }),
  );
  await client.send(new CreateApiMappingCommand({ DomainName, ApiId: api.id, Stage: "v1", ApiMappingKey: "shop/one" }));
  assert.equal((await eventOf(DomainName, { path: "/shop/one/x" })).requestContext.stage, "v1");
  assert.deepEqual(shown(await ask(door, DomainName, { path: "/x" })), [404, "Not Found"]);
  await client.send(new UpdateApiCommand({ ApiId: api.id, DisableExecuteApiEndpoint: true }));
  assert.equal((await ask(door, api.host, { path: "/v1/x" })).status, 404);
});

test("what an API cannot be is refused by name, and tags are kept", async () => {
  const api = await makeApi("rules");
  const target = await api.integration();
  await api.route("GET /a", target);
  const route = (RouteKey: string, more: Partial<CreateRouteCommandInput> = {}) =>
    refusal(client.send(new CreateRouteCommand({ ApiId: api.id, RouteKey, ...more })));
  assert.deepEqual(await route("GET /a"), ["ConflictException", 409]);
  for (const key of ["nonsense", "FETCH /a", "GET a", "GET /{a+}/b", "GET /x{a}", "GET /{a}/{a}"]) {
    assert.deepEqual(await route(key), ["BadRequestException", 400], key);
  }
  assert.deepEqual(await route("GET /b", { Target: "integrations/nope" }), ["BadRequestException", 400]);
  assert.deepEqual(await route("GET /b", { AuthorizationType: "JWT" }), ["BadRequestException", 400]);
  const socket = client.send(new CreateApiCommand({ Name: "w", ProtocolType: "WEBSOCKET" }));
  assert.deepEqual(await refusal(socket), ["BadRequestException", 400]);
  assert.deepEqual(await refusal(client.send(new CreateApiCommand({ Name: "", ProtocolType: "HTTP" }))), [
    "BadRequestException",
    400,
  ]);
  const used = client.send(new DeleteIntegrationCommand({ ApiId: api.id, IntegrationId: target }));
  assert.deepEqual(await refusal(used), ["ConflictException", 409]);
  const { Items = [] } = await client.send(new GetRoutesCommand({ ApiId: api.id, MaxResults: "1" }));
  assert.deepEqual([Items.length, Items[0]!.AuthorizationType, Items[0]!.ApiKeyRequired], [1, "NONE", false]);
  await client.send(new UpdateRouteCommand({ ApiId: api.id, RouteId: Items[0]!.RouteId, RouteKey: "PUT /a" }));
  assert.equal((await eventOf(api.host, { method: "PUT", path: "/a" })).routeKey, "PUT /a");
  const ResourceArn = `arn:aws:apigateway:us-east-1::/apis/${api.id}/stages/$default`;
  await client.send(new TagResourceCommand({ ResourceArn, Tags: { a: "1" } }));
  assert.deepEqual((await client.send(new GetTagsCommand({ ResourceArn }))).Tags, { a: "1" });
});

test("an OpenAPI document, as SAM writes it, becomes an API and changes one", async () => {
  const uri = `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${arn("f")}/invocations`;
  const integration = { type: "aws_proxy", httpMethod: "POST", payloadFormatVersion: "2.0", uri };
  const document = {
    openapi: "3.0.1",
    info: { title: "imported", version: "1.0" },
    paths: {
      "/x/{id}": { get: { "x-amazon-apigateway-integration": integration, security: [{ OAuth: ["read"] }] } },
      "/signed": { post: { "x-amazon-apigateway-integration": integration, security: [{ AWS_IAM: [] }] } },
      $default: {
        "x-amazon-apigateway-any-method": { "x-amazon-apigateway-integration": integration, isDefaultRoute: true },
      },
    },
    components: {
      securitySchemes: {
        OAuth: {
          type: "oauth2",
          "x-amazon-apigateway-authorizer": {
            type: "jwt",
            identitySource: "$request.header.Authorization",
            jwtConfiguration: { issuer: "https://issuer.example", audience: ["me"] },
          },
        },
        AWS_IAM: { type: "apiKey", name: "Authorization", in: "header", "x-amazon-apigateway-authtype": "awsSigv4" },
      },
    },
    "x-amazon-apigateway-cors": { allowOrigins: ["*"] },
    tags: [{ name: "httpapi:createdBy", "x-amazon-apigateway-tag-value": "SAM" }],
  };
  const made = await client.send(new ImportApiCommand({ Body: JSON.stringify(document) }));
  const { ApiId } = made;
  assert.deepEqual(
    [made.Name, made.CorsConfiguration?.AllowOrigins, made.Tags],
    ["imported", ["*"], { "httpapi:createdBy": "SAM" }],
  );
  await client.send(new CreateStageCommand({ ApiId, StageName: "$default", AutoDeploy: true }));
  const host = new URL(made.ApiEndpoint!).host;
  assert.equal((await eventOf(host, { path: "/any" })).routeKey, "$default");
  assert.deepEqual(shown(await ask(door, host, { path: "/x/1" })), [401, "Unauthorized"]);
  assert.deepEqual(shown(await ask(door, host, { method: "POST", path: "/signed" })), [403, "Forbidden"]);
  const yaml = `openapi: 3.0.1
info: { title: changed }
paths:
  /only:
    x-amazon-apigateway-any-method:
      x-amazon-apigateway-integration: { type: aws_proxy, payloadFormatVersion: 2.0, uri: "${uri}" }
`;
  await client.send(new ReimportApiCommand({ ApiId, Body: yaml }));
  assert.equal((await eventOf(host, { path: "/only" })).routeKey, "ANY /only");
  assert.equal((await ask(door, host, { path: "/any" })).status, 404);
  for (const Body of [
    "{",
    "swagger: 2.0",
    "openapi: 3.0.1",
    "- a",
    '{"openapi":"3.0.1","info":{"title":"x"},"paths":{"a":{"get":{}}}}',
  ]) {
    assert.deepEqual(await refusal(client.send(new ImportApiCommand({ Body }))), ["BadRequestException", 400], Body);
  }
});
