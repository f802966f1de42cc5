import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import {
  APIGatewayClient,
  CreateDeploymentCommand,
  CreateRestApiCommand,
  PutIntegrationCommand,
  PutMethodCommand,
} from "@aws-sdk/client-api-gateway";
import { ApiGatewayV2Client, CreateApiCommand } from "@aws-sdk/client-apigatewayv2";
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { AddPermissionCommand } from "@aws-sdk/client-lambda";
import { type Door, openDoor } from "./door.ts";
import { ask, lambdaClient, makeFunction, makeUrl, raw, returning } from "./front.ts";

/** Requests that are broken on purpose, at every door: refused or dropped, and no function hears of them. */
interface Place {
  readonly name: string;
  readonly host: string;
  readonly path: string;
  /** most bytes of a body */
  readonly most: number;
}

let door: Door;
const places: Place[] = [];
const silenceMs = 400;
const MB = 1024 * 1024;
const target = "arn:aws:lambda:us-east-1:000000000000:function:f";

before(async () => {
  const protocols = { http2: true, silenceMs };
  door = await openDoor(returning({ statusCode: 200, body: "fine" }), undefined, {}, protocols);
  const settings = {
    endpoint: door.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  };
  const lambda = lambdaClient(door);
  await makeFunction(lambda, "f");
  for (const service of ["apigateway", "elasticloadbalancing"]) {
    const Principal = `${service}.amazonaws.com`;
    const Action = "lambda:InvokeFunction";
    await lambda.send(new AddPermissionCommand({ FunctionName: "f", StatementId: service, Action, Principal }));
  }
  places.push({ name: "function URL", host: await makeUrl(lambda, "f"), path: "/", most: 6 * MB });
  const http = new ApiGatewayV2Client(settings);
  const { ApiId } = await http.send(new CreateApiCommand({ Name: "h", ProtocolType: "HTTP", Target: target }));
  places.push({ name: "HTTP API", host: `${ApiId}.execute-api.localhost`, path: "/", most: 10 * MB });
  const rest = new APIGatewayClient(settings);
  const { id, rootResourceId } = await rest.send(new CreateRestApiCommand({ name: "r" }));
  const at = { restApiId: id!, resourceId: rootResourceId!, httpMethod: "ANY" };
  await rest.send(new PutMethodCommand({ ...at, authorizationType: "NONE" }));
  const uri = `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${target}/invocations`;
  await rest.send(new PutIntegrationCommand({ ...at, type: "AWS_PROXY", integrationHttpMethod: "POST", uri }));
  await rest.send(new CreateDeploymentCommand({ restApiId: id!, stageName: "s" }));
  places.push({ name: "REST API", host: `${id}.execute-api.localhost`, path: "/s", most: 10 * MB });
  const elb = new ElasticLoadBalancingV2Client(settings);
  const { TargetGroups } = await elb.send(new CreateTargetGroupCommand({ Name: "g", TargetType: "lambda" }));
  const TargetGroupArn = TargetGroups![0]!.TargetGroupArn!;
  await elb.send(new RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: target }] }));
  const { LoadBalancers } = await elb.send(new CreateLoadBalancerCommand({ Name: "l", Subnets: ["a", "b"] }));
  const { LoadBalancerArn, DNSName } = LoadBalancers![0]!;
  const DefaultActions = [{ Type: "forward" as const, TargetGroupArn }];
  await elb.send(new CreateListenerCommand({ LoadBalancerArn, Port: 80, Protocol: "HTTP", DefaultActions }));
  places.push({ name: "load balancer", host: DNSName!, path: "/", most: MB });
  for (const client of [lambda, http, rest, elb]) client.destroy();
});
after(async () => {
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
});

/** Every door is open, and none has let anything through. */
async function isUnharmed(before: number): Promise<void> {
  assert.equal(door.invocations.length, before);
  for (const { host, path, name } of places) {
    const { status, text } = await ask(door, host, { path });
    assert.deepEqual([status, text], [200, "fine"], name);
  }
}

