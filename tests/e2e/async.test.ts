import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  CreateAliasCommand,
  DeleteFunctionCommand,
  InvokeAsyncCommand,
  InvokeCommand,
  type LambdaClient,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  PutFunctionEventInvokeConfigCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Asynchronous invocations through the official client, and where their records go. */
let server: Server;
let client: LambdaClient;

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
/** what came to SQS, SNS, EventBridge and S3 */
const received: Received[] = [];
let refusals = 0;
const upstream = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => {
    body += chunk;
  });
  request.on("end", () => {
    received.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
    if (refusals > 0) {
      refusals -= 1;
      response.writeHead(503).end();
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end(request.headers["x-amz-target"] === "AWSEvents.PutEvents" ? '{"FailedEntryCount":0}' : "{}");
  });
});

const code = {
  "index.js": `
    exports.handler = async (event, context) => {
      if (event.fail) throw new RangeError("as asked");
      return {
        did: event.tag ?? event.requestPayload?.tag,
        id: context.awsRequestId,
        arn: context.invokedFunctionArn,
        client: context.clientContext,
        trace: process.env._X_AMZN_TRACE_ID,
      };
    };`,
};

before(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  server = await startServer({ env: { THAW_UPSTREAM: url, AWS_ACCESS_KEY_ID: "AKIATEST" } });
  client = lambdaOf(server);
  await createFunction(client, "f", { code, MemorySize: 128 });
  await settings({ DestinationConfig: { OnSuccess: { Destination: "arn:aws:sqs:us-east-1:000000000000:first" } } });
});
after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
  upstream.close();
});

const send = (name: string, event: object, more: object = {}) =>
  client.send(
    new InvokeCommand({ FunctionName: name, InvocationType: "Event", Payload: JSON.stringify(event), ...more }),
  );

async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await pause(50);
  }
  throw new Error(`${what} did not happen`);
}

/** Settings of the function as a whole: one at a time. */
const settings = (more: object) =>
  client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: "f", MaximumRetryAttempts: 0, ...more }));

const arrived = (tag: string) => until(`a record of ${tag}`, () => received.find(({ body }) => body.includes(tag)));

/** The record of a tag that came to SQS. */
const record = async (tag: string) => JSON.parse(JSON.parse((await arrived(tag)).body).MessageBody);

test("InvocationType Event answers 202 with nothing, and the function runs with that request's id", async () => {
  const ClientContext = Buffer.from('{"custom":{"a":1}}').toString("base64");
  const answer = await send("f", { tag: "one" }, { ClientContext });
  assert.equal(answer.StatusCode, 202);
  assert.equal(answer.Payload?.length ?? 0, 0);
  assert.equal(answer.ExecutedVersion, undefined);
  const { responsePayload } = await record("one");
  assert.equal(responsePayload.id, answer.$metadata.requestId);
  assert.equal(responsePayload.arn, "arn:aws:lambda:us-east-1:000000000000:function:f");
  assert.deepEqual(responsePayload.client.custom, { a: 1 });
  assert.match(responsePayload.trace, /Lineage=1:/);
});

test("InvokeAsync answers 202, too", async () => {
  const answer = await client.send(new InvokeAsyncCommand({ FunctionName: "f", InvokeArgs: '{"tag":"deprecated"}' }));
  assert.equal(answer.Status, 202);
  assert.equal((await record("deprecated")).responsePayload.did, "deprecated");
});

test("what is wrong with a request is said at once", async () => {
  await assert.rejects(send("nowhere", {}), { name: "ResourceNotFoundException" });
  await assert.rejects(client.send(new InvokeAsyncCommand({ FunctionName: "nowhere", InvokeArgs: "{}" })), {
    name: "ResourceNotFoundException",
  });
  await assert.rejects(send("f", {}, { Payload: "{" }), { name: "InvalidRequestContentException" });
  await assert.rejects(client.send(new InvokeAsyncCommand({ FunctionName: "f", InvokeArgs: "{" })), {
    name: "InvalidRequestContentException",
  });
});

test("an event may have 1 MB, and not one byte more", async () => {
  const of = (bytes: number) => `{"tag":"large","x":"${"x".repeat(bytes - 22)}"}`;
  assert.equal(Buffer.byteLength(of(1_048_576)), 1_048_576);
  assert.equal((await send("f", {}, { Payload: of(1_048_576) })).StatusCode, 202);
  await assert.rejects(send("f", {}, { Payload: of(1_048_577) }), { name: "RequestTooLargeException" });
  assert.equal((await record("large")).responsePayload.did, "large");
});

