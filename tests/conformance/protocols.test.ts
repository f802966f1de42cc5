import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { request as httpsRequest } from "node:https";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { WebSocket } from "ws";
import { ownCertificate } from "../../src/edge/certificate.ts";
import { type Door, openDoor } from "./door.ts";
import { lambdaClient, makeFunction, makeUrl, returning } from "./front.ts";

/** HTTP/1.1, HTTP/2 and TLS on one port. */
const folder = mkdtempSync(join(tmpdir(), "thaw-tls-"));
const certificate = ownCertificate(folder, "us-east-1");
let door: Door;
let host: string;

before(async () => {
  door = await openDoor(
    (invocation) =>
      returning({ statusCode: 201, headers: { "x-a": "1" }, cookies: ["a=1", "b=2"], body: "body" })(invocation),
    undefined,
    {},
    { http2: true, tls: certificate },
  );
  const client = lambdaClient(door);
  await makeFunction(client, "f");
  host = (await makeUrl(client, "f")).split(":")[0]!;
  client.destroy();
});
after(async () => {
  await door[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
  assert.deepEqual(door.reported, []);
});

// biome-ignore lint/suspicious/noExplicitAny: a test knows its events
const lastEvent = (): any => JSON.parse(door.invocations.at(-1)!.payload.toString());

/** One request over HTTP/2 and what came back. */
async function askHttp2(session: ClientHttp2Session) {
  const stream = session.request({
    ":method": "POST",
    ":path": "/x?y=1",
    ":authority": host,
    "content-type": "text/plain",
  });
  stream.end("sent");
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  let text = "";
  for await (const chunk of stream) text += chunk;
  return { headers, text };
}

async function isAnswered(session: ClientHttp2Session, protocol: string) {
  try {
    const { headers, text } = await askHttp2(session);
    assert.deepEqual(
      [headers[":status"], headers["x-a"], headers["set-cookie"], text],
      [201, "1", ["a=1", "b=2"], "body"],
    );
    const event = lastEvent();
    assert.equal(event.requestContext.http.protocol, "HTTP/2.0");
    assert.deepEqual(
      [event.rawPath, event.body, event.headers.host, event.headers["x-forwarded-proto"]],
      ["/x", "sent", host, protocol],
    );
    assert.deepEqual(
      Object.keys(event.headers).filter((name) => name.startsWith(":")),
      [],
    );
  } finally {
    session.close();
  }
}

test("HTTP/2 without TLS, by clients that know it beforehand", async () => {
  await isAnswered(connectHttp2(door.endpoint), "http");
});

test("TLS with HTTP/2 or HTTP/1.1, as the client says", async () => {
  const tls = { ca: certificate.cert, servername: host };
  await isAnswered(connectHttp2(`https://127.0.0.1:${door.port}`, tls), "https");
  const request = httpsRequest({ ...tls, host: "127.0.0.1", port: door.port, path: "/tls", headers: { host } });
  request.end();
  const [response] = await once(request, "response");
  response.resume();
  assert.equal(response.statusCode, 201);
  assert.deepEqual([lastEvent().rawPath, lastEvent().headers["x-forwarded-proto"]], ["/tls", "https"]);
  const plain = httpRequest({ host: "127.0.0.1", port: door.port, headers: { host } });
  plain.end();
  const [answer] = await once(plain, "response");
  answer.resume();
  assert.equal(answer.statusCode, 201);
  assert.equal(lastEvent().headers["x-forwarded-proto"], "http");
});

test("a WebSocket over TLS is refused like one without, in HTTP", async () => {
  const socket = new WebSocket(`wss://127.0.0.1:${door.port}/s`, [], { ca: certificate.cert });
  const refused = once(socket, "unexpected-response");
  socket.on("error", () => {});
  const [, response] = await refused;
  assert.equal(response.statusCode, 403);
  socket.terminate();
});

test("our own certificate is for this machine's names, is trusted by who is told so, and is kept", () => {
  const read = new X509Certificate(certificate.cert);
  for (const name of ["localhost", "x.lambda-url.us-east-1.localhost", "x.execute-api.us-east-1.localhost"]) {
    assert.equal(read.checkHost(name) !== undefined, true, name);
  }
  assert.equal(read.checkIP("127.0.0.1"), "127.0.0.1");
  assert.equal(read.checkHost("example.com"), undefined);
  assert.equal(read.verify(read.publicKey), true);
  assert.equal(statSync(join(folder, "key.pem")).mode & 0o777, 0o600);
  assert.deepEqual(ownCertificate(folder, "us-east-1"), certificate);
  const later = ownCertificate(folder, "us-east-1", Date.now() + 800 * 86_400_000);
  assert.notEqual(later.cert, certificate.cert);
});

test("broken handshakes, and clients that say nothing, harm nobody", async () => {
  const bytes = [
    Buffer.from("\x16\x03\x01\x00\x05hello"),
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxxxxxxxxxxxxxxx"),
    Buffer.of(0),
  ];
  for (const sent of bytes) {
    const socket = connectTcp(door.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.resume();
    socket.end(sent);
    await once(socket, "close");
  }
  const silent = connectTcp(door.port, "127.0.0.1");
  await once(silent, "connect");
  const old = connectTls({
    port: door.port,
    host: "127.0.0.1",
    maxVersion: "TLSv1.1",
    minVersion: "TLSv1.1",
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  await once(old, "error");
  await isAnswered(connectHttp2(door.endpoint), "http");
  silent.destroy();
});

test("a stop waits for what runs, tells clients of HTTP/2, and ends in time whoever stays", async () => {
  const other = await openDoor(undefined, undefined, {}, { http2: true });
  const session = connectHttp2(other.endpoint);
  session.on("error", () => {});
  await once(session, "connect");
  const silent = connectTcp(other.port, "127.0.0.1");
  silent.on("error", () => {});
  await once(silent, "connect");
  const goaway = once(session, "goaway");
  const ended = other.drain(300);
  assert.equal((await goaway)[0], constants.NGHTTP2_NO_ERROR);
  await ended;
  silent.destroy();
  await other[Symbol.asyncDispose]();
});
