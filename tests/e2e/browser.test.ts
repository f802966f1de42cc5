import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import {
  ApiGatewayV2Client,
  CreateApiCommand,
  CreateIntegrationCommand,
  CreateRouteCommand,
  CreateRouteResponseCommand,
  CreateStageCommand,
} from "@aws-sdk/client-apigatewayv2";
import { AddPermissionCommand } from "@aws-sdk/client-lambda";
import { chromium } from "playwright-core";
import { makeUrl } from "../conformance/front.ts";
import { createFunction, lambdaOf } from "./lambda.ts";
import { startServer } from "./server.ts";

/** A page of another origin, in a real browser: it holds servers to CORS, and finds names below localhost by itself. */
const places = (process.env.PATH ?? "")
  .split(delimiter)
  .flatMap((folder) => ["chromium", "chromium-browser", "google-chrome"].map((name) => join(folder, name)));
const executablePath = [process.env.THAW_TEST_CHROMIUM ?? "", ...places].find(
  (path) => path !== "" && existsSync(path),
);
const skip = executablePath === undefined ? "no Chromium on the PATH (Debian: apt install chromium)" : false;

test("a page reads a function URL of its origin only, and speaks over a WebSocket", { skip }, async () => {
  await using server = await startServer();
  const lambda = lambdaOf(server);
  const pages = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<title>page</title>");
  });
  pages.listen(0, "127.0.0.1");
  await once(pages, "listening");
  const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  const browser = await chromium.launch({ executablePath: executablePath!, args: ["--no-sandbox"] });
  try {
    const code = `exports.handler = async (event) => ({ statusCode: 200, headers: { "x-shown": "1" },
      body: event.requestContext.eventType === undefined ? event.headers["x-mine"] : "echo " + event.body });`;
    const { FunctionArn } = await createFunction(lambda, "page", { code: { "index.js": code } });
    const Cors = {
      AllowOrigins: [origin],
      AllowMethods: ["PUT"],
      AllowHeaders: ["x-mine"],
      ExposeHeaders: ["x-shown"],
    };
    const url = `http://${await makeUrl(lambda, "page", { Cors })}/`;
    await createFunction(lambda, "closed", { code: { "index.js": code } });
    const closed = `http://${await makeUrl(lambda, "closed", { Cors: { AllowOrigins: ["https://else.example"] } })}/`;
    const socket = await webSocketApi(server.endpoint, FunctionArn!);
    await lambda.send(
      new AddPermissionCommand({
        FunctionName: "page",
        StatementId: "apis",
        Action: "lambda:InvokeFunction",
        Principal: "apigateway.amazonaws.com",
      }),
    );
    const page = await browser.newPage();
    await page.goto(origin);
    const told = await page.evaluate(
      `fetch(${JSON.stringify(url)}, { method: "PUT", headers: { "x-mine": "hello" } }).then(async (answer) => [answer.status, answer.headers.get("x-shown"), await answer.text()])`,
    );
    assert.deepEqual(told, [200, "1", "hello"]);
    const refused = await page.evaluate(`fetch(${JSON.stringify(closed)}).then(() => "read", (error) => error.name)`);
    assert.equal(refused, "TypeError");
    const echoed = await page.evaluate(
      `new Promise((done, failed) => { const socket = new WebSocket(${JSON.stringify(socket)}); socket.onerror = () => failed(new Error("socket"));
        socket.onopen = () => socket.send("hi"); socket.onmessage = ({ data }) => done(data); })`,
    );
    assert.equal(echoed, "echo hi");
  } finally {
    await browser.close();
    pages.close();
    lambda.destroy();
  }
});

/** Where a WebSocket API is whose clients get the function's answers. */
async function webSocketApi(endpoint: string, IntegrationUri: string): Promise<string> {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const gateway = new ApiGatewayV2Client({ endpoint, region: "us-east-1", credentials });
  const RouteSelectionExpression = "$request.body.action";
  const made = await gateway.send(
    new CreateApiCommand({ Name: "w", ProtocolType: "WEBSOCKET", RouteSelectionExpression }),
  );
  const ApiId = made.ApiId!;
  const proxy = { ApiId, IntegrationType: "AWS_PROXY", IntegrationUri } as const;
  const { IntegrationId } = await gateway.send(new CreateIntegrationCommand(proxy));
  const route = { ApiId, RouteKey: "$default", Target: `integrations/${IntegrationId}` };
  const { RouteId } = await gateway.send(
    new CreateRouteCommand({ ...route, RouteResponseSelectionExpression: "$default" }),
  );
  await gateway.send(new CreateRouteResponseCommand({ ApiId, RouteId, RouteResponseKey: "$default" }));
  await gateway.send(new CreateStageCommand({ ApiId, StageName: "s", AutoDeploy: true }));
  gateway.destroy();
  return `${made.ApiEndpoint}/s`;
}
