import assert from "node:assert/strict";
import { METHODS } from "node:http";
import { after, before, test } from "node:test";
import { ApiGatewayV2Client, CreateApiCommand, type CreateApiCommandOutput } from "@aws-sdk/client-apigatewayv2";
import { AddPermissionCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import fc from "../properties.ts";
import { type Door, echo, openDoor, type Run } from "./door.ts";
import { ask, lambdaClient, makeFunction, makeUrl, raw, returning, streaming } from "./front.ts";

/** Whatever clients send and functions return, the doors answer it in their own words, and nothing of it is a failure of ours. */
let door: Door;
let lambda: LambdaClient;
let run: Run = echo;
let hosts: { url: string; stream: string; api: string };

before(async () => {
  door = await openDoor((invocation) => run(invocation));
  lambda = lambdaClient(door);
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const gateway = new ApiGatewayV2Client({ endpoint: door.endpoint, region: "us-east-1", credentials });
  for (const name of ["f", "s"]) await makeFunction(lambda, name);
  const Principal = "apigateway.amazonaws.com";
  await lambda.send(
    new AddPermissionCommand({ FunctionName: "f", StatementId: "a", Action: "lambda:InvokeFunction", Principal }),
  );
  const Target = "arn:aws:lambda:us-east-1:000000000000:function:f";
  const CorsConfiguration = { AllowOrigins: ["*"] };
  const made: CreateApiCommandOutput = await gateway.send(
    new CreateApiCommand({ Name: "x", ProtocolType: "HTTP", Target, CorsConfiguration }),
  );
  hosts = {
    url: await makeUrl(lambda, "f"),
    stream: await makeUrl(lambda, "s", { InvokeMode: "RESPONSE_STREAM" }),
    api: new URL(made.ApiEndpoint!).host,
  };
  gateway.destroy();
});
after(async () => {
  lambda.destroy();
  await door[Symbol.asyncDispose]();
});

const runs = process.env.THAW_TEST_SLOW === "1" ? 2000 : 120;
const which = fc.constantFrom("url" as const, "stream" as const, "api" as const);
const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/);
const taken = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "transfer-encoding",
  "upgrade",
  "authorization",
]);
const headerName = fc
  .oneof(
    token,
    fc.constantFrom(
      "__proto__",
      "constructor",
      "cookie",
      "origin",
      "content-type",
      "content-encoding",
      "x-amzn-trace-id",
    ),
  )
  .filter((name) => !taken.has(name.toLowerCase()));
const headerValue = fc.stringMatching(/^[\x21-\x7e\x80-\xff]([\x20-\x7e\x80-\xff]{0,40}[\x21-\x7e\x80-\xff])?$/);
const path = fc.stringMatching(/^\/[!-"$-~]{0,40}$/);

test("any request becomes an event that tells of it, or is refused", async () => {
  run = returning({ statusCode: 204 });
  const property = fc.asyncProperty(
    which,
    fc.constantFrom(...METHODS.filter((method) => method !== "CONNECT" && method !== "QUERY")),
    path,
    fc.array(fc.tuple(headerName, headerValue), { maxLength: 8 }),
    fc.uint8Array({ maxLength: 60 }),
    async (kind, method, target, headers, body) => {
      const before = door.invocations.length;
      const bytes = Buffer.from(body);
      const asked = {
        method,
        path: target,
        headers: [...headers.flat(), "content-length", String(bytes.length)],
        body: bytes,
      };
      const { status } = await ask(door, hosts[kind], asked);
      assert.ok([200, 204, 400].includes(status), `${status}`);
      if (door.invocations.length === before) return;
      const event = JSON.parse(door.invocations.at(-1)!.payload.toString());
      const mark = target.indexOf("?");
      assert.equal(event.rawQueryString, mark === -1 ? "" : target.slice(mark + 1));
      if (kind !== "api") assert.equal(event.rawPath, mark === -1 ? target : target.slice(0, mark));
      assert.equal(event.requestContext.http.method, method);
      assert.deepEqual(Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8"), bytes);
      for (const [name, value] of headers) {
        const lower = name.toLowerCase();
        if (lower === "cookie" || lower.startsWith("x-forwarded-")) continue;
        assert.ok(Object.hasOwn(event.headers, lower), name);
        assert.ok(event.headers[lower].includes(value), `${name}: ${value}`);
      }
    },
  );
  await fc.assert(property, { numRuns: runs });
  assert.deepEqual(door.reported, []);
});

test("whatever a function returns or streams is answered as HTTP", async () => {
  const shaped = fc.record(
    {
      statusCode: fc.oneof(fc.integer({ min: -10, max: 1000 }), fc.jsonValue()),
      headers: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue()),
      multiValueHeaders: fc.oneof(fc.dictionary(token, fc.array(fc.string())), fc.jsonValue()),
      cookies: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
      body: fc.oneof(fc.string(), fc.jsonValue()),
      isBase64Encoded: fc.oneof(fc.boolean(), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );
  const result = fc.oneof(
    fc.string(),
    fc.jsonValue().map((value) => JSON.stringify(value)),
    shaped.map((value) => JSON.stringify(value)),
  );
  const type = fc.constantFrom("text/plain", "application/vnd.awslambda.http-integration-response", "\r\nbad: type");
  const property = fc.asyncProperty(
    which,
    result,
    type,
    fc.boolean(),
    fc.nat(20),
    async (kind, text, streamed, streams, at) => {
      const bytes = Buffer.concat([Buffer.from(text), Buffer.alloc(8), Buffer.from("rest")]);
      run =
        kind === "stream" && streams
          ? streaming(streamed, [bytes.subarray(0, at), bytes.subarray(at)])
          : returning(text);
      const { status, headers } = await ask(door, hosts[kind]);
      assert.ok(status >= 200 && status <= 599, `${status}`);
      assert.equal(headers.bad, undefined);
    },
  );
  await fc.assert(property, { numRuns: runs });
  assert.deepEqual(door.reported, []);
});

test("bytes that are no HTTP end a connection and nothing else", async () => {
  run = returning({ statusCode: 200, body: "fine" });
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "GET / HTTP/1.1",
      "POST / HTTP/1.1",
      "Content-Length: 5",
      "Transfer-Encoding: chunked",
      "Transfer-Encoding: gzip, chunked",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "",
      "5",
      "hello",
      "0",
    ),
    which.map((kind) => `Host: ${hosts[kind]}`),
  );
  const property = fc.asyncProperty(fc.array(line, { maxLength: 10 }), async (lines) => {
    const answer = await raw(door, `${lines.join("\r\n")}\r\n`);
    assert.ok(answer === "" || answer.startsWith("HTTP/1.1 "), answer.slice(0, 100));
    assert.doesNotMatch(answer, /^HTTP\/1\.1 500/);
  });
  await fc.assert(property, { numRuns: runs });
  assert.equal((await ask(door, hosts.url)).text, "fine");
  assert.deepEqual(door.reported, []);
});
