import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { afterEach, describe, test } from "node:test";
import { frameType, json, noAgent, TestHost } from "./host.ts";

const { EXTEND, REPLY, SEND, REQUEST, GONE, ENDED, SENT, EXIT, LOG } = frameType;

describe("the agent and extensions", { skip: noAgent, timeout: 60_000 }, () => {
  let host: TestHost;
  afterEach(() => host.close());

  const extend = (...extensions: string[]) =>
    host.send(EXTEND, 0, JSON.stringify({ extensions, env: { OWN: "x" }, cwd: "/", apiPort: 0 }));

  test("starts each, tells what it prints and how it ends, in this order", async () => {
    host = await TestHost.start();
    const one = host.file(
      "one",
      '#!/bin/sh\necho "one $OWN $(pwd)" "$AWS_LAMBDA_RUNTIME_API"; echo error >&2; exit 3\n',
    );
    extend(one, host.file("none", "no program"));
    const ends = new Map<unknown, unknown>();
    for (let n = 0; n < 2; n++) {
      const end = json(await host.next(ENDED));
      ends.set(end.extension, end);
      if (end.extension === 0) assert.match(host.log[16]!, /^one x \/ 127\.0\.0\.1:\d+\nerror\n$/);
    }
    assert.deepEqual(ends.get(0), { extension: 0, code: 3 });
    assert.deepEqual(ends.get(1), { extension: 1, error: "permission denied" });
  });

  test("passes on what they ask, answers when it is told to, and says who has hung up", async () => {
    host = await TestHost.start();
    extend(host.file("sleeper", "#!/bin/sh\necho $AWS_LAMBDA_RUNTIME_API; exec sleep 1000\n"));
    const { payload } = await host.next(LOG);
    const url = `http://${payload.toString("utf8", 1).trim()}`;
    const asked = fetch(`${url}/2020-01-01/extension/register?q=1`, {
      method: "POST",
      body: "{}",
      headers: { "X-Own": "1" },
    });
    const request = await host.next(REQUEST);
    const end = 2 + request.payload.readUInt16LE(0);
    const head = request.payload.toString("utf8", 2, end);
    assert.match(head, /^POST \/2020-01-01\/extension\/register\?q=1 HTTP\/1\.1\r\n/);
    assert.match(head, /^x-own: 1\r$/im);
    assert.match(head, /\r\n\r\n$/);
    assert.equal(request.payload.toString("utf8", end), "{}");
    const reply = "418 Teapot\r\nX-Answer: yes\r\n";
    host.send(REPLY, request.stream, Buffer.concat([Buffer.from([reply.length, 0]), Buffer.from(`${reply}short`)]));
    const answer = await asked;
    assert.deepEqual([answer.status, answer.headers.get("x-answer"), await answer.text()], [418, "yes", "short"]);
    const hangUp = new AbortController();
    const waits = fetch(`${url}/2020-01-01/extension/event/next`, { signal: hangUp.signal }).catch(() => "aborted");
    const parked = await host.next(REQUEST);
    assert.notEqual(parked.stream, request.stream);
    hangUp.abort();
    assert.equal(await waits, "aborted");
    assert.equal((await host.next(GONE)).stream, parked.stream);
    // Nobody is there for it any more.
    host.send(REPLY, parked.stream, Buffer.from([0, 0]));
    const large = await fetch(`${url}/2022-07-01/telemetry`, { method: "PUT", body: "x".repeat(300_000) });
    assert.equal(large.status, 413);
    assert.equal((await fetch(`${url}/2022-07-01/other`)).status, 404);
  });

  test("delivers to a port, says what came of it, and keeps a connection that is to be kept", async () => {
    host = await TestHost.start();
    const sockets: Socket[] = [];
    let heard = "";
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on("data", (chunk) => {
        heard += chunk;
        if (heard.endsWith("?")) socket.end("HTTP/1.1 204 No Content\r\n\r\n");
      });
      socket.on("error", () => undefined);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const send = (number: number, keep: number, text: string, to = port) =>
      host.send(SEND, number, Buffer.concat([Buffer.from([to & 255, to >> 8, keep]), Buffer.from(text)]));
    send(1, 0, "is it there?");
    const answered = await host.next(SENT);
    assert.deepEqual([answered.stream, answered.payload[0]], [1, 1]);
    assert.equal(answered.payload.toString("latin1", 1), "HTTP/1.1 204 No Content\r\n\r\n");
    send(2, 1, "one,");
    assert.deepEqual([...(await host.next(SENT)).payload], [1]);
    send(3, 1, "two,");
    assert.equal((await host.next(SENT)).stream, 3);
    while (!heard.endsWith("one,two,")) await once(sockets.at(-1)!, "data");
    assert.equal(sockets.length, 2, "the second over the first one's connection");
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
    send(4, 0, "?");
    const failed = await host.next(SENT);
    assert.deepEqual([failed.stream, [...failed.payload]], [4, [0]]);
  });

  test("the end of the runtime is not theirs", async () => {
    host = await TestHost.start();
    const file = host.file(
      "lasting",
      "#!/bin/sh\necho begun; trap 'echo over; exit 0' TERM; while :; do sleep 0.05; done\n",
    );
    extend(file);
    await host.next(LOG);
    host.shell("sleep 1000 & exit 4");
    assert.deepEqual(json(await host.next(EXIT)), { code: 4 });
    assert.equal(
      host.passed.some(({ type }) => type === ENDED),
      false,
    );
    assert.equal(host.agent.exitCode, null);
  });
});
