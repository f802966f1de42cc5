import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { test } from "node:test";
import { ServiceError } from "../../model/index.ts";
import { bodyOf } from "./body-of.ts";

const tooLarge = () => new ServiceError("RequestTooLargeException", "too large");

test("who sends a body piece by piece is waited for, who stops sending is let go", async () => {
  const results: (string | Error)[] = [];
  const server = createServer((request, response) => {
    bodyOf(request, 100, tooLarge, 300)
      .then((body) => {
        results.push(body.toString());
        response.end("read");
      })
      .catch((error: Error) => results.push(error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const open = () => {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    return socket;
  };
  const slow = open();
  const answered = once(slow, "data");
  for (const letter of "slow") {
    await new Promise((resolve) => setImmediate(resolve));
    slow.write(letter);
  }
  await answered;
  assert.deepEqual(results, ["slow"]);
  const stopped = open();
  stopped.write("s");
  stopped.resume();
  await once(stopped, "close");
  assert.equal((results[1] as unknown as ServiceError).code, "InvalidRequestContentException");
  slow.destroy();
  server.close();
});