const smuggled: Readonly<Record<string, string>> = {
  "a length and chunks":
    "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: HOST\r\n\r\n",
  "chunks and a length": "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nX",
  "two lengths": "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
  "the same length twice": "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
  "a list of lengths": "Content-Length: 4, 4\r\n\r\nabcd",
  "a signed length": "Content-Length: +4\r\n\r\nabcd",
  "a negative length": "Content-Length: -1\r\n\r\nabcd",
  "a length in hex": "Content-Length: 0x4\r\n\r\nabcd",
  "a length without end": `Content-Length: ${"9".repeat(30)}\r\n\r\nabcd`,
  "an unknown coding last": "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
  "chunked twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
  "almost chunked": "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
  "chunked behind a tab of another kind": "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
  "a blank before the colon": "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
  "a folded line": "X-A: one\r\n two\r\nContent-Length: 0\r\n\r\n",
  "a folded coding": "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
  "a bare line feed between headers": "X-A: one\nX-B: two\r\nContent-Length: 0\r\n\r\n",
  "a bare carriage return in a value": "X-A: one\rX-B: two\r\nContent-Length: 0\r\n\r\n",
  "a NUL in a value": "X-A: o\0ne\r\nContent-Length: 0\r\n\r\n",
  "a header without a name": ": x\r\nContent-Length: 0\r\n\r\n",
  "a second host": "Host: elsewhere.example\r\nContent-Length: 0\r\n\r\n",
  "the same host again": "Host: HOST\r\nContent-Length: 0\r\n\r\n",
  "a chunk of no size": "Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
  "a chunk of more than there is": `Transfer-Encoding: chunked\r\n\r\n${"f".repeat(20)}\r\nabcd`,
  "a chunk that ends elsewhere": "Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n",
  "a chunk's size with a bare line feed": "Transfer-Encoding: chunked\r\n\r\n4\nabcd\r\n0\r\n\r\n",
};

test("what could be read in two ways is read in none, and its connection is closed", async () => {
  const before = door.invocations.length;
  for (const { host, path, name } of places) {
    for (const [what, rest] of Object.entries(smuggled)) {
      const answer = await raw(door, `POST ${path} HTTP/1.1\r\nHost: ${host}\r\n${rest.replaceAll("HOST", host)}`);
      assert.match(answer, /^HTTP\/1\.1 400 /, `${name}: ${what}`);
      assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1, `${name}: ${what}`);
    }
  }
  await isUnharmed(before);
});

test("what ends too early, or never fits, reaches no function", async () => {
  const before = door.invocations.length;
  for (const { host, path, name, most } of places) {
    const head = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\n`;
    for (const cut of [
      "",
      "POST / HT",
      head,
      `${head}Content-Length: 100\r\n\r\nonly this`,
      `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhal`,
      `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n`,
    ]) {
      assert.doesNotMatch(await raw(door, cut), / 200 /, `${name}: ${JSON.stringify(cut)}`);
    }
    assert.match(await raw(door, `${head}X: ${"a".repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /, name);
    assert.match(await raw(door, `POST /${"a".repeat(20_000)} HTTP/1.1\r\n\r\n`), /^HTTP\/1\.1 431 /, name);
    const declared = `${head}Content-Length: ${most + 1}\r\nConnection: close\r\n\r\n`;
    assert.match(await raw(door, declared), /^HTTP\/1\.1 413 /, name);
    const chunk = Buffer.from(`${(most + 1).toString(16)}\r\n${"a".repeat(most + 1)}\r\n0\r\n\r\n`);
    const chunked = Buffer.from(`${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n`);
    assert.match(await raw(door, Buffer.concat([chunked, chunk])), /^HTTP\/1\.1 413 /, name);
  }
  await isUnharmed(before);
});

/** Resolves when the other side has closed the connection, with what it said. */
async function closed(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  await once(socket, "close");
  return text;
}

