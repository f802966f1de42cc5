import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import {
  ApiGatewayV2Client,
  CreateApiCommand,
  CreateIntegrationCommand,
  CreateRouteCommand,
  CreateStageCommand,
} from "@aws-sdk/client-apigatewayv2";
import { AddPermissionCommand } from "@aws-sdk/client-lambda";
import { type Door, openDoor } from "./door.ts";
import { lambdaClient, makeFunction, raw, returning } from "./front.ts";

/** Handshakes and frames that are broken on purpose, written byte by byte. */
let door: Door;
let host: string;
/** what `$connect` answers */
let status = 200;

before(async () => {
  door = await openDoor((invocation) => returning({ statusCode: status })(invocation));
  const lambda = lambdaClient(door);
  await makeFunction(lambda, "f");
  const Principal = "apigateway.amazonaws.com";
  const permission = { FunctionName: "f", StatementId: "a", Action: "lambda:InvokeFunction", Principal };
  await lambda.send(new AddPermissionCommand(permission));
  const client = new ApiGatewayV2Client({
    endpoint: door.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const made = { Name: "w", ProtocolType: "WEBSOCKET", RouteSelectionExpression: "$request.body.action" } as const;
  const { ApiId } = await client.send(new CreateApiCommand(made));
  await client.send(new CreateStageCommand({ ApiId, StageName: "s", AutoDeploy: true }));
  const IntegrationUri = "arn:aws:lambda:us-east-1:000000000000:function:f";
  const integration = { ApiId, IntegrationType: "AWS_PROXY", IntegrationUri } as const;
  const { IntegrationId } = await client.send(new CreateIntegrationCommand(integration));
  for (const RouteKey of ["$connect", "$disconnect", "$default"]) {
    await client.send(new CreateRouteCommand({ ApiId, RouteKey, Target: `integrations/${IntegrationId}` }));
  }
  host = `${ApiId}.execute-api.localhost`;
  for (const one of [lambda, client]) one.destroy();
});
after(async () => {
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
});

const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
const version = "Sec-WebSocket-Version: 13\r\n";
const handshake = (rest = `${upgrade}${version}${key}`, method = "GET") =>
  `${method} /s HTTP/1.1\r\nHost: ${host}\r\n${rest}\r\n`;

const kinds = () =>
  door.invocations.map(({ payload }) => JSON.parse(payload.toString()).requestContext.eventType as string);

test("what is no handshake opens nothing, and what comes behind it is nobody's request", async () => {
  const before = door.invocations.length;
  const wrong: Readonly<Record<string, string>> = {
    "no key": handshake(`${upgrade}${version}`),
    "a short key": handshake(`${upgrade}${version}Sec-WebSocket-Key: YQ==\r\n`),
    "no version": handshake(`${upgrade}${key}`),
    "an old version": handshake(`${upgrade}Sec-WebSocket-Version: 7\r\n${key}`),
    "a method that is not GET": handshake(undefined, "POST"),
    "a body": handshake(`${upgrade}${version}${key}Content-Length: 4\r\n`),
    chunks: handshake(`${upgrade}${version}${key}Transfer-Encoding: chunked\r\n`),
    "two hosts": handshake(`Host: elsewhere.example\r\n${upgrade}${version}${key}`),
  };
  const behind = `GET /s/next HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  for (const [what, bytes] of Object.entries(wrong)) {
    const answer = await raw(door, bytes + behind);
    assert.match(answer, /^HTTP\/1\.1 400 /, what);
    assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1, what);
  }
  assert.equal(door.invocations.length, before);
  status = 403;
  const refused = await raw(door, handshake() + behind);
  status = 200;
  assert.match(refused, /^HTTP\/1\.1 403 /);
  assert.equal(refused.match(/HTTP\/1\.1 /g)?.length, 1);
  assert.equal(door.invocations.length, before + 1);
});

/** A frame (RFC 6455, 5.2); `length`: what it says of itself, where that is not so. */
function frame(first: number, payload: Buffer, { masked = true, length = payload.length } = {}): Buffer {
  const mask = Buffer.from([1, 2, 3, 4]);
  const bit = masked ? 0x80 : 0;
  const head = length < 126 ? Buffer.from([first, bit | length]) : Buffer.alloc(10);
  if (length >= 126) {
    head[0] = first;
    head[1] = bit | 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  const body = masked ? payload.map((byte, at) => byte ^ mask[at % 4]!) : payload;
  return Buffer.concat([head, ...(masked ? [mask] : []), body]);
}

/** Opens a connection; resolves when it is open. */
async function opened(): Promise<Socket> {
  const socket = connect(door.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(handshake());
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.match(answer.toString("latin1"), /^HTTP\/1\.1 101 /);
  return socket;
}

/** The code of the frame by which the other side ends a connection. */
async function endOf(socket: Socket): Promise<number | undefined> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "close");
  const said = Buffer.concat(chunks);
  return said[0] === 0x88 ? said.readUInt16BE(2) : undefined;
}

test("a broken frame ends its connection with the code for it, is no message, and the function hears of the end", async () => {
  const [text, fin] = [0x81, 0x80] as const;
  const broken: Readonly<Record<string, readonly [number, Buffer]>> = {
    "not masked": [1002, frame(text, Buffer.from("{}"), { masked: false })],
    "a reserved bit": [1002, frame(text | 0x40, Buffer.from("{}"))],
    "an unknown kind": [1002, frame(fin | 0x3, Buffer.from("{}"))],
    "a ping in pieces": [1002, frame(0x09, Buffer.from("a"))],
    "a ping of 126 bytes": [1002, frame(fin | 0x9, Buffer.alloc(126))],
    "a piece of nothing": [1002, frame(fin, Buffer.from("a"))],
    "a message within another": [1002, Buffer.concat([frame(0x01, Buffer.from("a")), frame(text, Buffer.from("b"))])],
    "text that is none": [1007, frame(text, Buffer.from([0xff, 0xfe]))],
    "longer than any message": [1009, frame(text, Buffer.alloc(0), { length: 1024 * 1024 })],
    "as long as numbers go": [1009, frame(text, Buffer.alloc(0), { length: Number.MAX_SAFE_INTEGER })],
    "an end for no reason there is": [1002, frame(fin | 0x8, Buffer.from([0x03, 0xed]))],
  };
  for (const [what, [code, bytes]] of Object.entries(broken)) {
    const before = door.invocations.length;
    const socket = await opened();
    socket.write(bytes);
    assert.equal(await endOf(socket), code, what);
    while (door.invocations.length < before + 2) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(kinds().slice(before), ["CONNECT", "DISCONNECT"], what);
  }
});

test("who goes in the middle of a frame is gone, and others are heard", async () => {
  const before = door.invocations.length;
  const other = await opened();
  const socket = await opened();
  socket.end(frame(0x81, Buffer.from("{}"), { length: 100 }));
  socket.resume();
  await once(socket, "close");
  while (!kinds().slice(before).includes("DISCONNECT")) await new Promise((resolve) => setImmediate(resolve));
  other.write(frame(0x81, Buffer.from('{"action":"x"}')));
  while (!kinds().slice(before).includes("MESSAGE")) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(kinds().slice(before), ["CONNECT", "CONNECT", "DISCONNECT", "MESSAGE"]);
  other.destroy();
  while (kinds().slice(before).length < 5) await new Promise((resolve) => setImmediate(resolve));
});