test("an alias is called by its own name", async () => {
  const { Version } = await client.send(new PublishVersionCommand({ FunctionName: "f" }));
  await client.send(new CreateAliasCommand({ FunctionName: "f", Name: "live", FunctionVersion: Version }));
  const OnSuccess = { Destination: "arn:aws:sqs:us-east-1:000000000000:aliased" };
  const config = { FunctionName: "f", Qualifier: "live", DestinationConfig: { OnSuccess } };
  await client.send(new PutFunctionEventInvokeConfigCommand(config));
  await send("f", { tag: "by alias" }, { Qualifier: "live" });
  const { requestContext, responseContext } = await record("by alias");
  assert.match(requestContext.functionArn, /:function:f:live$/);
  assert.equal(responseContext.executedVersion, Version);
});

test("the record of a failure goes to SQS, signed", async () => {
  await settings({ DestinationConfig: { OnFailure: { Destination: "arn:aws:sqs:eu-west-1:111122223333:failures" } } });
  const { $metadata } = await send("f", { tag: "to sqs", fail: true });
  const { headers, body } = await arrived("to sqs");
  assert.match(
    headers.authorization ?? "",
    /^AWS4-HMAC-SHA256 Credential=AKIATEST\/\d{8}\/eu-west-1\/sqs\/aws4_request/,
  );
  assert.equal(headers["x-amz-target"], "AmazonSQS.SendMessage");
  const message = JSON.parse(body);
  assert.match(message.QueueUrl, /\/111122223333\/failures$/);
  const { requestContext, requestPayload, responseContext, responsePayload } = await record("to sqs");
  assert.equal(requestContext.requestId, $metadata.requestId);
  assert.equal(requestContext.condition, "RetriesExhausted");
  assert.equal(requestContext.approximateInvokeCount, 1);
  assert.deepEqual(requestPayload, { tag: "to sqs", fail: true });
  assert.equal(responsePayload.errorType, "RangeError");
  assert.equal(responseContext.functionError, "Unhandled");
});

test("the record of a success goes to SNS, also when the first try finds nobody", async () => {
  await settings({ DestinationConfig: { OnSuccess: { Destination: "arn:aws:sns:us-east-1:000000000000:wins" } } });
  refusals = 1;
  await send("f", { tag: "to-sns" });
  const found = await until("two tries", () => {
    const tries = received.filter(({ body }) => body.includes("to-sns"));
    return tries.length === 2 ? tries : undefined;
  });
  const form = new URLSearchParams(found[1]!.body);
  assert.equal(form.get("Action"), "Publish");
  assert.equal(form.get("TopicArn"), "arn:aws:sns:us-east-1:000000000000:wins");
  assert.equal(JSON.parse(form.get("Message")!).responsePayload.did, "to-sns");
});

test("the record of a success goes to a bus of EventBridge", async () => {
  const bus = "arn:aws:events:us-east-1:000000000000:event-bus/news";
  await settings({ DestinationConfig: { OnSuccess: { Destination: bus } } });
  await send("f", { tag: "to events" });
  const [entry] = JSON.parse((await arrived("to events")).body).Entries;
  assert.equal(entry.Source, "lambda");
  assert.equal(entry.DetailType, "Lambda Function Invocation Result - Success");
  assert.equal(entry.EventBusName, bus);
  assert.deepEqual(entry.Resources, [bus, "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST"]);
  assert.equal(JSON.parse(entry.Detail).requestPayload.tag, "to events");
});

test("the record of a failure goes to a bucket", async () => {
  await settings({ DestinationConfig: { OnFailure: { Destination: "arn:aws:s3:::evidence" } } });
  await send("f", { tag: "to s3", fail: true });
  const { method, url, body } = await arrived("to s3");
  assert.equal(method, "PUT");
  assert.match(url, /^\/evidence\/aws\/lambda\/async\/f\/\d{4}\/\d\d\/\d\d\/\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d-/);
  assert.equal(JSON.parse(body).requestContext.condition, "RetriesExhausted");
});

test("a function is a destination, and its own request has its own id", async () => {
  await createFunction(client, "next", { code, MemorySize: 128 });
  const Destination = "arn:aws:lambda:us-east-1:000000000000:function:next";
  await settings({ DestinationConfig: { OnSuccess: { Destination } } });
  const second = { OnSuccess: { Destination: "arn:aws:sqs:us-east-1:000000000000:end" } };
  await client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: "next", DestinationConfig: second }));
  await send("f", { tag: "chained" });
  const { requestContext, requestPayload, responsePayload } = await record("chained");
  assert.match(requestContext.functionArn, /:function:next:\$LATEST$/);
  assert.equal(responsePayload.did, "chained");
  assert.match(responsePayload.trace, /Lineage=2:/);
  assert.equal(requestPayload.requestContext.condition, "Success");
  assert.notEqual(requestContext.requestId, requestPayload.requestContext.requestId);
});

