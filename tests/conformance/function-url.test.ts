import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  AddPermissionCommand,
  CreateAliasCommand,
  DeleteFunctionUrlConfigCommand,
  type LambdaClient,
  UpdateFunctionUrlConfigCommand,
} from "@aws-sdk/client-lambda";
import aws4 from "aws4";
import { ServiceError } from "../../src/model/index.ts";
import { type Door, echo, openDoor, type Run } from "./door.ts";
import { ask, failing, lambdaClient, makeFunction, makeUrl, raw, returning, streaming } from "./front.ts";

/** Function URLs as clients see them; the function itself is played by the test. */
let door: Door;
let client: LambdaClient;
let host: string;
let streamHost: string;
let run: Run = echo;

before(async () => {
  door = await openDoor((invocation) => run(invocation));
  client = lambdaClient(door);
  await makeFunction(client, "f", { Publish: true });
  host = await makeUrl(client, "f");
  await makeFunction(client, "s");
  streamHost = await makeUrl(client, "s", { InvokeMode: "RESPONSE_STREAM" });
});
after(async () => {
  client.destroy();
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
});

async function withRun<T>(other: Run, body: () => Promise<T>): Promise<T> {
  run = other;
  try {
    return await body();
  } finally {
    run = echo;
  }
}

/** What the function was given for a request. */
// biome-ignore lint/suspicious/noExplicitAny: a test knows its events
async function eventOf(...asked: Parameters<typeof ask> extends [unknown, ...infer Rest] ? Rest : never): Promise<any> {
  return withRun(returning({ statusCode: 200 }), async () => {
    const { status, text } = await ask(door, ...asked);
    assert.equal(status, 200, text);
    return JSON.parse(door.invocations.at(-1)!.payload.toString());
  });
}

