import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, describe, test } from "node:test";
import { frameType, json, noAgent, TestHost } from "./host.ts";

/** READY, then every event goes to `answer(i)`. */
const serving = (answer: string) => `send(0x82, 0, 0, "{}");
for (;;) { const i = receive(); ${answer} }`;

describe("the runtime's own link", { skip: noAgent, timeout: 60_000 }, () => {
  let host: TestHost;
  afterEach(() => host.close());
  const invoke = (stream: number, event?: Buffer) => host.invoke(stream, event, `id-${stream}`, host.runtime);

  test("is the runtime's descriptor 3, waits in reads and writes, and carries events and answers of any size", async () => {
    host = await TestHost.start();
    host.frames(serving("send(0x84, 1, i.stream, i.event);"));
    assert.ok(Number(json(await host.next(frameType.SPAWNED)).spawned) > 0);
    await host.next(frameType.READY);
    let stream = 0;
    for (const size of [0, 1, 65_523, 300_000, 6_291_456]) {
      const event = Buffer.alloc(size, `${size},`);
      invoke(++stream, event);
      const answer = await host.next(frameType.RESPONSE);
      assert.deepEqual([answer.stream, answer.flags], [stream, 1]);
      assert.ok(answer.payload.equals(event), `${size} bytes`);
    }
  });

  test("what the runtime wrote to its streams before an answer comes before the PONG to a PING sent after it", async () => {
    host = await TestHost.start();
    host.frames(
      serving(`fs.writeSync(1, "a" + i.stream); fs.writeSync(2, "b".repeat(60000)); send(0x84, 3, i.stream);`),
    );
    await host.next(frameType.READY);
    for (let stream = 1; stream <= 50; stream++) {
      host.log.fill("");
      invoke(stream);
      await host.next(frameType.RESPONSE);
      host.send(frameType.PING, stream);
      await host.next(frameType.PONG);
      assert.deepEqual(host.log, [`a${stream}`, "b".repeat(60_000), ""]);
    }
  });

  test("has ended, with all that was said on it, once EXIT is sent", async () => {
    host = await TestHost.start();
    // A child that leaves the session and keeps the descriptor dies before EXIT as everything else does.
    host.frames(
      serving(`require("node:child_process").spawn("setsid", ["sleep", "1000"], { stdio: ["ignore", "ignore", "ignore", 3] });
        send(0x84, 0, i.stream, Buffer.alloc(100000, "z")); process.exit(4);`),
    );
    await host.next(frameType.READY);
    const ended = once(host.runtime!, "end");
    invoke(1);
    assert.equal((await host.next(frameType.RESPONSE)).payload.length, 100_000);
    assert.deepEqual(json(await host.next(frameType.EXIT)), { code: 4 });
    await ended;
  });

  test("a runtime that closes it lives on", async () => {
    host = await TestHost.start();
    host.frames(`fs.closeSync(3); fs.writeSync(1, "closed"); setInterval(() => {}, 1000);`);
    await once(host.runtime!, "end");
    while (!host.log[0]!.includes("closed")) await host.any();
    host.send(frameType.PING, 3);
    assert.equal((await host.next(frameType.PONG)).stream, 3);
  });

  test("ends at once where the runtime cannot be started", async () => {
    host = await TestHost.start();
    const ended = once(host.runtime!, "end");
    host.boot({ command: [["/nowhere"]], link: "frames" });
    await host.next(frameType.INIT_ERROR);
    await ended;
  });

  test("its closing by the host and SIGTERM reach a runtime that waits for its next event", async () => {
    host = await TestHost.start();
    host.frames(`process.on("SIGTERM", () => { fs.writeSync(1, "bye"); process.exit(0); }); send(0x82, 0, 0, "{}");
      const event = Buffer.alloc(1); if (fs.readSync(3, event) === 0) setInterval(() => {}, 1000);`);
    await host.next(frameType.READY);
    host.runtime!.end();
    const deadlineMs = Number(process.hrtime.bigint()) / 1e6 + 30_000;
    host.send(frameType.SHUTDOWN, 0, JSON.stringify({ reason: "spindown", deadlineMs }));
    assert.deepEqual(json(await host.next(frameType.EXIT)), { code: 0 });
    assert.equal(host.log[0], "bye");
    assert.equal(await host.ended, "0");
  });
});
