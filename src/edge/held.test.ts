import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { holdUntilDurable } from "./held.ts";

/** Answers each request with "done", as soon as `durable` lets it; what was reported as our failure is kept. */
async function answering(durable: () => Promise<void> | undefined) {
  const reported: unknown[] = [];
  const server = createServer((_, response) => {
    holdUntilDurable(response, durable, (error) => reported.push(error));
    response.writeHead(201, { "content-type": "text/plain" }).end("done");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const asked = request({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
  return { asked, reported, server };
}

test("an answer leaves when all is on the disk, and no byte of it before", async () => {
  const flush = Promise.withResolvers<void>();
  const waited = Promise.withResolvers<void>();
  const { asked, server } = await answering(() => {
    waited.resolve();
    return flush.promise;
  });
  let answered = false;
  const answer = once(asked.end(), "response").then((found) => {
    answered = true;
    return found;
  });
  await waited.promise;
  for (let turn = 0; turn < 20; turn += 1) await new Promise((next) => setImmediate(next));
  assert.equal(answered, false);
  flush.resolve();
  const [response] = await answer;
  assert.equal(response.statusCode, 201);
  assert.equal(Buffer.concat(await response.toArray()).toString(), "done");
  server.close();
});

test("nothing is held where nothing waits", async () => {
  const { asked, server } = await answering(() => undefined);
  const [response] = await once(asked.end(), "response");
  assert.equal(Buffer.concat(await response.toArray()).toString(), "done");
  server.close();
});

test("a disk that failed breaks the connection, and is reported", async () => {
  const failure = new Error("the disk is gone");
  const { asked, reported, server } = await answering(() => Promise.reject(failure));
  const [error] = await once(asked.end(), "error");
  assert.equal(error.code, "ECONNRESET");
  assert.deepEqual(reported, [failure]);
  server.close();
});
