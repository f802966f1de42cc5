import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import {
  ApiGatewayV2Client,
  CreateApiCommand,
  CreateAuthorizerCommand,
  CreateDeploymentCommand,
  CreateIntegrationCommand,
  type CreateIntegrationCommandInput,
  CreateIntegrationResponseCommand,
  CreateRouteCommand,
  type CreateRouteCommandInput,
  CreateRouteResponseCommand,
  CreateStageCommand,
} from "@aws-sdk/client-apigatewayv2";
import { AddPermissionCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import { WebSocket } from "ws";
import { type Door, echo, openDoor, type Run } from "./door.ts";
import { ask, failing, lambdaClient, makeFunction, returning } from "./front.ts";

/** WebSocket APIs as SDKs make them and the `ws` client uses them; the function itself is played by the test. */
let door: Door;
let lambda: LambdaClient;
let client: ApiGatewayV2Client;
let run: Run = echo;

const arn = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
const credentials = { accessKeyId: "test", secretAccessKey: "test" };

before(async () => {
  door = await openDoor((invocation) => run(invocation));
  lambda = lambdaClient(door);
  client = new ApiGatewayV2Client({ endpoint: door.endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
  await makeFunction(lambda, "f");
  await allow("f");
});
after(async () => {
  lambda.destroy();
  client.destroy();
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
});

async function allow(name: string) {
  const Principal = "apigateway.amazonaws.com";
  const permission = { FunctionName: name, StatementId: "apis", Action: "lambda:InvokeFunction", Principal };
  await lambda.send(new AddPermissionCommand(permission));
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

/** An API whose messages say in `action` what they want, with a stage `s` that deploys by itself. */
async function makeApi(name: string): Promise<Made> {
  const RouteSelectionExpression = "$request.body.action";
  const made = await client.send(
    new CreateApiCommand({ Name: name, ProtocolType: "WEBSOCKET", RouteSelectionExpression }),
  );
  const id = made.ApiId!;
  assert.match(made.ApiEndpoint!, /^ws:\/\//);
  await client.send(new CreateStageCommand({ ApiId: id, StageName: "s", AutoDeploy: true }));
  return {
    id,
    host: new URL(made.ApiEndpoint!).host,
    async integration(more = {}) {
      const input = { ApiId: id, IntegrationType: "AWS_PROXY", IntegrationUri: arn("f"), ...more } as const;
      return (await client.send(new CreateIntegrationCommand(input))).IntegrationId!;
    },
    async route(key, target, more = {}) {
      const input = { ApiId: id, RouteKey: key, Target: `integrations/${target}`, ...more };
      return (await client.send(new CreateRouteCommand(input))).RouteId!;
    },
  };
}

interface Peer {
  readonly socket: WebSocket;
  /** the next message, as text */
  next(): Promise<string>;
  closed: Promise<[number, string]>;
}

/** Connects, or rejects with the status of the refusal. */
async function connect(
  api: Made,
  path = "/s",
  headers: Record<string, string> = {},
  protocols: string[] = [],
): Promise<Peer> {
  const socket = new WebSocket(`ws://127.0.0.1:${door.port}${path}`, protocols, {
    headers: { host: api.host, ...headers },
  });
  const waiting: ((text: string) => void)[] = [];
  const said: string[] = [];
  socket.on("message", (data) => {
    const text = String(data);
    const taker = waiting.shift();
    if (taker === undefined) said.push(text);
    else taker(text);
  });
  const closed = new Promise<[number, string]>((resolve) =>
    socket.on("close", (code, reason) => resolve([code, String(reason)])),
  );
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
    socket.once("unexpected-response", (_request, response) => {
      reject(new Error(String(response.statusCode)));
      socket.terminate();
    });
  });
  socket.on("error", () => {});
  const next = () => {
    const ready = said.shift();
    return ready === undefined ? new Promise<string>((resolve) => waiting.push(resolve)) : Promise.resolve(ready);
  };
  return { socket, next, closed };
}

// biome-ignore lint/suspicious/noExplicitAny: a test knows its events
const events = (): any[] => door.invocations.map(({ payload }) => JSON.parse(payload.toString()));

/** Waits for the function to be called once more. */
// biome-ignore lint/suspicious/noExplicitAny: a test knows its events
async function nextEvent(after: number): Promise<any> {
  while (door.invocations.length <= after) await new Promise((resolve) => setTimeout(resolve, 5));
  return events()[after];
}

async function management(api: Made) {
  return new ApiGatewayManagementApiClient({
    endpoint: `${door.endpoint}/_aws/execute-api/${api.id}/s`,
    region: "us-east-1",
    credentials,
    maxAttempts: 1,
  });
}

async function refusal(work: Promise<unknown>): Promise<[string, number]> {
  return work.then(
    () => assert.fail("it was not refused"),
    (error: Error & { $metadata: { httpStatusCode: number } }) => [error.name, error.$metadata.httpStatusCode],
  );
}

test("a client connects, sends and goes, and the function hears of each", async () => {
  const api = await makeApi("life");
  const target = await api.integration();
  for (const key of ["$connect", "$disconnect", "$default", "chat"]) await api.route(key, target);
  await withRun(returning({ statusCode: 200, body: "not for the client" }), async () => {
    let seen = door.invocations.length;
    const peer = await connect(api, "/s?room=1&room=2", { "X-Mine": "y" });
    const { requestContext, headers, multiValueQueryStringParameters, queryStringParameters } = await nextEvent(seen);
    const { connectionId } = requestContext;
    assert.match(connectionId, /^[A-Za-z0-9]{15}=$/);
    assert.deepEqual(
      [
        requestContext.eventType,
        requestContext.routeKey,
        requestContext.stage,
        requestContext.apiId,
        requestContext.messageDirection,
      ],
      ["CONNECT", "$connect", "s", api.id, "IN"],
    );
    assert.deepEqual([queryStringParameters, multiValueQueryStringParameters], [{ room: "2" }, { room: ["1", "2"] }]);
    assert.equal(headers["X-Mine"], "y");
    assert.equal(headers["Sec-WebSocket-Version"], "13");
    const said = async (text: string | Buffer) => {
      seen = door.invocations.length;
      peer.socket.send(text);
      return nextEvent(seen);
    };
    const chat = await said('{"action":"chat","text":"hi"}');
    assert.deepEqual(
      [chat.requestContext.routeKey, chat.body, chat.isBase64Encoded],
      ["chat", '{"action":"chat","text":"hi"}', false],
    );
    assert.equal(chat.requestContext.connectionId, connectionId);
    assert.ok(chat.requestContext.messageId);
    assert.equal((await said("no JSON")).requestContext.routeKey, "$default");
    assert.equal((await said('{"action":"$connect"}')).requestContext.routeKey, "$default");
    assert.equal((await said('{"action":{"a":1}}')).requestContext.routeKey, "$default");
    const binary = await said(Buffer.of(1, 255));
    assert.deepEqual([binary.isBase64Encoded, binary.body], [true, "Af8="]);
    seen = door.invocations.length;
    peer.socket.close(4001, "bye");
    const { requestContext: last } = await nextEvent(seen);
    assert.deepEqual(
      [last.eventType, last.routeKey, last.disconnectStatusCode, last.disconnectReason, last.connectionId],
      ["DISCONNECT", "$disconnect", 4001, "bye", connectionId],
    );
  });
});

test("a refused or failed $connect is the answer to the handshake; nobody's API is 403", async () => {
  const api = await makeApi("refusing");
  await api.route("$connect", await api.integration());
  const status = (other: Run) =>
    withRun(other, () =>
      connect(api).then(
        () => "open",
        (error: Error) => error.message,
      ),
    );
  assert.equal(await status(returning({ statusCode: 401 })), "401");
  assert.equal(await status(returning({ statusCode: 204 })), "open");
  assert.equal(await status(failing), "502");
  await assert.rejects(connect(api, "/other"), /^Error: 403$/);
  await assert.rejects(connect({ ...api, host: "nobody000.execute-api.us-east-1.localhost" }), /^Error: 403$/);
  await assert.rejects(connect({ ...api, host: "127.0.0.1" }), /^Error: 403$/);
  const plain = await ask(door, api.host, { path: "/s" });
  assert.equal(plain.status, 426);
  // The function chooses a protocol of those that the client speaks.
  const choosing = returning({ statusCode: 200, headers: { "Sec-WebSocket-Protocol": "two" } });
  const peer = await withRun(choosing, () => connect(api, "/s", {}, ["one", "two"]));
  assert.equal(peer.socket.protocol, "two");
  peer.socket.close();
});

test("messages without a route, and failures, are told to the client; two-way routes answer it", async () => {
  const api = await makeApi("two-way");
  const target = await api.integration();
  const RouteResponseSelectionExpression = "$default";
  const RouteId = await api.route("ask", target, { RouteResponseSelectionExpression });
  await client.send(new CreateRouteResponseCommand({ ApiId: api.id, RouteId, RouteResponseKey: "$default" }));
  const mock = await api.integration({
    IntegrationType: "MOCK",
    IntegrationUri: undefined,
    RequestTemplates: { "200": '{"statusCode":200}' },
  });
  const mocked = await api.route("mock", mock, { RouteResponseSelectionExpression });
  await client.send(new CreateRouteResponseCommand({ ApiId: api.id, RouteId: mocked, RouteResponseKey: "$default" }));
  await client.send(
    new CreateIntegrationResponseCommand({
      ApiId: api.id,
      IntegrationId: mock,
      IntegrationResponseKey: "/200/",
      ResponseTemplates: { "200": '{"from":"$context.routeKey"}' },
    }),
  );
  const peer = await connect(api);
  peer.socket.send('{"action":"nobody"}');
  const { message, connectionId, requestId } = JSON.parse(await peer.next());
  assert.equal(message, "Forbidden");
  assert.ok(connectionId && requestId);
  await withRun(returning({ statusCode: 200, body: "answer" }), async () => {
    peer.socket.send('{"action":"ask"}');
    assert.equal(await peer.next(), "answer");
  });
  await withRun(failing, async () => {
    peer.socket.send('{"action":"ask"}');
    assert.equal(JSON.parse(await peer.next()).message, "Internal server error");
  });
  peer.socket.send('{"action":"mock"}');
  assert.equal(await peer.next(), '{"from":"mock"}');
  peer.socket.close();
});

test("an HTTP endpoint gets the message, and what it says comes back", async () => {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    response.end(`got ${body}`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const IntegrationUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
    const api = await makeApi("http");
    const target = await api.integration({ IntegrationType: "HTTP_PROXY", IntegrationUri, IntegrationMethod: "POST" });
    const RouteId = await api.route("$default", target, { RouteResponseSelectionExpression: "$default" });
    await client.send(new CreateRouteResponseCommand({ ApiId: api.id, RouteId, RouteResponseKey: "$default" }));
    const peer = await connect(api);
    peer.socket.send("hello");
    assert.equal(await peer.next(), "got hello");
    peer.socket.close();
  } finally {
    server.close();
  }
});

test("@connections sends to a client, tells of it and ends it; who is gone is gone", async () => {
  const api = await makeApi("managed");
  await api.route("$connect", await api.integration());
  const api2 = await management(api);
  const seen = door.invocations.length;
  const peer = await withRun(returning({ statusCode: 200 }), () => connect(api));
  const ConnectionId = (await nextEvent(seen)).requestContext.connectionId as string;
  await api2.send(new PostToConnectionCommand({ ConnectionId, Data: "hello" }));
  assert.equal(await peer.next(), "hello");
  // Functions that know nothing but the platform's endpoint reach their clients, too.
  const plain = new ApiGatewayManagementApiClient({
    endpoint: door.endpoint,
    region: "us-east-1",
    credentials,
    maxAttempts: 1,
  });
  await plain.send(new PostToConnectionCommand({ ConnectionId, Data: "again" }));
  assert.equal(await peer.next(), "again");
  const told = await api2.send(new GetConnectionCommand({ ConnectionId }));
  assert.equal(told.Identity?.SourceIp, "127.0.0.1");
  assert.ok(told.ConnectedAt!.getTime() <= told.LastActiveAt!.getTime());
  const large = new PostToConnectionCommand({ ConnectionId, Data: Buffer.alloc(128 * 1024 + 1) });
  assert.deepEqual(await refusal(api2.send(large)), ["PayloadTooLargeException", 413]);
  const path = `/s/@connections/${encodeURIComponent(ConnectionId)}`;
  assert.equal((await ask(door, api.host, { method: "POST", path, body: "x" })).status, 403);
  await api2.send(new DeleteConnectionCommand({ ConnectionId }));
  assert.equal((await peer.closed)[0], 1000);
  assert.deepEqual(await refusal(api2.send(new PostToConnectionCommand({ ConnectionId, Data: "x" }))), [
    "GoneException",
    410,
  ]);
  assert.deepEqual(await refusal(api2.send(new GetConnectionCommand({ ConnectionId: "none=" }))), [
    "GoneException",
    410,
  ]);
  api2.destroy();
  plain.destroy();
});

test("a Lambda authorizer guards $connect, and its context comes with every event", async () => {
  await makeFunction(lambda, "guard");
  await allow("guard");
  const api = await makeApi("guarded");
  const target = await api.integration();
  const { AuthorizerId } = await client.send(
    new CreateAuthorizerCommand({
      ApiId: api.id,
      AuthorizerType: "REQUEST",
      Name: "guard",
      IdentitySource: ["route.request.querystring.token"],
      AuthorizerUri: `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${arn("guard")}/invocations`,
    }),
  );
  await api.route("$connect", target, { AuthorizationType: "CUSTOM", AuthorizerId });
  await api.route("$default", target);
  const guarding: Run = (invocation) => {
    if (invocation.target.name !== "guard") return returning({ statusCode: 200 })(invocation);
    const { queryStringParameters, methodArn } = JSON.parse(invocation.payload.toString());
    const Effect = queryStringParameters.token === "yes" ? "Allow" : "Deny";
    const Statement = [{ Action: "execute-api:Invoke", Effect, Resource: methodArn }];
    return returning({ principalId: "me", policyDocument: { Version: "2012-10-17", Statement }, context: { n: 1 } })(
      invocation,
    );
  };
  await withRun(guarding, async () => {
    await assert.rejects(connect(api), /^Error: 401$/);
    await assert.rejects(connect(api, "/s?token=no"), /^Error: 403$/);
    const peer = await connect(api, "/s?token=yes");
    const seen = door.invocations.length;
    peer.socket.send("x");
    assert.deepEqual((await nextEvent(seen)).requestContext.authorizer, { principalId: "me", n: 1 });
    peer.socket.close();
  });
});

test("messages over 128 KB end the connection, and so does what is no WebSocket", async () => {
  const api = await makeApi("large");
  await api.route("$default", await api.integration());
  await withRun(returning({ statusCode: 200 }), async () => {
    const peer = await connect(api);
    const seen = door.invocations.length;
    peer.socket.send(Buffer.alloc(128 * 1024, "a").toString());
    assert.equal((await nextEvent(seen)).body.length, 128 * 1024);
    peer.socket.send(Buffer.alloc(128 * 1024 + 1, "a").toString());
    assert.equal((await peer.closed)[0], 1009);
  });
});

test("what is connected takes part in changes of its API, and a stop of the platform tells clients and functions", async () => {
  const other = await openDoor(async (invocation) => returning({ statusCode: 200 })(invocation));
  const apis = new ApiGatewayV2Client({ endpoint: other.endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
  const functions = lambdaClient(other);
  try {
    await makeFunction(functions, "f");
    const Principal = "apigateway.amazonaws.com";
    await functions.send(
      new AddPermissionCommand({ FunctionName: "f", StatementId: "a", Action: "lambda:InvokeFunction", Principal }),
    );
    const made = await apis.send(
      new CreateApiCommand({ Name: "x", ProtocolType: "WEBSOCKET", RouteSelectionExpression: "$request.body.a" }),
    );
    const ApiId = made.ApiId!;
    const { IntegrationId } = await apis.send(
      new CreateIntegrationCommand({ ApiId, IntegrationType: "AWS_PROXY", IntegrationUri: arn("f") }),
    );
    const Target = `integrations/${IntegrationId}`;
    await apis.send(new CreateRouteCommand({ ApiId, RouteKey: "$disconnect", Target }));
    await apis.send(new CreateStageCommand({ ApiId, StageName: "s" }));
    await apis.send(new CreateDeploymentCommand({ ApiId, StageName: "s" }));
    const socket = new WebSocket(`ws://127.0.0.1:${other.port}/s`, {
      headers: { host: new URL(made.ApiEndpoint!).host },
    });
    await once(socket, "open");
    await apis.send(new CreateRouteCommand({ ApiId, RouteKey: "$default", Target }));
    await apis.send(new CreateDeploymentCommand({ ApiId, StageName: "s" }));
    socket.send("x");
    while (other.invocations.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const closed = once(socket, "close");
    await other.drain(2000);
    assert.equal((await closed)[0], 1001);
    const kinds = other.invocations.map(({ payload }) => JSON.parse(payload.toString()).requestContext.eventType);
    assert.deepEqual(kinds, ["MESSAGE", "DISCONNECT"]);
    assert.deepEqual(other.reported, []);
  } finally {
    apis.destroy();
    functions.destroy();
    await other[Symbol.asyncDispose]();
  }
});