test("an event tells of the request in payload format 2.0, its path as it came", async () => {
  const event = await eventOf(host, {
    method: "POST",
    path: "/my%20path/a%2Fb?a=1&b=x%20y&a=2&c",
    headers: [
      "X-One",
      "1",
      "x-one",
      "2",
      "Cookie",
      "k=v; l=w",
      "Content-Type",
      "application/json",
      "user-agent",
      "t/1",
    ],
    body: '{"hello":"wörld"}',
  });
  const { requestContext, headers, ...rest } = event;
  assert.deepEqual(rest, {
    version: "2.0",
    routeKey: "$default",
    rawPath: "/my%20path/a%2Fb",
    rawQueryString: "a=1&b=x%20y&a=2&c",
    cookies: ["k=v", "l=w"],
    queryStringParameters: { a: "1,2", b: "x y", c: "" },
    body: '{"hello":"wörld"}',
    isBase64Encoded: false,
  });
  assert.equal(headers["x-one"], "1,2");
  assert.equal(headers.cookie, "k=v; l=w");
  assert.equal(headers["x-forwarded-proto"], "http");
  assert.equal(headers["x-forwarded-for"], "127.0.0.1");
  assert.match(headers["x-amzn-trace-id"], /^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/);
  const { time, timeEpoch, requestId, ...context } = requestContext;
  const [id] = host.split(".");
  assert.deepEqual(context, {
    accountId: "anonymous",
    apiId: id,
    domainName: host.split(":")[0],
    domainPrefix: id,
    http: {
      method: "POST",
      path: "/my%20path/a%2Fb",
      protocol: "HTTP/1.1",
      sourceIp: "127.0.0.1",
      userAgent: "t/1",
    },
    routeKey: "$default",
    stage: "$default",
  });
  assert.equal(requestId, door.invocations.at(-1)!.requestId);
  assert.match(time, /^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
  assert.ok(Math.abs(timeEpoch - Date.now()) < 60_000);
});

test("what is no text goes in base64: forms, images, compressed text, text that is no UTF-8; a request without a body has none", async () => {
  const sent = async (type: string | undefined, body: string | Buffer, encoding?: string) => {
    const headers = {
      ...(type === undefined ? {} : { "content-type": type }),
      ...(encoding === undefined ? {} : { "content-encoding": encoding }),
    };
    const { body: got, isBase64Encoded } = await eventOf(host, { method: "POST", headers, body });
    if (isBase64Encoded) assert.deepEqual(Buffer.from(got, "base64"), Buffer.from(body as string));
    else assert.equal(got, String(body));
    return isBase64Encoded;
  };
  assert.equal(await sent("text/plain; charset=utf-8", "hé"), false);
  assert.equal(await sent("application/vnd.api+json", "{}"), false);
  assert.equal(await sent("application/xml", "<a/>"), false);
  assert.equal(await sent(undefined, "plain"), false);
  assert.equal(await sent("application/x-www-form-urlencoded", "a=b"), true);
  assert.equal(await sent("image/png", Buffer.of(0x89, 0, 255)), true);
  assert.equal(await sent("text/plain", "aaaa", "gzip"), true);
  assert.equal(await sent("text/plain", Buffer.of(0xff, 0xfe)), true);
  const bare = await eventOf(host);
  assert.equal("body" in bare, false);
  assert.equal(bare.isBase64Encoded, false);
  assert.equal("cookies" in bare || "queryStringParameters" in bare, false);
});

test("the connection's own headers stay out of the event, also those that Connection names, and a header may be called anything", async () => {
  const { headers } = await eventOf(host, {
    headers: [
      "Connection",
      "keep-alive, X-Secret",
      "X-Secret",
      "s",
      "TE",
      "trailers",
      "__proto__",
      "p",
      "constructor",
      "c",
    ],
  });
  assert.equal("connection" in headers || "x-secret" in headers || "te" in headers, false);
  assert.deepEqual(Object.getOwnPropertyDescriptor(headers, "__proto__")?.value, "p");
  assert.equal(headers.constructor, "c");
});

test("an answer is what the function says of status, headers, cookies and body", async () => {
  const answer = await withRun(
    returning({
      statusCode: 201,
      headers: { "Content-Type": "text/html", "X-Number": 7, Connection: "close", "Content-Length": "999" },
      cookies: ["a=1; HttpOnly", "b=2"],
      body: Buffer.from([1, 2, 255]).toString("base64"),
      isBase64Encoded: true,
    }),
    () => ask(door, host),
  );
  assert.equal(answer.status, 201);
  assert.deepEqual(answer.bytes, Buffer.from([1, 2, 255]));
  assert.deepEqual(answer.headers["set-cookie"], ["a=1; HttpOnly", "b=2"]);
  assert.equal(answer.headers["content-type"], "text/html");
  assert.equal(answer.headers["x-number"], "7");
  assert.equal(answer.headers["content-length"], "3");
  assert.equal(answer.headers.connection, "keep-alive");
});

test("a result that names no statusCode is the body of a 200 in JSON", async () => {
  const got = async (value: unknown) => {
    const { status, text, headers } = await withRun(returning(value), () => ask(door, host));
    assert.deepEqual([status, headers["content-type"]], [200, "application/json"]);
    return text;
  };
  assert.equal(await got({ message: "hi" }), '{"message":"hi"}');
  assert.equal(await got('"Hello from Lambda!"'), "Hello from Lambda!");
  assert.equal(await got("null"), "null");
  assert.equal(await got("[1]"), "[1]");
  assert.equal(await got({ statusCode: 200 }), "");
});

test("malformed answers and failures are 502 Internal Server Error", async () => {
  const wrong: unknown[] = [
    { statusCode: "abc" },
    { statusCode: 99 },
    { statusCode: 600 },
    { statusCode: 101 },
    { statusCode: 200, body: { a: 1 } },
    { statusCode: 200, headers: [1] },
    { statusCode: 200, headers: { "bad name": "x" } },
    { statusCode: 200, headers: { x: "a\r\nset-cookie: evil=1" } },
    { statusCode: 200, headers: { x: "€" } },
    { statusCode: 200, headers: { x: {} } },
    { statusCode: 200, cookies: "a=1" },
    "no JSON",
    "",
  ];
  for (const value of wrong) {
    const { status, text, headers } = await withRun(returning(value), () => ask(door, host));
    assert.deepEqual(
      [status, text, headers["set-cookie"]],
      [502, "Internal Server Error", undefined],
      JSON.stringify(value),
    );
  }
  const failed = await withRun(failing, () => ask(door, host));
  assert.deepEqual([failed.status, failed.text], [502, "Internal Server Error"]);
});

test("HEAD, 204 and 304 have no body, and the connection goes on", async () => {
  const head = await withRun(returning({ statusCode: 200, body: "four" }), () => ask(door, host, { method: "HEAD" }));
  assert.deepEqual([head.status, head.headers["content-length"], head.text], [200, "4", ""]);
  for (const statusCode of [204, 304]) {
    const { status, text, headers } = await withRun(returning({ statusCode, body: "x" }), () => ask(door, host));
    assert.deepEqual([status, text, headers["content-length"]], [statusCode, "", undefined]);
  }
});

test("a throttled function is 429, one that is in the making 503", async () => {
  const throttled: Run = async () => {
    throw new ServiceError("TooManyRequestsException", "Rate Exceeded.", {
      Reason: "ReservedFunctionConcurrentInvocationLimitExceeded",
    });
  };
  const { status, text, headers } = await withRun(throttled, () => ask(door, host));
  assert.equal(status, 429);
  assert.equal(headers["x-amzn-errortype"], "TooManyRequestsException");
  assert.equal(JSON.parse(text).Reason, "ReservedFunctionConcurrentInvocationLimitExceeded");
  const conflict: Run = async () => {
    throw new ServiceError("ResourceConflictException", "The operation cannot be performed at this time.");
  };
  assert.equal((await withRun(conflict, () => ask(door, host))).status, 503);
});

test("six megabytes go in, in chunks too; more is 413, also when base64 makes it so", async () => {
  const size = 6 * 1024 * 1024;
  const post = (body: Buffer | Buffer[], type = "text/plain") =>
    ask(door, host, { method: "POST", headers: { "content-type": type }, body });
  await withRun(returning({ statusCode: 200 }), async () => {
    assert.equal((await post(Buffer.alloc(size - 4000, "a"))).status, 200);
    assert.equal((await post([Buffer.alloc(1000, "a"), Buffer.alloc(1000, "b")])).status, 200);
    assert.equal(JSON.parse(door.invocations.at(-1)!.payload.toString()).body.length, 2000);
    const declared = await post(Buffer.alloc(size + 1, "a"));
    assert.deepEqual([declared.status, declared.headers["x-amzn-errortype"]], [413, "RequestTooLargeException"]);
    assert.equal((await post([Buffer.alloc(size, "a"), Buffer.from("a")])).status, 413);
    assert.equal((await post(Buffer.alloc(5 * 1024 * 1024), "image/png")).status, 413);
  });
});

test("nobody's URL is 404, and so is a deleted one; every domain of AWS's and ours leads to it", async () => {
  await makeFunction(client, "gone");
  const gone = await makeUrl(client, "gone");
  assert.equal((await withRun(returning({ statusCode: 200 }), () => ask(door, gone))).status, 200);
  await client.send(new DeleteFunctionUrlConfigCommand({ FunctionName: "gone" }));
  const answer = await ask(door, gone);
  assert.deepEqual([answer.status, answer.text], [404, '{"Message":null}']);
  assert.equal((await ask(door, "none.lambda-url.us-east-1.on.aws")).status, 404);
  const aws = `${host.split(".")[0]}.lambda-url.us-east-1.on.aws`;
  assert.equal((await eventOf(aws)).requestContext.domainName, aws);
  // A path of the Lambda API is a path like any other here.
  const path = "/2015-03-31/functions/f/invocations";
  assert.equal((await eventOf(host, { method: "POST", path, body: "{}" })).rawPath, path);
});

test("a public URL needs both permissions for everybody", async () => {
  await makeFunction(client, "half");
  const half = await makeUrl(client, "half", {}, false);
  const closed = await ask(door, half);
  assert.equal(closed.status, 403);
  assert.match(JSON.parse(closed.text).Message, /^Forbidden\. For troubleshooting/);
  const add = (StatementId: string, more: object) =>
    client.send(
      new AddPermissionCommand({
        FunctionName: "half",
        StatementId,
        Principal: "*",
        Action: "lambda:InvokeFunctionUrl",
        ...more,
      }),
    );
  await add("iam", { FunctionUrlAuthType: "AWS_IAM" });
  assert.equal((await ask(door, half)).status, 403);
  await add("none", { FunctionUrlAuthType: "NONE" });
  assert.equal((await ask(door, half)).status, 403);
  await add("invoke", { Action: "lambda:InvokeFunction", InvokedViaFunctionUrl: true });
  assert.equal((await withRun(returning({ statusCode: 200 }), () => ask(door, half))).status, 200);
});

test("an alias has a URL of its own, and policy of its own", async () => {
  await client.send(new CreateAliasCommand({ FunctionName: "f", Name: "live", FunctionVersion: "1" }));
  const live = await makeUrl(client, "f", { Qualifier: "live" });
  await eventOf(live);
  const { target, invokedArn } = door.invocations.at(-1)!;
  assert.equal(target.version, "1");
  assert.equal(invokedArn, "arn:aws:lambda:us-east-1:000000000000:function:f:live");
});

test("AWS_IAM: unsigned requests are refused, a signature for Lambda is shown in the event", async () => {
  await makeFunction(client, "i");
  const signed = await makeUrl(client, "i", { AuthType: "AWS_IAM" });
  const refused = await ask(door, signed);
  assert.deepEqual([refused.status, refused.text], [403, '{"Message":"Forbidden"}']);
  const headersFor = (service: string, accessKeyId = "test") => {
    const request = { service, region: "us-east-1", method: "GET", path: "/", headers: { host: signed } };
    return aws4.sign({ ...request, host: signed }, { accessKeyId, secretAccessKey: "s" }).headers as Record<
      string,
      string
    >;
  };
  const event = await eventOf(signed, { headers: headersFor("lambda") });
  assert.equal(event.requestContext.accountId, "000000000000");
  assert.equal(event.requestContext.authorizer.iam.accessKey, "test");
  assert.equal("authorization" in event.headers, false);
  assert.equal((await ask(door, signed, { headers: headersFor("s3") })).status, 403);
  // Another account's principal needs the function's policy.
  assert.equal((await ask(door, signed, { headers: headersFor("lambda", "111122223333") })).status, 403);
});

test("CORS: the URL's rules answer browsers' questions, and go before what the function says", async () => {
  await makeFunction(client, "c");
  const cors = {
    AllowOrigins: ["https://app.example"],
    AllowMethods: ["GET", "POST"],
    AllowHeaders: ["x-mine"],
    ExposeHeaders: ["x-theirs"],
    AllowCredentials: true,
    MaxAge: 60,
  };
  const shared = await makeUrl(client, "c", { Cors: cors });
  const before = door.invocations.length;
  const question = (origin: string) => ({
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "x-mine" },
  });
  const asked = await ask(door, shared, question("https://app.example"));
  assert.equal(asked.status, 200);
  assert.equal(asked.headers["access-control-allow-origin"], "https://app.example");
  assert.equal(asked.headers["access-control-allow-methods"], "GET,POST");
  assert.equal(asked.headers["access-control-allow-headers"], "x-mine");
  assert.equal(asked.headers["access-control-allow-credentials"], "true");
  assert.equal(asked.headers["access-control-max-age"], "60");
  assert.equal(
    (await ask(door, shared, question("https://evil.example"))).headers["access-control-allow-origin"],
    undefined,
  );
  assert.equal(door.invocations.length, before);
  const own = returning({ statusCode: 200, headers: { "Access-Control-Allow-Origin": "*" } });
  const told = await withRun(own, () => ask(door, shared, { headers: { origin: "https://app.example" } }));
  assert.equal(told.headers["access-control-allow-origin"], "https://app.example");
  assert.equal(told.headers["access-control-expose-headers"], "x-theirs");
  // Without rules the function answers for itself.
  await client.send(new UpdateFunctionUrlConfigCommand({ FunctionName: "c", Cors: {} }));
  const free = await withRun(own, () => ask(door, shared, question("https://evil.example")));
  assert.equal(free.headers["access-control-allow-origin"], "*");
});

