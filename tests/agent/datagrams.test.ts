import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { frameType, noAgent, TestHost } from "./host.ts";

/** A UDP port that nobody has. */
async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

test("what is sent to the port of BOOT's `datagrams` comes to the host, each as it was", {
  skip: noAgent,
}, async () => {
  const host = await TestHost.start();
  const datagrams = await freePort();
  host.shell("echo up; exec sleep 1000", { datagrams });
  await host.next(frameType.LOG);
  const socket = createSocket("udp4");
  const sent = ["", "one", "x".repeat(60_000), ...Array.from({ length: 50 }, (_, index) => `number ${index}`)];
  for (const text of sent) {
    await new Promise((resolve) => socket.send(text, datagrams, "127.0.0.1", resolve));
    const { payload } = await host.next(frameType.DATAGRAM);
    assert.equal(payload.toString(), text);
  }
  socket.close();
  await host.close();
});

test("a port that is taken is an INIT_ERROR", { skip: noAgent }, async () => {
  const taken = createSocket("udp4").bind(0, "127.0.0.1");
  await once(taken, "listening");
  const host = await TestHost.start();
  host.shell("true", { datagrams: taken.address().port });
  assert.match((await host.next(frameType.INIT_ERROR)).payload.toString(), /Sandbox\.Failure.*in use/);
  taken.close();
  await host.close();
});
