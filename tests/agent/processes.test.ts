import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { afterEach, describe, test } from "node:test";
import { encodeFrame, frameType, json, noAgent, TestHost } from "./host.ts";

const linux = process.platform === "linux" ? false : "needs /proc";

const document = { env: {}, cwd: "/", apiPort: 0, maxResponseBytes: 1 };
const sleeping = JSON.stringify({ ...document, command: [["/bin/sleep", "1000"]], link: "http" });
const linked = JSON.stringify({ ...document, command: [["/bin/sleep", "1000"]], link: "frames" });

describe("the agent and the runtime's processes", { skip: noAgent, timeout: 60_000 }, () => {
  let host: TestHost;
  afterEach(() => host.close());

  test("says HELLO on every link with the token and its role, and is small and ready at once", async () => {
    host = await TestHost.start();
    const roles = [json(await host.next(frameType.HELLO)), json(await host.next(frameType.HELLO))];
    assert.deepEqual(roles.map(({ role }) => role).sort(), ["agent", "runtime"]);
    assert.equal(new Set(roles.map(({ token }) => token)).size, 1);
    await host.close();
    host = await TestHost.start(false);
    const hello = json(await host.next(frameType.HELLO));
    assert.equal(hello.token, "0123456789abcdef0123456789abcdef");
    assert.equal(hello.protocol, 3);
    assert.ok(Number(hello.hello) >= Number(hello.main));
    if (linux) return;
    const status = readFileSync(`/proc/${hello.pid}/status`, "utf8");
    assert.match(status, /^Name:\tthaw-agent$/m);
    const resident = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
    assert.ok(resident <= 1536, `${resident} kB resident`);
  });

  test("reports the exit code, after all output", async () => {
    host = await TestHost.start();
    host.shell("echo out; echo err >&2; exit 7");
    assert.deepEqual(json(await host.next(frameType.EXIT)), { code: 7 });
    assert.deepEqual(host.log, ["out\n", "err\n", ""]);
  });

  test("reports the signal that killed the runtime", async () => {
    host = await TestHost.start();
    host.shell("kill -SEGV $$");
    assert.deepEqual(json(await host.next(frameType.EXIT)), { signal: "SIGSEGV" });
  });

  test("gives the runtime exactly the environment of BOOT, its directory, an empty stdin and no descriptor of its own", async () => {
    host = await TestHost.start();
    host.shell("cat /proc/self/environ | tr '\\0' '\\n'; pwd; cat; ls /proc/self/fd | tr '\\n' ' '", {
      env: { PATH: "/usr/bin:/bin", GREETING: "a=b c" },
      cwd: "/",
    });
    assert.equal(json(await host.next(frameType.EXIT)).code, 0);
    const lines = host.log[0]!.split("\n");
    assert.deepEqual(lines.filter((line) => /^(GREETING|PATH|THAW)/.test(line)).sort(), [
      "GREETING=a=b c",
      "PATH=/usr/bin:/bin",
    ]);
    assert.ok(lines.some((line) => /^AWS_LAMBDA_RUNTIME_API=127\.0\.0\.1:\d+$/.test(line)));
    assert.ok(lines.includes("/"));
    if (!linux) assert.ok(lines.some((line) => line.startsWith("0 1 2 3 ")));
  });

  test("takes the first alternative that is an executable file", async () => {
    host = await TestHost.start();
    const plain = host.file("plain", "not executable");
    const script = host.file("run", "#!/bin/sh\necho run");
    host.boot({ command: [["/nowhere/bootstrap"], [host.dir], [plain], [script]] });
    assert.equal(json(await host.next(frameType.EXIT)).code, 0);
    assert.equal(host.log[0], "run\n");
  });

  const refused: [string, (host: TestHost) => string[][], string, string][] = [
    [
      "is nowhere",
      () => [["/nowhere/a"], ["/nowhere/b"]],
      "InvalidEntrypoint",
      "Couldn't find valid bootstrap(s): [/nowhere/a /nowhere/b]",
    ],
    ["is not executable", (h) => [[h.file("boot", "x")]], "InvalidEntrypoint", "fork/exec DIR/boot: permission denied"],
    [
      "has an interpreter that is nowhere",
      (h) => [[h.file("boot", "#!/nowhere/sh\n")]],
      "InvalidEntrypoint",
      "fork/exec DIR/boot: no such file or directory",
    ],
    [
      "is of no known format",
      (h) => [[h.file("boot", "\0\0no program", true)]],
      "InvalidEntrypoint",
      "fork/exec DIR/boot: exec format error",
    ],
  ];
  for (const [what, command, kind, message] of refused) {
    test(`answers BOOT with INIT_ERROR when the bootstrap ${what}, and takes another BOOT`, async () => {
      host = await TestHost.start();
      host.boot({ command: command(host) });
      const error = await host.next(frameType.INIT_ERROR);
      const length = error.payload.readUInt16LE(0);
      assert.equal(error.payload.toString("utf8", 2, 2 + length), `Runtime.${kind}`);
      assert.deepEqual(JSON.parse(error.payload.toString("utf8", 2 + length)), {
        errorType: `Runtime.${kind}`,
        errorMessage: message.replace("DIR", host.dir),
      });
      host.shell("exit 0");
      assert.deepEqual(json(await host.next(frameType.EXIT)), { code: 0 });
    });
  }

  test("a missing working directory is an INIT_ERROR of its own", async () => {
    host = await TestHost.start();
    host.shell("true", { cwd: "/nowhere" });
    assert.match((await host.next(frameType.INIT_ERROR)).payload.toString(), /Runtime.InvalidWorkingDir/);
  });

  test("kills what the runtime left behind, in whatever session, before EXIT; reaps orphans meanwhile", {
    skip: linux,
  }, async () => {
    host = await TestHost.start();
    const hello = json(await host.next(frameType.HELLO));
    host.shell(
      "setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!; (setsid sh -c 'sleep 1000 & echo $!; wait' &) ; " +
        "for i in 1 2 3 4 5; do (sleep 0 &) ; done; read -t 0.2 < <(sleep 5); echo done; kill -9 $$",
    );
    assert.deepEqual(json(await host.next(frameType.EXIT)), { signal: "SIGKILL" });
    const pids = host.log[0]!.match(/\d+/g) ?? [];
    assert.equal(pids.length, 2);
    for (const pid of pids) assert.ok(!existsSync(`/proc/${pid}`), `${pid} lives`);
    assert.equal(readFileSync(`/proc/${hello.pid}/task/${hello.pid}/children`, "utf8"), "");
  });

  test("SHUTDOWN asks with SIGTERM and exits 0 when the runtime has gone", async () => {
    host = await TestHost.start();
    host.shell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done");
    await host.next(frameType.LOG);
    host.send(
      frameType.SHUTDOWN,
      0,
      JSON.stringify({ reason: "spindown", deadlineMs: Number(process.hrtime.bigint()) / 1e6 + 30_000 }),
    );
    assert.equal(json(await host.next(frameType.EXIT)).code, 0);
    assert.equal(host.log[0], "up\nbye\n");
    assert.equal(await host.ended, "0");
  });

  test("SHUTDOWN kills at the deadline what ignores SIGTERM", async () => {
    host = await TestHost.start();
    host.shell("trap '' TERM; echo $$; while :; do sleep 1000; done");
    const pid = (await host.next(frameType.LOG)).payload.toString("latin1", 1).trim();
    host.send(
      frameType.SHUTDOWN,
      0,
      JSON.stringify({ reason: "spindown", deadlineMs: Number(process.hrtime.bigint()) / 1e6 + 50 }),
    );
    assert.equal(await host.ended, "0");
    assert.ok(linux || !existsSync(`/proc/${pid}`));
  });

  test("everything dies when the host goes away", { skip: linux }, async () => {
    host = await TestHost.start();
    host.shell("setsid sleep 1000 & echo $! $$; wait");
    const pids = (await host.next(frameType.LOG)).payload.toString("latin1", 1).trim().split(" ");
    host.link.destroy();
    assert.equal(await host.ended, "0");
    for (const pid of pids) assert.ok(!existsSync(`/proc/${pid}`), `${pid} lives`);
  });

  test("FREEZE stops the processes and THAW lets them go on", { skip: linux }, async () => {
    host = await TestHost.start();
    host.shell("setsid sh -c 'echo $$; while :; do :; done' & wait");
    const pid = (await host.next(frameType.LOG)).payload.toString("latin1", 1).trim();
    const state = () => /^State:\t(\w)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    host.send(frameType.FREEZE);
    host.send(frameType.PING, 5);
    await host.next(frameType.PONG);
    // The signal is sent; its effect comes when the process next enters the kernel.
    while (state() !== "T") await new Promise((resolve) => setImmediate(resolve));
    host.send(frameType.THAW);
    host.send(frameType.PING, 6);
    assert.equal((await host.next(frameType.PONG)).stream, 6);
    while (state() !== "R") await new Promise((resolve) => setImmediate(resolve));
  });

  for (const [what, bytes] of [
    ["an unknown type", Buffer.from("00000000ff00000000000000", "hex")],
    ["an impossible length", Buffer.from("ffffffff0200000001000000", "hex")],
    ["reserved bytes", Buffer.from("000000000700010001000000", "hex")],
    ["a BOOT that is no JSON", Buffer.from("010000000100000000000000" + "7b", "hex")],
    ["a BOOT while a runtime lives", encodeFrame(frameType.BOOT, 0, 0, Buffer.from(sleeping))],
    ["a BOOT with a link it has not asked for", encodeFrame(frameType.BOOT, 0, 0, Buffer.from(linked))],
  ] as const) {
    test(`gives up on a host that sends ${what}`, async () => {
      host = await TestHost.start(false);
      await host.next(frameType.HELLO);
      if (what === "a BOOT while a runtime lives") host.raw(bytes);
      host.raw(bytes);
      assert.equal(await host.ended, "1");
    });
  }
});
