import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  LambdaClient,
} from "@aws-sdk/client-lambda";
import { type InvocationResult, ServiceError } from "../../src/model/index.ts";
import { bootstrap, type Door, echo, openDoor, type Run, role, timing } from "./door.ts";

let door: Door;
let client: LambdaClient;
let run: Run = echo;

const path = (name: string) => `/2015-03-31/functions/${name}/invocations`;
const post = (name: string, init: RequestInit = {}) => fetch(door.endpoint + path(name), { method: "POST", ...init });

before(async () => {
  door = await openDoor((invocation) => run(invocation));
  client = new LambdaClient({
    endpoint: door.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
  await client.send(
    new CreateFunctionCommand({
      FunctionName: "f",
      Role: role,
      Runtime: "provided.al2023",
      Handler: "any",
      Code: { ZipFile: bootstrap },
      Publish: true,
    }),
  );
  await client.send(new CreateAliasCommand({ FunctionName: "f", Name: "live", FunctionVersion: "1" }));
});
after(async () => {
  client.destroy();
  await door[Symbol.asyncDispose]();
});

async function withRun<T>(other: Run, body: () => Promise<T>): Promise<T> {
  run = other;
  try {
    return await body();
  } finally {
    run = echo;
  }
}

const failed =
  (payload: string): Run =>
  async (invocation): Promise<InvocationResult> => ({
    requestId: invocation.requestId,
    executedVersion: invocation.target.version,
    outcome: {
      kind: "failed",
      failure: { functionError: "Unhandled", errorType: "Error", payload: Buffer.from(payload) },
    },
    logTail: undefined,
    timing,
  });

test("an invocation's bytes go through unchanged, with version and log tail beside the answer", async () => {
  const Payload = Buffer.from('{ "a": [1,2,  3], "ü": "\\u0000" }');
  const answer = await client.send(new InvokeCommand({ FunctionName: "f", Payload, LogType: "Tail" }));
  assert.equal(answer.StatusCode, 200);
  assert.equal(answer.FunctionError, undefined);
  assert.equal(answer.ExecutedVersion, "$LATEST");
  assert.deepEqual(Buffer.from(answer.Payload!), Payload);
  assert.match(
    Buffer.from(answer.LogResult!, "base64").toString(),
    /^START RequestId: [0-9a-f-]{36} Version: \$LATEST\n$/,
  );
  assert.equal(answer.$metadata.requestId, door.invocations.at(-1)!.requestId);
});

test("a function's failure is an answer of 200 with X-Amz-Function-Error", async () => {
  const answer = await withRun(failed('{"errorMessage":"no"}'), () =>
    client.send(new InvokeCommand({ FunctionName: "f" })),
  );
  assert.equal(answer.StatusCode, 200);
  assert.equal(answer.FunctionError, "Unhandled");
  assert.equal(Buffer.from(answer.Payload!).toString(), '{"errorMessage":"no"}');
});

test("version and alias choose what runs, and the invoked ARN is the caller's", async () => {
  const arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
  const cases = [
    [{ FunctionName: "f" }, "$LATEST", arn],
    [{ FunctionName: "f", Qualifier: "$LATEST" }, "$LATEST", `${arn}:$LATEST`],
    [{ FunctionName: "f", Qualifier: "1" }, "1", `${arn}:1`],
    [{ FunctionName: "f:live" }, "1", `${arn}:live`],
    [{ FunctionName: `${arn}:live` }, "1", `${arn}:live`],
  ] as const;
  for (const [input, version, invokedArn] of cases) {
    const answer = await client.send(new InvokeCommand(input));
    assert.equal(answer.ExecutedVersion, version);
    assert.equal(door.invocations.at(-1)!.invokedArn, invokedArn);
  }
});

test("an empty body is an empty event", async () => {
  assert.equal(await (await post("f")).text(), "{}");
});

test("DryRun checks and does not run; Event says that it does not exist yet", async () => {
  const before = door.invocations.length;
  const dry = await client.send(new InvokeCommand({ FunctionName: "f", InvocationType: "DryRun" }));
  assert.equal(dry.StatusCode, 204);
  await assert.rejects(client.send(new InvokeCommand({ FunctionName: "nobody", InvocationType: "DryRun" })), {
    name: "ResourceNotFoundException",
  });
  await assert.rejects(client.send(new InvokeCommand({ FunctionName: "f", InvocationType: "Event" })), {
    name: "NotImplementedException",
  });
  assert.equal(door.invocations.length, before);
});

test("what is no JSON, or no UTF-8, is refused before anything runs", async () => {
  const before = door.invocations.length;
  for (const body of ["{", "a", '"\xff', Buffer.from([0x22, 0xff, 0x22])]) {
    const answer = await post("f", { body });
    assert.equal(answer.status, 400);
    assert.equal(answer.headers.get("x-amzn-errortype"), "InvalidRequestContentException");
    const { Type, message } = (await answer.json()) as { Type: string; message: string };
    assert.equal(Type, "User");
    assert.match(message, /^Could not parse request body into json: /);
  }
  assert.equal(door.invocations.length, before);
});

test("6 MB go through, one byte more is RequestTooLargeException, with and without a declared length", async () => {
  const fits = JSON.stringify("x".repeat(6 * 1024 * 1024 - 2));
  const answer = await post("f", { body: fits });
  assert.equal(answer.status, 200);
  assert.equal((await answer.arrayBuffer()).byteLength, fits.length);

  const declared = await post("f", { body: `${fits} ` });
  assert.equal(declared.status, 413);
  assert.equal(declared.headers.get("x-amzn-errortype"), "RequestTooLargeException");
  assert.deepEqual(await declared.json(), {
    Type: "User",
    message: "6291457 byte payload is too large for the RequestResponse invocation type (limit 6291456 bytes)",
  });

  const chunked = httpRequest(door.endpoint + path("f"), { method: "POST" });
  chunked.write(fits);
  chunked.end(fits);
  const [response] = await once(chunked, "response");
  assert.equal(response.statusCode, 413);
  response.resume();
});

test("client context is decoded; too long or broken is refused", async () => {
  const context = '{"custom":{"a":"b"}}';
  const encoded = Buffer.from(context).toString("base64");
  await client.send(new InvokeCommand({ FunctionName: "f", ClientContext: encoded }));
  assert.equal(door.invocations.at(-1)!.clientContext, context);
  for (const bad of ["!!!", Buffer.from(JSON.stringify("x".repeat(4000))).toString("base64")]) {
    await assert.rejects(client.send(new InvokeCommand({ FunctionName: "f", ClientContext: bad })), {
      name: "InvalidRequestContentException",
    });
  }
});

test("throttling arrives as TooManyRequestsException with its reason", async () => {
  const throttle: Run = () =>
    Promise.reject(
      new ServiceError("TooManyRequestsException", "Rate Exceeded.", { Reason: "ConcurrentInvocationLimitExceeded" }),
    );
  await withRun(throttle, () =>
    assert.rejects(client.send(new InvokeCommand({ FunctionName: "f" })), (error: Error & { Reason?: string }) => {
      assert.equal(error.name, "TooManyRequestsException");
      assert.equal(error.Reason, "ConcurrentInvocationLimitExceeded");
      return true;
    }),
  );
});

test("a defect of ours is reported and answered as ServiceException, without its text", async () => {
  const answer = await withRun(
    () => Promise.reject(new Error("secret")),
    () => post("f"),
  );
  assert.equal(answer.status, 500);
  assert.equal(answer.headers.get("x-amzn-errortype"), "ServiceException");
  assert.doesNotMatch(await answer.text(), /secret/);
  assert.match(String(door.reported.at(-1)), /secret/);
});

test("X-Thaw-Timing asks for the phases", async () => {
  const answer = await post("f", { headers: { "x-thaw-timing": "1" } });
  assert.deepEqual(JSON.parse(answer.headers.get("x-thaw-timing")!), timing);
  assert.equal((await post("f")).headers.has("x-thaw-timing"), false);
});

test("an invocation of a function in the making waits until it is made", async () => {
  await client.send(
    new CreateFunctionCommand({
      FunctionName: "fresh",
      Role: role,
      Runtime: "provided.al2023",
      Handler: "any",
      Code: { ZipFile: bootstrap },
    }),
  );
  const answer = await client.send(new InvokeCommand({ FunctionName: "fresh" }));
  assert.equal(answer.StatusCode, 200);
});

test("an invocation of a function that could not be made says why", async () => {
  await client.send(
    new CreateFunctionCommand({
      FunctionName: "failed",
      Role: role,
      Runtime: "dotnet8",
      Handler: "any",
      Code: { ZipFile: bootstrap },
    }),
  );
  await assert.rejects(client.send(new InvokeCommand({ FunctionName: "failed" })), (error: Error) => {
    assert.equal(error.name, "ResourceConflictException");
    assert.match(error.message, /following state: Failed.*dotnet8/);
    return true;
  });
});

test("a stream arrives in its pieces, and its failure in InvokeComplete", async () => {
  const streaming: Run = async ({ requestId, target, onStream }) => {
    onStream!.start("text/plain");
    for (const piece of ["one", "two"]) await onStream!.write(Buffer.from(piece));
    return {
      requestId,
      executedVersion: target.version,
      outcome: {
        kind: "streamed",
        error: { functionError: "Unhandled", errorType: "Broken", payload: Buffer.from('{"errorType":"Broken"}') },
      },
      logTail: undefined,
      timing,
    };
  };
  const answer = await withRun(streaming, async () => {
    const reply = await client.send(new InvokeWithResponseStreamCommand({ FunctionName: "f" }));
    const events = [];
    for await (const event of reply.EventStream!) events.push(event);
    return events;
  });
  assert.deepEqual(
    answer.map((event) =>
      event.PayloadChunk ? Buffer.from(event.PayloadChunk.Payload!).toString() : event.InvokeComplete,
    ),
    ["one", "two", { ErrorCode: "Unhandled", ErrorDetails: '{"errorType":"Broken"}' }],
  );
});

test("a function that does not stream is streamed in one piece", async () => {
  const reply = await client.send(
    new InvokeWithResponseStreamCommand({ FunctionName: "f", Payload: Buffer.from('"x"'), LogType: "Tail" }),
  );
  const events = [];
  for await (const event of reply.EventStream!) events.push(event);
  assert.equal(Buffer.from(events[0]!.PayloadChunk!.Payload!).toString(), '"x"');
  assert.match(Buffer.from(events[1]!.InvokeComplete!.LogResult!, "base64").toString(), /^START/);
});

test("the same is served on the Unix socket", async () => {
  const call = httpRequest({ socketPath: door.socketPath, path: path("f"), method: "POST" });
  call.end("[1]");
  const [response] = await once(call, "response");
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  assert.equal(Buffer.concat(chunks).toString(), "[1]");
});

test("a function, which comes through the Unix socket, is refused the operator's pages", async () => {
  const call = httpRequest({ socketPath: door.socketPath, path: "/_thaw/logs?function=f" });
  call.end();
  const [refused] = await once(call, "response");
  assert.equal(refused.statusCode, 403);
  assert.equal(refused.headers["x-amzn-errortype"], "AccessDeniedException");
  refused.resume();
  const operator = await fetch(`${door.endpoint}/_thaw/logs?function=f`);
  assert.notEqual(operator.status, 403);
});

test("paths that are nobody's, and broken encodings, get AWS's kind of answer", async () => {
  const cases = [
    ["GET", "/2015-03-31/nonsense", 404, "UnknownOperationException"],
    ["PATCH", "/2015-03-31/functions/f", 404, "UnknownOperationException"],
    ["GET", "/nothing", 404, "UnknownOperationException"],
    ["GET", "/2015-03-31/functions/%zz", 400, "InvalidRequestContentException"],
    ["POST", "/2015-03-31/functions/%zz/invocations", 400, "InvalidRequestContentException"],
    ["GET", "/2015-03-31/functions/%20", 400, "ValidationException"],
    ["GET", "/2015-03-31/functions?MaxItems=0", 400, "ValidationException"],
    ["GET", "/2015-03-31/functions?MaxItems=x", 400, "SerializationException"],
  ] as const;
  for (const [method, target, status, code] of cases) {
    const answer = await fetch(door.endpoint + target, { method });
    assert.equal(answer.status, status, target);
    assert.equal(answer.headers.get("x-amzn-errortype"), code, target);
    assert.match(answer.headers.get("x-amzn-requestid")!, /^[0-9a-f-]{36}$/);
  }
});

test("what is no HTTP does not stop the server", async () => {
  for (const garbage of [
    "\0\0\0\0\r\n\r\n",
    "POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    "GET http://[ HTTP/1.1\r\nhost: [\r\n\r\n",
  ]) {
    const socket = connect(door.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.end(garbage);
    socket.resume();
    await once(socket, "close");
  }
  assert.equal((await post("f")).status, 200);
});

test("a client that goes away in the middle of its request harms nobody", async () => {
  const before = door.reported.length;
  const socket = connect(door.port, "127.0.0.1");
  socket.write(`POST ${path("f")} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf`);
  await once(socket, "connect");
  socket.destroy();
  await once(socket, "close");
  assert.equal((await post("f")).status, 200);
  assert.equal(door.reported.length, before);
});

test("draining lets what runs finish and takes nothing new", async () => {
  const own = await openDoor(async (invocation) => {
    started();
    await released;
    return echo(invocation);
  });
  let started = () => {};
  let release = () => {};
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const headers = { "content-type": "application/json" };
  await fetch(`${own.endpoint}/2015-03-31/functions`, {
    method: "POST",
    headers,
    body: JSON.stringify({
      FunctionName: "slow",
      Role: role,
      Runtime: "provided.al2023",
      Handler: "h",
      Code: { ZipFile: bootstrap.toString("base64") },
    }),
  });
  // RIE's name for the only function there is.
  const answer = fetch(own.endpoint + path("function"), { method: "POST", body: "1" });
  await running;
  // Far longer than the test may take: draining ends when the work does, not when the time is up.
  const drained = own.drain(600_000);
  await assert.rejects(fetch(own.endpoint + path("slow"), { method: "POST" }));
  release();
  assert.equal(await (await answer).text(), "1");
  await drained;
  await own[Symbol.asyncDispose]();
});
