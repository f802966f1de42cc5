import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import {
  ApiGatewayV2Client,
  CreateApiCommand,
  CreateIntegrationCommand,
  CreateRouteCommand,
  CreateStageCommand,
} from "@aws-sdk/client-apigatewayv2";
import { AddPermissionCommand, type LambdaClient, PutFunctionConcurrencyCommand } from "@aws-sdk/client-lambda";
import { WebSocket } from "ws";
import { ask, makeUrl } from "../conformance/front.ts";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** The front doors of a real platform, with functions that really run. */
let server: Server;
let lambda: LambdaClient;
let gateway: ApiGatewayV2Client;

before(async () => {
  server = await startServer();
  lambda = lambdaOf(server);
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  gateway = new ApiGatewayV2Client({ endpoint: server.endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
});
after(async () => {
  lambda.destroy();
  gateway.destroy();
  await server[Symbol.asyncDispose]();
});

const allow = (FunctionName: string) =>
  lambda.send(
    new AddPermissionCommand({
      FunctionName,
      StatementId: "apis",
      Action: "lambda:InvokeFunction",
      Principal: "apigateway.amazonaws.com",
    }),
  );

test("one function behind a URL and an HTTP API; without concurrency it is throttled", async () => {
  const code = `exports.handler = async (event) => ({
    statusCode: 201, cookies: ["a=1"], headers: { "x-path": event.rawPath }, body: JSON.stringify(event.requestContext.http.method + " " + event.body) });`;
  const { FunctionArn } = await createFunction(lambda, "http", { code: { "index.js": code } });
  const url = await makeUrl(lambda, "http");
  const told = await ask(server, url, {
    method: "POST",
    path: "/a/b",
    headers: { "content-type": "text/plain" },
    body: "hi",
  });
  assert.deepEqual(
    [told.status, told.headers["x-path"], told.headers["set-cookie"], told.text],
    [201, "/a/b", ["a=1"], '"POST hi"'],
  );
  await allow("http");
  const api = await gateway.send(new CreateApiCommand({ Name: "x", ProtocolType: "HTTP", Target: FunctionArn }));
  const through = await ask(server, new URL(api.ApiEndpoint!).host, { path: "/c" });
  assert.deepEqual([through.status, through.headers["x-path"]], [201, "/c"]);
  await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName: "http", ReservedConcurrentExecutions: 0 }));
  const throttled = await ask(server, url);
  assert.equal(throttled.status, 429);
  assert.equal(JSON.parse(throttled.text).Reason, "ReservedFunctionConcurrentInvocationLimitExceeded");
});

test("answers stream, with their status and headers first", async () => {
  const code = `exports.handler = awslambda.streamifyResponse(async (event, stream) => {
    const out = awslambda.HttpResponseStream.from(stream, { statusCode: 202, headers: { "Content-Type": "text/event-stream" }, cookies: ["s=1"] });
    for (let n = 0; n < 3; n++) { out.write("data: " + n + "\\n\\n"); await new Promise((done) => setTimeout(done, 20)); }
    out.end();
  });`;
  await createFunction(lambda, "streams", { code: { "index.js": code } });
  const url = await makeUrl(lambda, "streams", { InvokeMode: "RESPONSE_STREAM" });
  const told = await ask(server, url);
  assert.deepEqual(
    [told.status, told.headers["content-type"], told.headers["set-cookie"]],
    [202, "text/event-stream", ["s=1"]],
  );
  assert.equal(told.text, "data: 0\n\ndata: 1\n\ndata: 2\n\n");
});

test("a timed-out, a crashed and a throwing function are 502, and the next request is served", async () => {
  const code = `exports.handler = async ({ rawPath }) => {
    if (rawPath === "/throw") throw new Error("no");
    if (rawPath === "/exit") process.exit(1);
    if (rawPath === "/late") await new Promise((done) => setTimeout(done, 5000));
    return "fine";
  };`;
  await createFunction(lambda, "fails", { code: { "index.js": code }, Timeout: 1 });
  const url = await makeUrl(lambda, "fails");
  for (const path of ["/throw", "/exit", "/late"]) {
    const told = await ask(server, url, { path });
    assert.deepEqual([told.status, told.text], [502, "Internal Server Error"], path);
  }
  assert.equal((await ask(server, url)).text, "fine");
});

test("a function answers its WebSocket client by way of @connections, with nothing but the platform's endpoint", async () => {
  // Node.js's own fetch would do without a signature where nobody checks one; the door wants to see who asks all the same.
  const code = `const http = require("node:http");
  exports.handler = async ({ requestContext: { connectionId, eventType }, body }) => {
    if (eventType !== "MESSAGE") return { statusCode: 200 };
    const url = new URL(process.env.AWS_ENDPOINT_URL + "/@connections/" + encodeURIComponent(connectionId));
    const status = await new Promise((resolve, reject) => http.request(url, { method: "POST", headers: {
      authorization: "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=0" } },
      (answer) => { answer.resume(); resolve(answer.statusCode); }).on("error", reject).end("echo " + body));
    return { statusCode: status };
  };`;
  const { FunctionArn } = await createFunction(lambda, "chat", { code: { "index.js": code } });
  await allow("chat");
  const RouteSelectionExpression = "$request.body.action";
  const made = await gateway.send(
    new CreateApiCommand({ Name: "w", ProtocolType: "WEBSOCKET", RouteSelectionExpression }),
  );
  const ApiId = made.ApiId!;
  const { IntegrationId } = await gateway.send(
    new CreateIntegrationCommand({ ApiId, IntegrationType: "AWS_PROXY", IntegrationUri: FunctionArn }),
  );
  for (const RouteKey of ["$connect", "$default"]) {
    await gateway.send(new CreateRouteCommand({ ApiId, RouteKey, Target: `integrations/${IntegrationId}` }));
  }
  await gateway.send(new CreateStageCommand({ ApiId, StageName: "s", AutoDeploy: true }));
  const headers = { host: new URL(made.ApiEndpoint!).host };
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/s`, { headers });
  await once(socket, "open");
  socket.send("hello");
  const [message] = await once(socket, "message");
  assert.equal(String(message), "echo hello");
  socket.close();
});
