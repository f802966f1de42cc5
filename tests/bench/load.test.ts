import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import { test } from "node:test";
import { Connection, header, request } from "../../bench/harness/connection.ts";
import { openLoop, serial } from "../../bench/harness/open-loop.ts";

async function listening(listener: RequestListener): Promise<{ url: URL; server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: new URL(`http://127.0.0.1:${(server.address() as { port: number }).port}/f`), server };
}

test("a connection reads answers with a length and in chunks, one after the other", async () => {
  const { url, server } = await listening((req, res) => {
    res.setHeader("X-Seen", req.headers["x-sent"] ?? "");
    if (req.headers["x-sent"] === "chunks") {
      res.write("hello ");
      res.end("world");
    } else res.end("hello");
  });
  const connection = await Connection.open(url);
  const plain = await connection.send(request(url, "{}", { "X-Sent": "length" }));
  const chunked = await connection.send(request(url, "{}", { "X-Sent": "chunks" }));
  connection.close();
  server.close();
  assert.deepEqual([plain.status, plain.body.toString(), header(plain, "x-seen")], [200, "hello", "length"]);
  assert.deepEqual([chunked.body.toString(), header(chunked, "X-Seen")], ["hello world", "chunks"]);
  assert.ok(plain.sent <= plain.firstByte && plain.firstByte <= plain.done);
});

test("a request in flight is rejected when the server closes", async () => {
  const { url, server } = await listening((req) => req.socket.destroy());
  const connection = await Connection.open(url);
  await assert.rejects(connection.send(request(url, "{}")));
  server.close();
});

test("open loop: a stall counts against every request that was due during it", async () => {
  let first = true;
  const { url, server } = await listening((_, res) => {
    if (!first) return void res.end("{}");
    first = false;
    setTimeout(() => res.end("{}"), 100);
  });
  const load = { url, bytes: request(url, "{}"), connections: 1, rate: 100, seconds: 0.1, check: () => {} };
  const { samples, latency } = await openLoop(load);
  server.close();
  assert.equal(latency.count, 10);
  // due every 10 ms behind an answer that took 100: the request due at 50 ms had 50 ms to wait
  assert.ok(samples[0]! >= 95 && samples[5]! >= 45, `${samples}`);
});

test("an answer that is not what it must be ends the run", async () => {
  const { url, server } = await listening((_, res) => res.end("wrong"));
  const check = () => {
    throw new Error("unexpected answer");
  };
  const bytes = request(url, "{}");
  await assert.rejects(openLoop({ url, bytes, connections: 2, rate: 100, seconds: 0.1, check }), /unexpected/);
  await assert.rejects(serial({ url, bytes, count: 3, check }), /unexpected/);
  server.close();
});
