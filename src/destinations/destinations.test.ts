import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { type Delivery, DeliveryRefused } from "../queue/index.ts";
import { createRemote } from "../remote/index.ts";
import { createDestinations } from "./destinations.ts";

let server: Server;
let url: string;
let answer: { status: number; body: string } = { status: 200, body: "{}" };
let last: { request: IncomingMessage; body: string } | undefined;

before(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      last = { request, body };
      response.writeHead(answer.status).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
const remote = createRemote();
after(() => {
  remote.close();
  server.close();
});

const credentials = { accessKeyId: "AKIA", secretAccessKey: "secret", sessionToken: "token" };
const deliver = (delivery: Partial<Delivery>) =>
  createDestinations({ place: () => ({ url, credentials }), send: remote.send })({
    kind: "record",
    arn: "arn:aws:sqs:us-east-1:000000000000:q",
    account: "000000000000",
    region: "us-east-1",
    name: "f",
    functionArn: "arn:f",
    success: true,
    id: "7",
    created: Date.UTC(2026, 1, 3, 4, 5, 6),
    body: Buffer.from('{"a":"ü"}'),
    ...delivery,
  } as Delivery);

test("requests are signed, with the session's token", async () => {
  answer = { status: 200, body: "{}" };
  await deliver({});
  assert.match(last?.request.headers.authorization ?? "", /Credential=AKIA\/\d{8}\/us-east-1\/sqs\/aws4_request/);
  assert.equal(last?.request.headers["x-amz-security-token"], "token");
  assert.equal(JSON.parse(last?.body ?? "").MessageBody, '{"a":"ü"}');
});

test("an object is named by function, day and moment, and is the same on every try", async () => {
  answer = { status: 200, body: "" };
  await deliver({ arn: "arn:aws:s3:::b" });
  assert.equal(last?.request.url, "/b/aws/lambda/async/f/2026/02/03/2026-02-03T04.05.06-7");
});

for (const { status, body, refused } of [
  { status: 400, body: '{"__type":"AWS.SimpleQueueService.NonExistentQueue"}', refused: true },
  { status: 403, body: "AccessDenied", refused: true },
  { status: 500, body: "", refused: false },
  { status: 503, body: "", refused: false },
  { status: 429, body: "", refused: false },
  { status: 400, body: '{"__type":"ThrottlingException"}', refused: false },
]) {
  test(`${status} ${body} is ${refused ? "a refusal" : "worth another try"}`, async () => {
    answer = { status, body };
    const error: Error = await deliver({}).then(
      () => assert.fail("delivered"),
      (thrown) => thrown,
    );
    assert.equal(error instanceof DeliveryRefused, refused);
    assert.match(error.message, new RegExp(`^${status}`));
  });
}

test("an entry that a bus did not take is not delivered", async () => {
  answer = { status: 200, body: '{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure"}]}' };
  const arn = "arn:aws:events:us-east-1:000000000000:event-bus/b";
  await assert.rejects(deliver({ arn }), (error) => !(error instanceof DeliveryRefused));
  answer = { status: 200, body: '{"FailedEntryCount":1,"Entries":[{"ErrorCode":"NotAuthorizedForSource"}]}' };
  await assert.rejects(deliver({ arn }), DeliveryRefused);
});

test("what is no destination is refused without a request", async () => {
  last = undefined;
  await assert.rejects(deliver({ arn: "arn:aws:kinesis:us-east-1:000000000000:stream/s" }), DeliveryRefused);
  assert.equal(last, undefined);
});

test("nobody there is worth another try", async () => {
  const nobody = createDestinations({ place: () => ({ url: "http://127.0.0.1:9", credentials }), send: remote.send });
  const delivery = { kind: "record", arn: "arn:aws:sqs:us-east-1:0:q", region: "us-east-1", body: Buffer.from("{}") };
  await assert.rejects(nobody(delivery as Delivery), (error) => !(error instanceof DeliveryRefused));
});
