import assert from "node:assert/strict";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { type Server, startServer } from "./server.ts";

/** A platform that hands on what it does not do itself to a server that tells what it got. */
let server: Server;
let got: IncomingMessage | undefined;
const upstream = createServer((message, answer) => {
  got = message;
  answer.writeHead(202, { "x-made-by": "upstream" });
  // Every piece at once, so that a client sees it before it has sent the next.
  message.pipe(answer);
});

before(async () => {
  await new Promise<void>((listening) => upstream.listen(0, "127.0.0.1", listening));
  const { port } = upstream.address() as AddressInfo;
  server = await startServer({
    env: { THAW_UPSTREAM_SQS: `http://127.0.0.1:${port}`, THAW_UPSTREAM_STATES: "http://127.0.0.1:1" },
  });
});
after(async () => {
  await server[Symbol.asyncDispose]();
  upstream.closeAllConnections();
  upstream.close();
});

const signedFor = (service: string) =>
  `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`;

test("a request goes on as it came, and both directions are streamed", async () => {
  const headers = { authorization: signedFor("sqs"), "x-amz-target": "AmazonSQS.SendMessage" };
  const sending = request(`${server.endpoint}/queue/a%20b?x=1`, { method: "POST", headers });
  sending.write("first");
  const answer = await new Promise<IncomingMessage>((found, failed) => {
    sending.once("response", found).once("error", failed);
  });
  const pieces = answer[Symbol.asyncIterator]();
  assert.equal(String((await pieces.next()).value), "first");
  sending.end("second");
  assert.equal(String((await pieces.next()).value), "second");
  assert.equal(answer.statusCode, 202);
  assert.equal(answer.headers["x-made-by"], "upstream");
  assert.equal(got?.url, "/queue/a%20b?x=1");
  assert.equal(got?.headers.authorization, headers.authorization);
  assert.equal(got?.headers.host, new URL(server.endpoint).host);
});

test("without an upstream the refusal names the service and the option", async () => {
  const answer = await fetch(server.endpoint, { headers: { authorization: signedFor("dynamodb") } });
  assert.equal(answer.status, 501);
  assert.match(await answer.text(), /dynamodb.*--upstream \(or THAW_UPSTREAM_DYNAMODB\)/);
});

test("an upstream that does not answer is named", async () => {
  const answer = await fetch(server.endpoint, { headers: { authorization: signedFor("states") } });
  assert.equal(answer.status, 500);
  assert.match(await answer.text(), /127\.0\.0\.1:1, the upstream of states, does not answer: ECONNREFUSED/);
});

test("a platform that is its own upstream does not ask itself without end", async () => {
  const answer = await fetch(server.endpoint, { headers: { authorization: signedFor("sqs"), via: "1.1 thaw" } });
  assert.equal(answer.status, 501);
});