test("a streamed answer may begin with its status, headers and cookies, however its bytes are cut", async () => {
  const prelude = JSON.stringify({ statusCode: 418, headers: { "X-Kind": "tea" }, cookies: ["a=1"] });
  const whole = Buffer.concat([Buffer.from(prelude), Buffer.alloc(8), Buffer.from("body\0\0 text")]);
  const type = "application/vnd.awslambda.http-integration-response";
  for (const size of [1, 7, 64, whole.length]) {
    const pieces = [];
    for (let at = 0; at < whole.length; at += size) pieces.push(whole.subarray(at, at + size));
    const { status, headers, text } = await withRun(streaming(type, pieces), () => ask(door, streamHost));
    assert.deepEqual([status, headers["x-kind"], headers["set-cookie"], text], [418, "tea", ["a=1"], "body\0\0 text"]);
    assert.equal(headers["transfer-encoding"], "chunked");
  }
  const plain = await withRun(streaming("text/event-stream", ["data: 1\n\n", "data: 2\n\n"]), () =>
    ask(door, streamHost),
  );
  assert.deepEqual([plain.status, plain.headers["content-type"]], [200, "text/event-stream"]);
  assert.equal(plain.text, "data: 1\n\ndata: 2\n\n");
});

test("a stream without its prelude's end, or with a malformed one, is 502; one that breaks off midway breaks the connection", async () => {
  const type = "application/vnd.awslambda.http-integration-response";
  for (const pieces of [
    ['{"statusCode":200}'],
    ["no json", Buffer.alloc(8), "x"],
    ['{"statusCode":7}', Buffer.alloc(8)],
    [],
  ]) {
    const { status, text } = await withRun(streaming(type, pieces), () => ask(door, streamHost));
    assert.deepEqual([status, text], [502, "Internal Server Error"]);
  }
  assert.equal((await withRun(failing, () => ask(door, streamHost))).status, 502);
  await assert.rejects(
    withRun(streaming("text/plain", ["half"], true), () => ask(door, streamHost)),
    /aborted|ECONNRESET/,
  );
  const whole = await withRun(returning({ statusCode: 201 }), () => ask(door, streamHost));
  assert.deepEqual([whole.status, whole.text], [200, '{"statusCode":201}']);
});

