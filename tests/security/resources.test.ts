import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { descendants } from "../../bench/subject/proc.ts";
import { probeDrivers } from "../../src/isolation/index.ts";
import { check } from "./expectations.ts";
import { type Platform, startPlatform } from "./platform.ts";

const container = (await probeDrivers()).find(({ driver }) => driver === "container")!;
const outOfMemory = {
  errorType: "Runtime.OutOfMemory",
  message: /^RequestId: ID Error: Runtime exited with error: signal: killed$/,
  log: /RequestId: ID Error: Runtime exited with error: signal: killed\nRuntime\.OutOfMemory\n/,
  status: "Status: error\tError Type: Runtime.OutOfMemory",
};

describe("functions that want more than they may have", { skip: !container.usable && container.reason }, () => {
  let platform: Platform;
  before(async () => {
    platform = await startPlatform();
  });
  after(() => platform[Symbol.asyncDispose]());

  for (const fixture of ["bad-hogs-memory", "bad-python-hogs-memory"]) {
    test(`${fixture} is ended as Runtime.OutOfMemory; its next call finds a fresh environment`, async () => {
      const { client } = platform;
      await client.fixture(fixture, { timeout: 30, memory: 256 });
      await platform.undisturbed(async () => {
        const answer = await client.invoke(fixture);
        check(answer, outOfMemory);
        assert.match(answer.log, /Memory Size: 256 MB\tMax Memory Used: 256 MB/);
        check(await client.invoke(fixture, { megabytes: 8 }), { body: { held: 8 } });
      });
      await platform.nothingLeft(fixture);
    });
  }

  test("memory taken while the code is loaded is Runtime.OutOfMemory too", async () => {
    const code = "const all = []; for (;;) all.push(Buffer.alloc(8 << 20, 1));";
    await platform.client.deploy("hogs-at-init", code, { timeout: 20 });
    check(await platform.undisturbed(() => platform.client.invoke("hogs-at-init")), outOfMemory);
    await platform.nothingLeft("hogs-at-init");
  });

  test("memory taken by a child ends the child; the function may go on", async () => {
    const code = `const { spawnSync } = require("node:child_process");
      exports.handler = async () => {
        const hog = "const all = []; for (;;) all.push(Buffer.alloc(8 << 20, 1));";
        return spawnSync(process.execPath, ["-e", hog]).signal;
      };`;
    await platform.client.deploy("child-hogs", code, { timeout: 30, memory: 256 });
    const answer = await platform.undisturbed(() => platform.client.invoke("child-hogs"));
    // The kernel takes the largest process: the child, nearly always.
    if (answer.functionError) check(answer, outOfMemory);
    else check(answer, { body: "SIGKILL" });
    await platform.nothingLeft("child-hogs");
  });

  test("/tmp is full at 512 MB", async () => {
    await platform.client.fixture("bad-fills-tmp", { timeout: 30, memory: 1024 });
    const answer = await platform.undisturbed(() => platform.client.invoke("bad-fills-tmp"));
    check(answer, {});
    assert.equal(answer.body.code, "ENOSPC");
    assert.ok(answer.body.bytes > 500 << 20 && answer.body.bytes <= 512 << 20, String(answer.body.bytes));
    await platform.nothingLeft("bad-fills-tmp");
  });

  for (const fixture of ["bad-forks", "bad-python-forks"]) {
    test(`${fixture} gets at most 1,024 processes, and all end with their environment`, async () => {
      const { client, server } = platform;
      await client.fixture(fixture, { timeout: 60, memory: 3008 });
      const answer = await platform.undisturbed(() => client.invoke(fixture));
      check(answer, {});
      assert.ok(answer.body.started > 500 && answer.body.started < 1024, answer.text);
      assert.ok(descendants(server.process.pid!).length > answer.body.started);
      await platform.nothingLeft(fixture);
    });
  }

  test("a bomb that forks from every process hurts itself only and leaves nothing", async () => {
    const { client, server } = platform;
    const bomb = "#!/bin/sh\nf() { f | f & }; f; while :; do sleep 1; done\n";
    const settings = { runtime: "provided.al2023", timeout: 1, memory: 512 };
    await client.deploy("bomb", [{ name: "bootstrap", data: bomb, mode: 0o100755 }], settings);
    await platform.undisturbed(async () => {
      let over = false;
      const call = client.invoke("bomb").finally(() => (over = true));
      let most = 0;
      while (!over) {
        most = Math.max(most, descendants(server.process.pid!).length);
        await delay(2);
      }
      const answer = await call;
      // Which limit it meets first is chance: its time, its memory, or a shell that could not fork; it may be over in no time.
      assert.equal(answer.functionError, "Unhandled", answer.text);
      if (answer.body.errorType === "Sandbox.Timedout") assert.ok(most > 100, `no more than ${most} processes at once`);
      assert.match(answer.body.errorType, /^(Sandbox\.Timedout|Runtime\.OutOfMemory|Runtime\.ExitError)$/);
    });
    await platform.nothingLeft("bomb");
  });

  test("100 MB of output, raw and through console, arrive no further than the newest 4 KB and the log's bound", async () => {
    const { client, server } = platform;
    const code = `const fs = require("node:fs"), line = "x".repeat(1023);
      const raw = (rest) => { while (rest.length) { try { rest = rest.subarray(fs.writeSync(1, rest)); } catch (error) { if (error.code !== "EAGAIN") throw error; } } };
      exports.handler = async (event) => {
        for (let n = 0; n < 100 * 1024; n++) event.console ? console.log(line) : raw(Buffer.from(line + "\\n"));
        const last = "the last word";
        event.console ? console.log(last) : raw(Buffer.from(last));
        return "printed";
      };`;
    await client.deploy("prints", code, { timeout: 60, memory: 1769 });
    const memory = (what: string) => {
      const status = readFileSync(`/proc/${server.process.pid}/status`, "utf8");
      return Number(new RegExp(`${what}:\\s+(\\d+)`).exec(status)![1]);
    };
    // proc(5): the peak begins anew, whatever the tests before have made of it
    writeFileSync(`/proc/${server.process.pid}/clear_refs`, "5");
    const before = memory("VmRSS");
    for (const event of [{ console: true }, {}]) {
      const answer = await platform.undisturbed(() => client.invoke("prints", event));
      check(answer, { body: "printed", log: /x{1000}\n.*the last word\n/ });
      assert.ok(answer.log.length <= 4096);
    }
    assert.ok((await client.logs("prints")).some((line) => line.includes("the last word")));
    const grown = memory("VmHWM") - before;
    await platform.nothingLeft("prints");
    assert.ok(grown < 256 * 1024, `the platform grew by ${grown} KB`);
  });

  test("one line of 50 MB without an end is cut, not kept", async () => {
    const code = `const fs = require("node:fs");
      exports.handler = async () => {
        for (let left = 50; left > 0; ) { try { fs.writeSync(1, Buffer.alloc(1 << 20, 120)); left--; } catch (error) { if (error.code !== "EAGAIN") throw error; } }
        return "printed";
      };`;
    await platform.client.deploy("endless", code, { timeout: 60, memory: 1769 });
    check(await platform.undisturbed(() => platform.client.invoke("endless")), { body: "printed" });
    const lines = await platform.client.logs("endless");
    assert.ok(
      lines.every((line) => line.length <= 256 * 1024),
      "a log event is longer than CloudWatch's",
    );
    await platform.nothingLeft("endless");
  });
});
