import assert from "node:assert/strict";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, test } from "node:test";
import { frameType, noAgent, TestHost } from "./host.ts";

describe("the relay to the platform", { skip: noAgent, timeout: 60_000 }, () => {
  let host: TestHost;
  let platform: Server;
  let port: number;

  beforeEach(async () => {
    host = await TestHost.start();
    const socket = join(host.dir, "endpoint.sock");
    // Echoes everything, then says how many bytes it was.
    platform = createServer({ allowHalfOpen: true }, (connection) => {
      let bytes = 0;
      connection.on("data", (chunk) => {
        bytes += chunk.length;
      });
      connection.on("end", () => connection.write(`\n${bytes} bytes`));
      connection.on("error", () => {});
      connection.pipe(connection);
    });
    await new Promise<void>((resolve) => platform.listen(socket, resolve));
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
    port = (free.address() as { port: number }).port;
    await new Promise((resolve) => free.close(resolve));
    host.shell("echo up; exec sleep 1000", { relay: { port, socket } });
    await host.next(frameType.LOG);
  });

  afterEach(async () => {
    platform.close();
    await host.close();
  });

  test("carries bytes both ways, with half-closed connections, many at once", async () => {
    const sizes = [0, 1, 100_000, 3_000_000, ...Array.from({ length: 40 }, (_, i) => i * 1000)];
    await Promise.all(
      sizes.map(async (size) => {
        const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
        client.end(Buffer.alloc(size, "r"));
        const got = await text(client);
        assert.ok(got.endsWith(`\n${size} bytes`), got.slice(-40));
        assert.equal(got.length, size + `\n${size} bytes`.length);
      }),
    );
  });

  test("closes the function's connection when the platform does not answer", async () => {
    platform.close();
    await new Promise((resolve) =>
      connect({ port, host: "127.0.0.1" }).on("error", resolve).on("close", resolve).resume(),
    );
  });

  test("a port that is taken is an INIT_ERROR", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    await host.close();
    host = await TestHost.start();
    host.shell("true", { relay: { port, socket: "/nowhere" } });
    assert.match((await host.next(frameType.INIT_ERROR)).payload.toString(), /Sandbox\.Failure.*in use/);
    await new Promise((resolve) => taken.close(resolve));
  });
});
