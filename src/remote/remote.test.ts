import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { createCalls, RemoteError } from "./calls.ts";
import { createRemote } from "./remote.ts";

let server: Server;
let url: string;
let serve: (request: IncomingMessage, response: ServerResponse, body: string) => void;
const remote = createRemote();
const credentials = { accessKeyId: "AKIA", secretAccessKey: "secret", sessionToken: "token" };
const service = { service: "sqs", target: "AmazonSQS", version: "1.0" } as const;

before(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => serve(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  remote.close();
  server.close();
});

const calls = () => createCalls(remote, service, "eu-west-1", () => ({ url: `${url}/base`, credentials }));

test("a call names its operation, is signed, and gives what was answered", async () => {
  serve = (request, response, body) => {
    assert.equal(request.headers["x-amz-target"], "AmazonSQS.SendMessage");
    assert.match(request.headers.authorization ?? "", /Credential=AKIA\/\d{8}\/eu-west-1\/sqs\/aws4_request/);
    assert.equal(request.headers["x-amz-security-token"], "token");
    assert.equal(request.url, "/base/");
    response.end(body);
  };
  assert.deepEqual(await calls()("SendMessage", { a: "ü" }), { a: "ü" });
});

test("a refusal has the service's code, without what stands around it", async () => {
  for (const [headers, body, code] of [
    [{}, '{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"gone"}', "QueueDoesNotExist"],
    [{ "x-amzn-errortype": "ThrottlingException:http://x/" }, '{"Message":"slow"}', "ThrottlingException"],
    [{}, "<html>", "HTTP 400"],
  ] as const) {
    serve = (_request, response) => response.writeHead(400, headers).end(body);
    await assert.rejects(calls()("X", {}), (error) => error instanceof RemoteError && error.code === code);
  }
});

test("a kept connection that the server closes meanwhile is no failure", async () => {
  serve = (_request, response) => response.end("{}");
  await calls()("X", {});
  server.closeAllConnections();
  assert.deepEqual(await calls()("X", {}), {});
});

test("who waits too long, or no more, is told so", async () => {
  const held: ServerResponse[] = [];
  serve = (_request, response) => held.push(response);
  await assert.rejects(calls()("X", {}, undefined, 30), { name: "TimeoutError" });
  const stop = new AbortController();
  const call = calls()("X", {}, stop.signal);
  stop.abort();
  await assert.rejects(call, { name: "AbortError" });
  for (const response of held) response.destroy();
});

test("nobody there is an error of the connection", async () => {
  const nobody = createCalls(remote, service, "us-east-1", () => ({ url: "http://127.0.0.1:9", credentials }));
  await assert.rejects(nobody("X", {}), { code: "ECONNREFUSED" });
});