test("a dead-letter queue gets the event itself", async () => {
  await createFunction(client, "mortal", {
    code,
    MemorySize: 128,
    DeadLetterConfig: { TargetArn: "arn:aws:sqs:us-east-1:000000000000:dead" },
  });
  await client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: "mortal", MaximumRetryAttempts: 0 }));
  const { $metadata } = await send("mortal", { tag: "to dlq", fail: true });
  const message = JSON.parse((await arrived("to dlq")).body);
  assert.deepEqual(JSON.parse(message.MessageBody), { tag: "to dlq", fail: true });
  assert.equal(message.MessageAttributes.RequestID.StringValue, $metadata.requestId);
  assert.equal(message.MessageAttributes.ErrorMessage.StringValue, "as asked");
  assert.deepEqual(message.MessageAttributes.ErrorCode, { DataType: "Number", StringValue: "200" });
});

test("a function without any concurrency keeps its events until it has some", async () => {
  await settings({ DestinationConfig: { OnSuccess: { Destination: "arn:aws:sqs:us-east-1:000000000000:late" } } });
  await client.send(new PutFunctionConcurrencyCommand({ FunctionName: "f", ReservedConcurrentExecutions: 0 }));
  await send("f", { tag: "patient" });
  await pause(300);
  assert.equal(received.filter(({ body }) => body.includes("patient")).length, 0);
  await client.send(new PutFunctionConcurrencyCommand({ FunctionName: "f", ReservedConcurrentExecutions: 5 }));
  await arrived("patient");
});

test("an event of a chain that has run its function 16 times is accepted, and not run", async () => {
  await settings({ DestinationConfig: { OnFailure: { Destination: "arn:aws:sqs:us-east-1:000000000000:loops" } } });
  const first = await fetch(`${server.endpoint}/2015-03-31/functions/f/invocations`, { method: "POST", body: "{}" });
  const lineage = /Lineage=1:([0-9a-f]{8}):0/.exec(JSON.stringify(await first.json()))![1];
  const headers = { "X-Amz-Invocation-Type": "Event", "X-Amzn-Trace-Id": `Root=1-0-0;Lineage=16:${lineage}:15` };
  const body = '{"tag":"in circles"}';
  const url = `${server.endpoint}/2015-03-31/functions/f/invocations`;
  assert.equal((await fetch(url, { method: "POST", headers, body })).status, 202);
  assert.equal((await record("in circles")).requestContext.condition, "RecursiveInvocation");
});

test("an event that waits while its function changes runs on what is there then", async () => {
  await client.send(new PutFunctionConcurrencyCommand({ FunctionName: "next", ReservedConcurrentExecutions: 0 }));
  await send("next", { tag: "renewed" });
  const Handler = "index.other";
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: "next", Handler }));
  await client.send(new PutFunctionConcurrencyCommand({ FunctionName: "next", ReservedConcurrentExecutions: 5 }));
  const config = { FunctionName: "next", MaximumRetryAttempts: 0 };
  const OnFailure = { Destination: "arn:aws:sqs:us-east-1:000000000000:changed" };
  await client.send(new PutFunctionEventInvokeConfigCommand({ ...config, DestinationConfig: { OnFailure } }));
  assert.match((await record("renewed")).responsePayload.errorType, /Runtime\.HandlerNotFound/);
});

test("a deleted function's events are nobody's", async () => {
  await createFunction(client, "brief", { code, MemorySize: 128 });
  await client.send(new PutFunctionConcurrencyCommand({ FunctionName: "brief", ReservedConcurrentExecutions: 0 }));
  await send("brief", { tag: "orphan" });
  await client.send(new DeleteFunctionCommand({ FunctionName: "brief" }));
  await createFunction(client, "brief", { code, MemorySize: 128 });
  const OnSuccess = { Destination: "arn:aws:sqs:us-east-1:000000000000:brief" };
  await client.send(
    new PutFunctionEventInvokeConfigCommand({ FunctionName: "brief", DestinationConfig: { OnSuccess } }),
  );
  await send("brief", { tag: "heir" });
  await arrived("heir");
  assert.equal(received.filter(({ body }) => body.includes("orphan")).length, 0);
});
