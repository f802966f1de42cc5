import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, describe, test } from "node:test";
import { frameType, json, noAgent, TestHost } from "./host.ts";

describe("captured output", { skip: noAgent, timeout: 60_000 }, () => {
  let host: TestHost;
  afterEach(() => host.close());

  test("PONG follows all output written before the PING", async () => {
    host = await TestHost.start();
    host.shell("printf ready; trap 'printf more; kill -STOP $$' USR1; echo $$ >&2; while :; do sleep 0.01; done");
    while (host.log[1] === "") await host.any();
    process.kill(Number(host.log[1]), "SIGUSR1");
    // Stopped by itself: what it wrote lies in the pipe.
    while (!/^State:\tT/m.test(readFileSync(`/proc/${host.log[1]!.trim()}/status`, "utf8")))
      await setImmediatePromise();
    host.send(frameType.PING, 1);
    await host.next(frameType.PONG);
    assert.equal(host.log[0], "readymore");
  });

  test("a runtime that closes its streams still works and exits", async () => {
    host = await TestHost.start();
    host.frames(`fs.writeSync(1, "last"); fs.closeSync(1); fs.closeSync(2); send(0x82, 0, 0, "{}");
      for (;;) { const i = receive(); send(0x84, 1, i.stream, i.event); if (i.stream === 2) process.exit(0); }`);
    await host.next(frameType.READY);
    host.send(frameType.PING, 1);
    await host.next(frameType.PONG);
    assert.equal(host.log[0], "last");
    for (const stream of [1, 2]) {
      host.invoke(stream, "[1]", "id", host.runtime);
      assert.equal((await host.next(frameType.RESPONSE)).payload.toString(), "[1]");
    }
    assert.equal(json(await host.next(frameType.EXIT)).code, 0);
  });

  test("a flood stops while the host does not read, costs little memory, and arrives whole", async () => {
    host = await TestHost.start();
    const { pid } = json(await host.next(frameType.HELLO));
    host.link.pause();
    host.shell("echo begun >&2; head -c 10000000 /dev/zero | tr '\\0' 'x'; echo; echo end");
    // The writer blocks once the pipe, the agent's bound and the socket are full: wait until the agent sleeps over it.
    let before = -1;
    for (let now = bytesRead(pid); now !== before || now === 0; now = bytesRead(pid)) {
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const resident = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    assert.ok(resident < 4096, `${resident} kB resident`);
    host.link.resume();
    assert.equal(json(await host.next(frameType.EXIT)).code, 0);
    assert.equal(host.log[0]!.length, 10_000_005);
    assert.equal(host.log[1], "begun\n");
  });

  test("a PONG is not lost behind a flood that never ends", async () => {
    host = await TestHost.start();
    host.shell("while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done");
    await host.next(frameType.LOG);
    for (let stream = 1; stream <= 20; stream++) {
      host.send(frameType.PING, stream);
      assert.equal((await host.next(frameType.PONG)).stream, stream);
    }
  });
});

function setImmediatePromise(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** bytes a process has read, from /proc */
function bytesRead(pid: unknown): number {
  return Number(/^rchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);
}