test("smuggled, truncated and malformed requests are refused or dropped, and reach no function", async () => {
  const before = door.invocations.length;
  const head = `POST / HTTP/1.1\r\nHost: ${host}\r\n`;
  const both = await raw(
    door,
    `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n`,
  );
  assert.match(both, /^HTTP\/1\.1 400 /);
  assert.match(await raw(door, `${head}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`), /^HTTP\/1\.1 400 /);
  assert.match(await raw(door, `${head}Transfer-Encoding: chunked\r\n\r\nZZ\r\n`), /^HTTP\/1\.1 400 /);
  assert.match(await raw(door, `${head}X: ${"a".repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  assert.match(await raw(door, `${head}Bad Header: x\r\n\r\n`), /^HTTP\/1\.1 400 /);
  await raw(door, `${head}Content-Length: 100\r\n\r\nonly this`);
  await raw(door, `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhal`);
  assert.equal(door.invocations.length, before);
  await withRun(returning({ statusCode: 200, body: "ok" }), async () => {
    const twice = `GET /one HTTP/1.1\r\nHost: ${host}\r\n\r\nGET /two HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    assert.equal((await raw(door, twice)).match(/HTTP\/1\.1 200 OK/g)?.length, 2);
    assert.match(
      await raw(door, `GET http://${host}/abs?q=1 HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
      / 200 /,
    );
    assert.equal(JSON.parse(door.invocations.at(-1)!.payload.toString()).rawPath, "/abs");
    assert.match(await raw(door, `OPTIONS * HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`), / 200 /);
  });
});