test("many clients that never finish a head keep nobody waiting, and are let go", async () => {
  const before = door.invocations.length;
  const slow = Array.from({ length: 200 }, (_, at) => {
    const { host, path } = places[at % places.length]!;
    const socket = connect(door.port, "127.0.0.1");
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `);
    return closed(socket);
  });
  await isUnharmed(before);
  for (const text of await Promise.all(slow)) assert.match(text, /^HTTP\/1\.1 408 /);
});

/** A frame of HTTP/2 (RFC 9113, 4.1). */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Literal headers without indexing, nothing compressed (RFC 7541, 6.2.2). */
const literal = (pairs: readonly (readonly [string, string])[]): Buffer =>
  Buffer.concat(
    pairs.flatMap(([name, value]) => [
      Buffer.from([0, name.length]),
      Buffer.from(name, "latin1"),
      Buffer.from([value.length]),
      Buffer.from(value, "latin1"),
    ]),
  );

const preface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0, Buffer.alloc(0))]);
const [DATA, HEADERS, CONTINUATION] = [0, 1, 9] as const;
const [END_STREAM, END_HEADERS] = [1, 4] as const;

test("HTTP/2: headers of HTTP/1, lengths that are not so and two authorities reach no function", async () => {
  const before = door.invocations.length;
  for (const { host, path, name } of places) {
    const request = [
      [":method", "POST"],
      [":scheme", "http"],
      [":path", path],
      [":authority", host],
    ] as const;
    const whole = (...more: (readonly [string, string])[]) => [
      frame(HEADERS, END_HEADERS | END_STREAM, 1, literal([...request, ...more])),
    ];
    const attacks: Readonly<Record<string, readonly Buffer[]>> = {
      "a coding": whole(["transfer-encoding", "chunked"]),
      "a connection": whole(["connection", "keep-alive"]),
      "a capital letter": whole(["X-A", "one"]),
      "a blank in a path": [
        frame(HEADERS, 5, 1, literal([...request.filter(([one]) => one !== ":path"), [":path", "/ HTTP/1.1\r\nx: y"]])),
      ],
      "a second path": whole([":path", "/other"]),
      "another host beside the authority": whole(["host", "elsewhere.example"]),
      "a length and no body": whole(["content-length", "5"]),
      "more than its length": [
        frame(HEADERS, END_HEADERS, 1, literal([...request, ["content-length", "2"]])),
        frame(DATA, END_STREAM, 1, Buffer.from("abcd")),
      ],
      "less than its length": [
        frame(HEADERS, END_HEADERS, 1, literal([...request, ["content-length", "9"]])),
        frame(DATA, END_STREAM, 1, Buffer.from("abcd")),
      ],
      "a body before its head": [frame(DATA, END_STREAM, 1, Buffer.from("abcd"))],
      "a head that goes on elsewhere": [
        frame(HEADERS, 0, 1, literal(request)),
        frame(HEADERS, END_HEADERS | END_STREAM, 3, literal(request)),
      ],
    };
    const answers = Object.entries(attacks).map(async ([what, frames]) => {
      const socket = connect(door.port, "127.0.0.1");
      const text = closed(socket);
      socket.write(Buffer.concat([preface, ...frames]));
      // A stream alone may be refused: then the connection is quiet, and let go.
      assert.doesNotMatch(await text, /fine/, `${name}: ${what}`);
    });
    await Promise.all(answers);
    assert.equal(door.invocations.length, before, name);
  }
  await isUnharmed(before);
});

test("HTTP/2: a header with a line break in it is left out, and makes no other one", async () => {
  const { host, path } = places[0]!;
  const request = [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", path],
    [":authority", host],
    ["x-a", "one\r\nx-b: two"],
    ["x-c\r\nx-d", "three"],
    ["x-e", "four"],
  ] as const;
  const before = door.invocations.length;
  const socket = connect(door.port, "127.0.0.1");
  const answered = closed(socket);
  socket.write(Buffer.concat([preface, frame(HEADERS, END_HEADERS | END_STREAM, 1, literal(request))]));
  assert.match(await answered, /fine/);
  assert.equal(door.invocations.length, before + 1);
  const { headers } = JSON.parse(door.invocations.at(-1)!.payload.toString());
  const own = Object.entries(headers).filter(([name]) => name.startsWith("x-") && !/^x-(forwarded|amzn)/.test(name));
  assert.deepEqual(own, [["x-e", "four"]]);
});

test("HTTP/2: heads without end, streams taken back at once and frames of nonsense end a connection and nothing else", async () => {
  const before = door.invocations.length;
  const { host, path } = places[0]!;
  const request = literal([
    [":method", "GET"],
    [":scheme", "http"],
    [":path", path],
    [":authority", host],
  ]);
  const filler = literal([["x-filler", "a".repeat(100)]]);
  const endless = [frame(HEADERS, 0, 1, request)];
  for (let count = 0; count < 5000; count += 1) endless.push(frame(CONTINUATION, 0, 1, filler));
  const nonsense = [
    frame(77, 255, 1, Buffer.alloc(100)),
    frame(4, 0, 0, Buffer.alloc(7)),
    frame(8, 0, 0, Buffer.alloc(4)),
  ];
  const sockets = [endless, nonsense, [frame(HEADERS, 0, 1, request)]].map((frames) => {
    const socket = connect(door.port, "127.0.0.1");
    socket.write(Buffer.concat([preface, ...frames]));
    return closed(socket);
  });
  await isUnharmed(before);
  await Promise.all(sockets);
  const session: ClientHttp2Session = connectHttp2(`http://127.0.0.1:${door.port}`);
  session.on("error", () => {});
  await once(session, "connect");
  for (let count = 0; count < 2000 && !session.destroyed; count += 1) {
    const stream = session.request({ ":path": path, ":authority": host });
    stream.on("error", () => {});
    stream.close();
  }
  session.destroy();
  const calm = door.invocations.length;
  for (const { host: good, path: where } of places) {
    assert.equal((await ask(door, good, { path: where })).status, 200);
  }
  assert.ok(door.invocations.length >= calm + places.length);
});
