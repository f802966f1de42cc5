import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { frameType, json, noAgent, TestHost } from "./host.ts";

/** READY, then every event goes to `answer(i)`. */
const serving = (answer: string) => `send(0x82, 0, 0, '{"boot":1.5,"load":2,"loaded":3}');
for (;;) { const i = receive(); ${answer} }`;

describe("the frames link", { skip: noAgent, timeout: 60_000 }, () => {
  let host: TestHost;
  afterEach(() => host.close());

  test("READY carries the bootstrap's marks and when it was spawned", async () => {
    host = await TestHost.start();
    host.frames(serving(""));
    const { spawned, ...marks } = json(await host.next(frameType.READY));
    assert.ok(Number(spawned) > 0);
    assert.deepEqual(marks, { boot: 1.5, load: 2, loaded: 3 });
  });

  test("passes INVOKE on unchanged and the answer back, however large", async () => {
    host = await TestHost.start();
    host.frames(serving("send(0x84, 1, i.stream, i.event);"));
    await host.next(frameType.READY);
    let stream = 0;
    for (const size of [0, 1, 4096, 65_522, 65_523, 65_524, 65_525, 300_000, 6_291_456]) {
      const event = Buffer.alloc(size, `${size},`);
      host.invoke(++stream, event);
      const answer = await host.next(frameType.RESPONSE);
      assert.deepEqual([answer.stream, answer.flags], [stream, 1]);
      assert.ok(answer.payload.equals(event), `${size} bytes`);
    }
  });

  test("an INVOKE that comes before READY waits for it", async () => {
    host = await TestHost.start();
    host.frames(serving("send(0x84, 1, i.stream, i.head);"));
    host.invoke(1);
    await host.next(frameType.READY);
    assert.match((await host.next(frameType.RESPONSE)).payload.toString(), /^Lambda-Runtime-Aws-Request-Id: id-1\r\n/);
  });

  test("output of all kinds comes before the answer, under its stream", async () => {
    host = await TestHost.start();
    host.frames(
      `fs.writeSync(1, "init");` +
        serving(
          `fs.writeSync(1, "a" + i.stream); send(0x8a, 0, 99, "\\x02framed"); fs.writeSync(2, "b".repeat(60000)); send(0x84, 1, i.stream, "x");`,
        ),
    );
    await host.next(frameType.READY);
    assert.equal(host.log[0], "init");
    for (let stream = 1; stream <= 50; stream++) {
      host.log.fill("");
      host.invoke(stream);
      for (let frame = await host.any(); frame.type !== frameType.RESPONSE; frame = await host.any()) {
        assert.deepEqual([frame.type, frame.stream], [frameType.LOG, stream]);
      }
      assert.deepEqual(host.log, [`a${stream}`, "b".repeat(60000), "framed"]);
    }
  });

  test("passes a streamed answer on piece by piece, and one that fails midway", async () => {
    host = await TestHost.start();
    host.frames(
      serving(`send(0x85, 0, i.stream, "text/html"); send(0x86, 0, i.stream, "one"); send(0x86, 0, i.stream, "two");
        send(0x87, 1, i.stream, i.stream === 1 ? "" : "\\x05\\x00Error{}");`),
    );
    await host.next(frameType.READY);
    for (const [stream, end] of [
      [1, ""],
      [2, "\x05\x00Error{}"],
    ] as const) {
      host.invoke(stream);
      const seen = [];
      for (let i = 0; i < 4; i++) seen.push(await host.any());
      assert.deepEqual(
        seen.map((f) => [f.type, f.stream, f.flags, f.payload.toString()]),
        [
          [frameType.RESPONSE_START, stream, 0, "text/html"],
          [frameType.CHUNK, stream, 0, "one"],
          [frameType.CHUNK, stream, 0, "two"],
          [frameType.RESPONSE_END, stream, 1, end],
        ],
      );
    }
  });

  for (const [size, what] of [
    [7_000_000, "fits a frame"],
    [9_000_000, "fits no frame"],
  ] as const) {
    test(`an answer above the limit that ${what} becomes ResponseSizeTooLarge and the runtime goes on`, async () => {
      host = await TestHost.start();
      host.frames(serving(`send(0x84, 1, i.stream, i.stream === 1 ? Buffer.alloc(${size}) : "small");`));
      await host.next(frameType.READY);
      host.invoke(1);
      const error = await host.next(frameType.ERROR);
      assert.deepEqual([error.stream, error.flags], [1, 1]);
      assert.match(
        error.payload.toString(),
        /Function\.ResponseSizeTooLarge.*Response payload size exceeded maximum allowed payload size \(6291556 bytes\)\./,
      );
      host.invoke(2);
      assert.equal((await host.next(frameType.RESPONSE)).payload.toString(), "small");
    });
  }

  test("an answer written right before the exit still counts", async () => {
    host = await TestHost.start();
    host.frames(serving(`send(0x84, 0, i.stream, Buffer.alloc(100000, "z")); process.exit(4);`));
    await host.next(frameType.READY);
    host.invoke(1);
    assert.equal((await host.next(frameType.RESPONSE)).payload.length, 100_000);
    assert.deepEqual(json(await host.next(frameType.EXIT)), { code: 4, attempt: 1 });
  });

  test("an exit within an invocation carries its stream", async () => {
    host = await TestHost.start();
    host.frames(serving("process.exit(5);"));
    await host.next(frameType.READY);
    host.invoke(9);
    const exit = await host.next(frameType.EXIT);
    assert.deepEqual([exit.stream, json(exit).code], [9, 5]);
  });

  test("INIT_ERROR and a later exit are both passed on", async () => {
    host = await TestHost.start();
    host.frames(`send(0x83, 0, 0, "\\x01\\x00E{}"); process.exit(1);`);
    assert.equal((await host.next(frameType.INIT_ERROR)).payload.toString(), "\x01\x00E{}");
    assert.equal(json(await host.next(frameType.EXIT)).code, 1);
  });

  const hostile: [string, string][] = [
    ["answers an invocation that is not open", `receive(); send(0x84, 1, 77, "x");`],
    ["answers twice", `const i = receive(); send(0x84, 1, i.stream, "x"); send(0x84, 1, i.stream, "x");`],
    ["sends a chunk of nothing", `const i = receive(); send(0x86, 0, i.stream, "x");`],
    ["sends an unknown type", `send(0x42, 0, 0);`],
    ["plays the host", `send(0x8b, 0, 0, '{"code":0}');`],
    ["sends an impossible length", `writeAll(header(0xffffffff, 0x8a, 0, 0));`],
    ["says READY twice", `send(0x82, 0, 0, "{}");`],
    ["forges a LOG of stdout", `send(0x8a, 0, 0, "\\x00x");`],
    ["sends an error payload that is none", `const i = receive(); send(0x88, 0, i.stream, "\\xff\\xff");`],
    ["sets reserved bytes", `writeAll(Buffer.from("000000008a00010000000000", "hex"));`],
  ];
  for (const [what, script] of hostile) {
    test(`a runtime that ${what} is killed with the reason, and the agent takes another BOOT`, async () => {
      host = await TestHost.start();
      host.frames(`send(0x82, 0, 0, "{}"); ${script} setInterval(() => {}, 1000);`);
      await host.next(frameType.READY);
      host.invoke(1);
      const exit = json(await host.next(frameType.EXIT));
      assert.equal(exit.signal, "SIGKILL");
      assert.equal(typeof exit.reason, "string");
      host.shell("exit 0");
      assert.deepEqual(json(await host.next(frameType.EXIT)), { code: 0, attempt: 2 });
    });
  }

  test("a runtime that closes the link is left to its timeout and burns nothing", async () => {
    host = await TestHost.start();
    host.frames(`send(0x82, 0, 0, "{}"); fs.closeSync(3); fs.writeSync(1, "closed"); setInterval(() => {}, 1000);`);
    await host.next(frameType.READY);
    while (!host.log[0]!.includes("closed")) await host.any();
    host.invoke(1, Buffer.alloc(1_000_000));
    host.send(frameType.PING, 3);
    assert.equal((await host.next(frameType.PONG)).stream, 3);
  });
});
