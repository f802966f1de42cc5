import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { requestId } from "./harness.ts";
import { nodes } from "./nodejs.ts";

for (const node of nodes) {
  const { runtime, skip, fileOf, start, running, answerOf } = node;

  describe(`${runtime}: logging`, { skip, concurrency: 2 }, () => {
    it("writes one message a call, with time, request id and level", async () => {
      const code = `console.log("at init");
        exports.handler = async () => {
          console.log("a %s %d", "b", 1, { c: [2] });
          console.warn("two\\nlines");
          console.error(); console.debug("d"); console.trace("t"); console.info("i"); console.fatal("f");
        }`;
      const started = start(code);
      await started.start();
      const { logs, logStreams } = await started.invoke({});
      await started.stop();
      const shown = logs.map((line) => line.slice(line.indexOf("\t") + 1));
      assert.deepEqual(shown, [
        `${requestId}\tINFO\ta b 1 { c: [ 2 ] }\n`,
        `${requestId}\tWARN\ttwo\nlines\n`,
        `${requestId}\tERROR\tundefined\n`,
        `${requestId}\tDEBUG\td\n`,
        `${requestId}\tTRACE\tt\n`,
        `${requestId}\tINFO\ti\n`,
        `${requestId}\tFATAL\tf\n`,
      ]);
      assert.deepEqual(new Set(logStreams), new Set([1]));
    });

    it("writes JSON when asked, and nothing below the level", async () => {
      const code = `exports.handler = async () => {
          console.info("quiet"); console.warn({ a: 1 }); console.error("x", new TypeError("no"));
          const cycle = {}; cycle.cycle = cycle; console.error(cycle); console.error(new RangeError("alone"));
        }`;
      const env = { AWS_LAMBDA_LOG_FORMAT: "JSON", AWS_LAMBDA_LOG_LEVEL: "WARN" };
      await running({ files: fileOf(code), env }, async (f) => {
        const { logs } = await f.invoke({}, { head: { "Lambda-Runtime-Aws-Tenant-Id": "blue" } });
        const [first, second, third, fourth, ...rest] = logs.map((line) => JSON.parse(line));
        assert.equal(rest.length, 0);
        const { timestamp, ...warned } = first;
        assert.match(timestamp, /^\d{4}-\d\d-\d\dT/);
        assert.deepEqual(warned, { level: "WARN", requestId, tenantId: "blue", message: { a: 1 } });
        assert.deepEqual([second.errorType, second.errorMessage], ["TypeError", "no"]);
        assert.match(second.message, /^x TypeError: no/);
        assert.match(third.message, /Circular/);
        assert.deepEqual([fourth.message.errorType, fourth.message.errorMessage], ["RangeError", "alone"]);
      });
    });

    it("leaves what is written to the streams directly as it is, before the answer", async () => {
      const code = "exports.handler = async () => { process.stdout.write('raw'); process.stderr.write('err\\n') }";
      await running(code, async (f) => {
        assert.deepEqual((await f.invoke({})).logs, []);
        f.closeLink();
        await f.exited();
        assert.match(f.output(), /raw/);
        assert.match(f.output(), /err\n/);
      });
    });

    it("says with the answer that something was written past the link, whoever wrote it", async () => {
      const code = `const fs = require("node:fs");
        const spawn = (stdio) =>
          new Promise((resolve) => require("node:child_process").spawn("true", { stdio }).on("exit", () => resolve()));
        const ways = {
          nothing: () => console.log("framed"),
          stdout: () => process.stdout.write("x"),
          writeSync: () => fs.writeSync(2, "x"),
          write: () => new Promise((resolve) => fs.write(1, "x", resolve)),
          device: () => fs.writeFileSync("/dev/stderr", "x"),
          file: () => fs.writeFileSync("/dev/null", "x"),
          warning: () => { process.emitWarning("x"); return new Promise(setImmediate); },
          execSync: () => require("node:child_process").spawnSync("echo", ["x"], { stdio: "inherit" }),
          piped: () => spawn("pipe"),
          spawn: () => spawn("inherit"),
        };
        console.log("framed");
        exports.handler = async (way) => { await ways[way](); };`;
      await running(code, async (f) => {
        for (const quiet of ["nothing", "file", "piped"]) assert.equal((await f.invoke(quiet)).raw, false, quiet);
        for (const loud of ["stdout", "writeSync", "write", "device", "warning", "execSync"]) {
          assert.equal((await f.invoke(loud)).raw, true, loud);
          assert.equal((await f.invoke("nothing")).raw, false, `after ${loud}`);
        }
        // A child may write at any time.
        assert.equal((await f.invoke("spawn")).raw, true);
        assert.equal((await f.invoke("nothing")).raw, true);
      });
    });

    it("names no stream once its invocation is answered", async () => {
      // The answer is sent a few turns of the microtask queue after the handler's return; this logs later.
      const code = `exports.handler = async (e) => {
          if (e.first) setImmediate(() => process.nextTick(() => console.log("late")));
          else await new Promise((resolve) => setTimeout(resolve, 5));
        }`;
      await running(code, async (f) => {
        const first = await f.invoke({ first: true });
        const second = await f.invoke({});
        assert.match([...first.logs, ...second.logs].join(""), /late/);
        assert.deepEqual([...first.logStreams, ...second.logStreams], [0]);
      });
    });

    it("cuts a message of many megabytes into events", async () => {
      const { logs } = await answerOf("exports.handler = async () => { console.log('x'.repeat(3_000_000)) }");
      assert.equal(logs.length, 3);
      assert.ok(logs.join("").length > 3_000_000);
    });
  });
}
