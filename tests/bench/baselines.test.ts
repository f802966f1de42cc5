import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { program, startChild } from "../../bench/harness/processes.ts";
import { createSpawner } from "../../bench/harness/spawner.ts";

const python = program("python3") ? {} : { skip: "python3 is not installed" };

test("the spawner times a process to its exit or to its first byte, and reports how it ended", python, async () => {
  const spawner = createSpawner();
  try {
    const script = "process.stdout.write('x', () => setTimeout(() => process.exit(7), 150))";
    const argv = [process.execPath, "-e", script];
    const began = performance.now();
    const toByte = await spawner.run(argv, "byte");
    const whole = performance.now() - began;
    const toExit = await spawner.run(argv, "exit");
    await assert.rejects(spawner.run(["/nowhere/at-all"], "exit"), /nowhere/);
    assert.deepEqual([toByte.code, toByte.out, toExit.code], [7, "x", 7]);
    // timers of the engine may be a millisecond early
    assert.ok(toByte.ms + 145 <= whole, `the first byte after ${toByte.ms} of ${whole} ms`);
    assert.ok(toExit.ms >= 145, `${toExit.ms}`);
  } finally {
    spawner.close();
  }
});

test("a child that exits before it is ready is an error with its output", async () => {
  const argv = [process.execPath, "-e", "console.error('no such port'); process.exit(3)"];
  await assert.rejects(
    startChild(argv, () => false),
    /exit code 3.*no such port/s,
  );
});

test("our own closed loop counts answers only, and fails on a refusal", async () => {
  let served = 0;
  const server = createServer((req, res) => {
    req.resume();
    served += 1;
    res.statusCode = req.url === "/ok" ? 200 : 500;
    res.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const generator = fileURLToPath(new URL("../../bench/harness/closed-loop-process.ts", import.meta.url));
  const run = (path: string) =>
    promisify(execFile)(process.execPath, [generator, `http://127.0.0.1:${port}${path}`, "4", "1"]);
  try {
    const rate = Number((await run("/ok")).stdout);
    // the rate is over the time it took, a little more than a second
    assert.ok(rate > 0 && rate <= served, `${rate} a second, ${served} served`);
    await assert.rejects(run("/broken"), /500/);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
