import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import {
  type Answer,
  codeFolder,
  type InvokeOptions,
  type RuntimeUnderTest,
  requestId,
  startRuntime,
  tooLarge,
} from "./harness.ts";
import { nodeInterpreters } from "./interpreters.ts";

const bootstrap = join(import.meta.dirname, "..", "..", "runtimes", "nodejs", "bootstrap.cjs");
const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

interface Given {
  readonly files: Readonly<Record<string, string>>;
  readonly handler?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
}

for (const { runtime, path, reason } of await nodeInterpreters()) {
  const major = Number.parseInt(runtime.slice("nodejs".length), 10);
  const modern = major >= 24;

  const start = ({ files, handler = "index.handler", env = {}, flags = [] }: Given): RuntimeUnderTest => {
    const root = codeFolder(files);
    folders.push(root);
    return startRuntime([path!, ...flags, bootstrap], root, handler, env);
  };

  /** Starts the function, which must succeed, hands it to `use`, and stops it. */
  const running = async (given: Given, use: (started: RuntimeUnderTest) => Promise<void>): Promise<void> => {
    const started = start(given);
    try {
      const { answer } = await started.start();
      assert.equal(answer, undefined, `init failed: ${JSON.stringify(answer?.failure)} ${started.output()}`);
      await use(started);
    } finally {
      await started.stop();
    }
  };
  /** One answer of a function written as one CommonJS file. */
  const answerOf = async (code: string, event: unknown = {}, options: InvokeOptions = {}): Promise<Answer> => {
    let answer: Answer | undefined;
    await running({ files: { "index.js": code } }, async (started) => {
      answer = await started.invoke(event, options);
    });
    return answer!;
  };
  const failedInit = async (given: Given): Promise<Answer> => {
    const started = start(given);
    const { answer } = await started.start();
    const { exit } = await started.exited();
    assert.equal(exit?.code, modern ? 1 : 129, "a failed init ends the process");
    assert.equal(answer?.type, "INIT_ERROR");
    return answer;
  };

  describe(runtime, { skip: path === undefined ? reason! : false, concurrency: 2 }, () => {
    it("reports its marks in order and on the clock of the host", async () => {
      const before = Number(process.hrtime.bigint()) / 1e6;
      const started = start({ files: { "index.js": "exports.handler = async () => 1" } });
      const { marks } = await started.start();
      await started.stop();
      const { boot, load, loaded } = marks!;
      const all = [before, boot!, load!, loaded!, Number(process.hrtime.bigint()) / 1e6];
      assert.deepEqual(
        all,
        [...all].sort((a, b) => a - b),
      );
    });

    it("answers with a promise's value and is ready at once for the next event", async () => {
      await running(
        { files: { "index.js": "let n = 0; exports.handler = async (e) => ({ n: ++n, e })" } },
        async (f) => {
          for (let n = 1; n <= 3; n++) {
            const answer = await f.invoke({ name: "é😀" });
            assert.equal(answer.type, "RESPONSE");
            assert.equal(answer.ready, true);
            assert.deepEqual(JSON.parse(answer.body.toString()), { n, e: { name: "é😀" } });
          }
        },
      );
    });

    it("answers null for undefined, a function and nothing at all", async () => {
      for (const value of ["undefined", "() => {}"]) {
        const answer = await answerOf(`exports.handler = async () => (${value})`);
        assert.equal(answer.body.toString(), "null");
      }
    });

    it("takes events and answers far larger than its buffers", async () => {
      const text = "é".repeat(2_000_000);
      const answer = await answerOf("exports.handler = async (e) => ({ text: e.text + 'x' })", { text });
      assert.equal(JSON.parse(answer.body.toString()).text, `${text}x`);
    });

    it("refuses an answer over the limit in Lambda's words, and goes on", async () => {
      await running({ files: { "index.js": "exports.handler = async (e) => 'é'.repeat(e)" } }, async (f) => {
        assert.equal((await f.invoke(3_145_777)).body.length, 6_291_556);
        for (const characters of [3_145_778, 5_000_000]) {
          const { type, ready, failure } = await f.invoke(characters);
          assert.deepEqual([type, ready, failure], ["ERROR", true, tooLarge]);
        }
        assert.equal((await f.invoke(2)).body.toString(), '"éé"');
      });
    });

    it("gives the function a complete context", async () => {
      const code =
        "exports.handler = async (e, c) => ({ ...c, left: c.getRemainingTimeInMillis(), traced: process.env._X_AMZN_TRACE_ID })";
      const { body } = await answerOf(
        code,
        {},
        {
          head: {
            "Lambda-Runtime-Client-Context": '{"custom":{"a":"b"}}',
            "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}',
            "Lambda-Runtime-Aws-Tenant-Id": "blue",
            "Lambda-Runtime-Trace-Id": "Root=1-2-3",
          },
        },
      );
      const { left, ...rest } = JSON.parse(body.toString());
      assert.ok(left > 1000 && left <= 3000, `${left} ms left`);
      assert.deepEqual(rest, {
        functionName: "under-test",
        functionVersion: "$LATEST",
        memoryLimitInMB: "128",
        logGroupName: "/aws/lambda/under-test",
        logStreamName: "2026/01/01/[$LATEST]abc",
        clientContext: { custom: { a: "b" } },
        identity: { cognitoIdentityId: "id", cognitoIdentityPoolId: "pool" },
        invokedFunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:under-test",
        awsRequestId: requestId,
        tenantId: "blue",
        traced: "Root=1-2-3",
        ...(modern ? { xRayTraceId: "Root=1-2-3" } : { callbackWaitsForEmptyEventLoop: true }),
      });
    });

    it("keeps the link out of the function's environment and children", async () => {
      const code = `exports.handler = async () => ({
        env: process.env._THAW_LINK_FD,
        fd: require("child_process").spawnSync("sh", ["-c", "test -e /proc/self/fd/3"]).status,
      })`;
      const answer = await answerOf(code);
      assert.deepEqual(JSON.parse(answer.body.toString()), { fd: 1 });
    });

    describe("finding the handler", () => {
      const found: Record<string, Given> = {
        "in a nested export": {
          files: { "index.js": "exports.a = { b: { c: async () => 'here' } }" },
          handler: "index.a.b.c",
        },
        "in a folder": {
          files: { "src/deep/app.js": "exports.run = async () => 'here'" },
          handler: "src/deep/app.run",
        },
        "behind ./": { files: { "src/app.js": "exports.run = async () => 'here'" }, handler: "./src/app.run" },
        "in a .cjs file": { files: { "app.cjs": "exports.run = async () => 'here'" }, handler: "app.run" },
        "in a .mjs file with a top-level await": {
          files: { "app.mjs": "const here = await Promise.resolve('here'); export const run = async () => here" },
          handler: "app.run",
        },
        "in a .js file of a module package": {
          files: {
            "package.json": '{"type":"module"}',
            "src/app.js": "await 1; export const run = async () => 'here'",
          },
          handler: "src/app.run",
        },
        "in a .js file before a .mjs file": {
          files: { "app.js": "exports.run = async () => 'here'", "app.mjs": "export const run = async () => 'there'" },
          handler: "app.run",
        },
        "in a package of node_modules": {
          files: { "node_modules/made/index.js": "exports.run = async () => 'here'" },
          handler: "made.run",
        },
        "of which the path is no URL": {
          files: { "a b%20#?/app.mjs": "export const run = async () => 'here'" },
          handler: "a b%20#?/app.run",
        },
      };
      for (const [where, given] of Object.entries(found)) {
        it(`finds it ${where}`, async () => {
          await running(given, async (f) => assert.equal((await f.invoke({})).body.toString(), '"here"'));
        });
      }

      it("finds packages of a layer through NODE_PATH", async () => {
        const layer = codeFolder({ "nodejs/node_modules/layered/index.js": "module.exports = 'here'" });
        folders.push(layer);
        const env = { NODE_PATH: join(layer, "nodejs", "node_modules") };
        await running({ files: { "index.js": "exports.handler = async () => require('layered')" }, env }, async (f) =>
          assert.equal((await f.invoke({})).body.toString(), '"here"'),
        );
      });

      it(`${modern ? "finds" : "does not find"} it in a default export`, async () => {
        const given = { files: { "index.mjs": "export default { handler: async () => 'here' }" } };
        if (!modern) assert.equal((await failedInit(given)).failure?.type, "Runtime.HandlerNotFound");
        else await running(given, async (f) => assert.equal((await f.invoke({})).body.toString(), '"here"'));
      });

      const lost: Record<string, [Given, string, RegExp]> = {
        "there is no such file": [
          { files: {} },
          "Runtime.ImportModuleError",
          /^Error: Cannot find module 'index'\nRequire stack:/,
        ],
        "a module is missing": [
          { files: { "index.js": "require('nowhere')" } },
          "Runtime.ImportModuleError",
          /^Error: Cannot find module 'nowhere'/,
        ],
        "there is no such export": [
          { files: { "index.js": "exports.other = 1" } },
          "Runtime.HandlerNotFound",
          /^index\.handler is undefined or not exported$/,
        ],
        "the export is no function": [
          { files: { "index.js": "exports.handler = { a: 1 }" } },
          "Runtime.HandlerNotFound",
          /^index\.handler is not a function$/,
        ],
        "its name has no dot": [{ files: {}, handler: "index" }, "Runtime.MalformedHandlerName", /^Bad handler$/],
        "its name leads out of the task": [
          { files: {}, handler: "../index.handler" },
          "Runtime.MalformedHandlerName",
          /^'\.\.\/index\.handler' is not a valid handler name\./,
        ],
        "the file has a syntax error": [
          { files: { "index.js": "exports.handler = async ( => {}" } },
          "Runtime.UserCodeSyntaxError",
          /^SyntaxError: /,
        ],
        "the module throws": [{ files: { "index.js": "throw new RangeError('no')" } }, "RangeError", /^no$/],
        "the ES module throws": [{ files: { "index.mjs": "throw new RangeError('no')" } }, "RangeError", /^no$/],
      };
      for (const [why, [given, type, message]] of Object.entries(lost)) {
        it(`reports ${type} when ${why}`, async () => {
          const answer = await failedInit(given);
          assert.equal(answer.failure?.type, type);
          assert.deepEqual(Object.keys(answer.failure?.document), ["errorType", "errorMessage", "trace"]);
          assert.equal(answer.failure?.document.errorType, type);
          assert.match(answer.failure?.document.errorMessage, message);
          assert.ok(Array.isArray(answer.failure?.document.trace));
          const title = modern ? "Init Error" : "Uncaught Exception";
          const [, id, level, text, json] = answer.logs.at(-1)!.split("\t");
          assert.deepEqual([id, level, text], [modern ? "-" : "undefined", "ERROR", `${title} `]);
          const logged = JSON.parse(json!);
          assert.equal(logged.errorType, type);
          assert.deepEqual([logged.name, Array.isArray(logged.stack)], [undefined, true]);
          if (type !== "Runtime.UserCodeSyntaxError")
            assert.ok(logged.stack[0].startsWith(`${type}: `), logged.stack[0]);
        });
      }
    });

    describe("failing", () => {
      it("reports what the handler throws, logs it and serves on", async () => {
        const code =
          "class Own extends Error { name = 'Own' }; exports.handler = async (e) => { if (e.no) throw Object.assign(new Own('no'), { code: 7 }); return 1 }";
        await running({ files: { "index.js": code } }, async (f) => {
          const answer = await f.invoke({ no: true });
          assert.equal(answer.type, "ERROR");
          assert.equal(answer.ready, true);
          assert.equal(answer.failure?.type, "Own");
          const { trace, ...rest } = answer.failure!.document;
          assert.deepEqual(rest, { errorType: "Own", errorMessage: "no" });
          assert.equal(trace[0], "Own: no");
          assert.match(trace[1], /index\.js/);
          const [time, id, level, title, json] = answer.logs[0]!.split("\t");
          assert.match(time!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
          assert.deepEqual([id, level, title], [requestId, "ERROR", "Invoke Error "]);
          const logged = JSON.parse(json!);
          assert.deepEqual([logged.errorType, logged.errorMessage, logged.code], ["Own", "no", 7]);
          assert.ok(Array.isArray(logged.stack));
          assert.equal((await f.invoke({})).body.toString(), "1");
        });
      });

      it("reports what is thrown before a promise is returned, and what is no error", async () => {
        const sync = await answerOf("exports.handler = () => { throw new TypeError('early') }");
        assert.equal(sync.failure?.type, "TypeError");
        const text = await answerOf("exports.handler = async () => { throw 'only text' }");
        assert.deepEqual(text.failure?.document, { errorType: "string", errorMessage: "only text", trace: [] });
      });

      it("reports a result that JSON cannot hold", async () => {
        for (const value of ["10n", "(() => { const a = {}; a.a = a; return a })()"]) {
          const answer = await answerOf(`exports.handler = async () => ({ value: ${value} })`);
          assert.equal(answer.failure?.type, modern ? "Runtime.JSONStringifyError" : "Error");
          assert.equal(answer.failure?.document.errorMessage, "Unable to stringify response body");
        }
      });

      it("dies of an exception that nobody catches", async () => {
        const code = "exports.handler = () => new Promise(() => setTimeout(() => { throw new Error('later') }, 1))";
        await running({ files: { "index.js": code } }, async (f) => {
          const answer = await f.invoke({});
          if (modern) {
            assert.deepEqual(answer.exit, { code: 1, signal: null });
            assert.match(f.output(), /Error: later/);
            return;
          }
          assert.equal(answer.failure?.type, "Error");
          assert.equal(answer.ready, false);
          assert.match(answer.logs[0]!, /\tERROR\tUncaught Exception \t\{"errorType":"Error","errorMessage":"later"/);
          assert.deepEqual((await f.exited()).exit, { code: 129, signal: null });
        });
      });

      it("dies of a rejection that nobody handles", async () => {
        const code =
          "exports.handler = () => { Promise.reject(new Error('lost')); return new Promise(() => setTimeout(() => {}, 100)) }";
        await running({ files: { "index.js": code } }, async (f) => {
          const answer = await f.invoke({});
          if (modern) {
            assert.deepEqual(answer.exit, { code: 1, signal: null });
            return;
          }
          assert.equal(answer.failure?.type, "Runtime.UnhandledPromiseRejection");
          assert.equal(answer.failure?.document.errorMessage, "Error: lost");
          assert.match(
            answer.logs[0]!,
            /Unhandled Promise Rejection \t\{"errorType":"Runtime.UnhandledPromiseRejection"/,
          );
          assert.match(answer.logs[0]!, /"reason":\{"errorType":"Error","errorMessage":"lost"/);
          assert.deepEqual((await f.exited()).exit, { code: 128, signal: null });
        });
      });

      it("exits with the function, after what it logged", async () => {
        const answer = await answerOf("exports.handler = async () => { console.log('last words'); process.exit(7) }");
        assert.deepEqual(answer.exit, { code: 7, signal: null });
        assert.match(answer.logs[0]!, /last words\n$/);
      });

      it(`${modern ? "exits" : "answers null"} when the handler waits for what never comes`, async () => {
        const answer = await answerOf("exports.handler = () => new Promise(() => {})");
        if (modern) assert.deepEqual(answer.exit, { code: 0, signal: null });
        else assert.equal(answer.body.toString(), "null");
      });
    });

    describe("callbacks", () => {
      it(`${modern ? "are refused" : "answer once the event loop is empty"}`, async () => {
        const code = `exports.handler = (e, c, callback) => {
          callback(null, "answer");
          callback(null, "second");
          setTimeout(() => console.log("still running"), 20);
        }`;
        if (modern) {
          const answer = await failedInit({ files: { "index.js": code } });
          assert.equal(answer.failure?.type, "Runtime.CallbackHandlerDeprecated");
          assert.match(
            answer.failure?.document.errorMessage,
            /has removed support for callback-based function handlers/,
          );
          return;
        }
        const answer = await answerOf(code);
        assert.equal(answer.body.toString(), '"answer"');
        assert.match(answer.logs[0]!, /still running/);
      });

      if (modern) {
        it("a value returned without a promise is the answer", async () => {
          assert.equal((await answerOf("exports.handler = () => 'now'")).body.toString(), '"now"');
          assert.equal((await answerOf("exports.handler = (e, c) => typeof c.done")).body.toString(), '"undefined"');
        });
        return;
      }

      it("answer at once when told not to wait, and what is left runs with the next event", async () => {
        const code = `exports.handler = (e, c, callback) => {
          c.callbackWaitsForEmptyEventLoop = false;
          if (e.first) setImmediate(() => setImmediate(() => setTimeout(() => console.log("left over"), 0)));
          if (e.first) callback(null, 1);
          else setTimeout(() => callback(null, 2), 50);
        }`;
        await running({ files: { "index.js": code } }, async (f) => {
          assert.deepEqual((await f.invoke({ first: true })).logs, []);
          const second = await f.invoke({});
          assert.equal(second.body.toString(), "2");
          assert.match(second.logs[0]!, /left over/);
        });
      });

      it("report an error", async () => {
        const answer = await answerOf("exports.handler = (e, c, callback) => callback(new TypeError('no'))");
        assert.equal(answer.failure?.type, "TypeError");
        assert.match(answer.logs[0]!, /Invoke Error/);
      });

      it("may be left uncalled: the answer is null, whatever was returned", async () => {
        assert.equal((await answerOf("exports.handler = () => 'ignored'")).body.toString(), "null");
      });

      it("may be replaced by context.done, succeed and fail", async () => {
        const code = "exports.handler = (e, c) => c[e.how](...e.with)";
        await running({ files: { "index.js": code } }, async (f) => {
          assert.equal((await f.invoke({ how: "succeed", with: [1] })).body.toString(), "1");
          assert.equal((await f.invoke({ how: "done", with: [null, 2] })).body.toString(), "2");
          assert.equal((await f.invoke({ how: "done", with: ["bad"] })).failure?.document.errorMessage, "bad");
          assert.equal((await f.invoke({ how: "fail", with: [] })).failure?.document.errorMessage, "handled");
        });
      });

      it("called for an invocation that is over change nothing", async () => {
        const code = `let old;
          exports.handler = (e, c, callback) => {
            c.callbackWaitsForEmptyEventLoop = false;
            if (old) old(null, "late");
            old ??= callback;
            setTimeout(() => c.succeed(e.n), 1);
          }`;
        await running({ files: { "index.js": code } }, async (f) => {
          assert.equal((await f.invoke({ n: 1 })).body.toString(), "1");
          assert.equal((await f.invoke({ n: 2 })).body.toString(), "2");
        });
      });
    });

    describe("logging", () => {
      it("writes one message a call, with time, request id and level", async () => {
        const code = `console.log("at init");
          exports.handler = async () => {
            console.log("a %s %d", "b", 1, { c: [2] });
            console.warn("two\\nlines");
            console.error(); console.debug("d"); console.trace("t"); console.info("i"); console.fatal("f");
          }`;
        const started = start({ files: { "index.js": code } });
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
        await running({ files: { "index.js": code }, env }, async (f) => {
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
        await running({ files: { "index.js": code } }, async (f) => {
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
        await running({ files: { "index.js": code } }, async (f) => {
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
        await running({ files: { "index.js": code } }, async (f) => {
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

    describe("streaming", () => {
      it("sends every chunk as it is written", async () => {
        const code = `exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
            stream.setContentType("text/plain");
            stream.write("one,");
            stream.write(Buffer.from("two,"));
            stream.write({ three: 3 });
            await new Promise((resolve) => setTimeout(resolve, 1));
            stream.end(context.awsRequestId);
          })`;
        const answer = await answerOf(code);
        assert.equal(answer.type, "RESPONSE_END");
        assert.equal(answer.ready, true);
        assert.equal(answer.contentType, "text/plain");
        assert.equal(answer.body.toString(), `one,two,{"three":3}${requestId}`);
      });

      it("puts HTTP metadata and eight NUL bytes before the body, even of an empty one", async () => {
        const code = `exports.handler = awslambda.streamifyResponse(async (event, stream) => {
            stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
            if (event.body) stream.write(event.body);
            stream.end();
          })`;
        await running({ files: { "index.js": code } }, async (f) => {
          const full = await f.invoke({ body: "hello" });
          assert.equal(full.contentType, "application/vnd.awslambda.http-integration-response");
          assert.equal(full.body.toString(), '{"statusCode":201}\0\0\0\0\0\0\0\0hello');
          assert.equal((await f.invoke({})).body.toString(), '{"statusCode":201}\0\0\0\0\0\0\0\0');
        });
      });

      it("works with pipeline and is served again", async () => {
        const code = `const { pipeline } = require("stream/promises"); const { Readable } = require("stream");
          exports.handler = awslambda.streamifyResponse(async (e, stream) => {
            await pipeline(Readable.from(["a", "b", "c".repeat(200_000)]), stream);
          })`;
        await running({ files: { "index.js": code } }, async (f) => {
          for (let round = 0; round < 2; round++) {
            const answer = await f.invoke({});
            assert.equal(answer.contentType, "application/octet-stream");
            assert.equal(answer.body.length, 200_002);
          }
        });
      });

      it("reports a failure midway at the end of the stream, and one before it as any other", async () => {
        const code = `exports.handler = awslambda.streamifyResponse(async (event, stream) => {
            if (event.begin) stream.write("begun");
            throw new TypeError("midway");
          })`;
        await running({ files: { "index.js": code } }, async (f) => {
          const midway = await f.invoke({ begin: true });
          assert.deepEqual([midway.type, midway.failure?.type], ["RESPONSE_END", "TypeError"]);
          assert.equal(midway.body.toString(), "begun");
          assert.match(midway.logs[0]!, /Invoke Error/);
          const early = await f.invoke({});
          assert.deepEqual([early.type, early.failure?.type], ["ERROR", "TypeError"]);
        });
      });

      it("refuses a handler that is not async and a stream that is never ended", async () => {
        const sync = await answerOf("exports.handler = awslambda.streamifyResponse((e, s) => { s.end() })");
        assert.match(sync.failure?.document.errorMessage, /does not support non-async handlers/);
        const open = await answerOf("exports.handler = awslambda.streamifyResponse(async (e, s) => { s.write('x') })");
        assert.equal(open.failure?.document.errorMessage, "Response stream is not finished.");
      });

      it("refuses to change the content type once something was written", async () => {
        const code = `exports.handler = awslambda.streamifyResponse(async (e, s) => { s.write("x"); s.setContentType("text/html") })`;
        assert.equal((await answerOf(code)).failure?.type, "Runtime.InvalidStreamingOperation");
      });
    });

    if (modern) {
      it("keeps what libraries store for one invocation only that long", async () => {
        const code = `exports.handler = async (e) => {
            const store = awslambda.InvokeStore;
            const before = store.get("key");
            store.set("key", e.n);
            return { before, now: store.get("key"), id: store.getRequestId(), trace: store.getXRayTraceId() };
          }`;
        await running({ files: { "index.js": code } }, async (f) => {
          await f.invoke({ n: 1 });
          const second = await f.invoke({ n: 2 }, { head: { "Lambda-Runtime-Trace-Id": "Root=1" } });
          assert.deepEqual(JSON.parse(second.body.toString()), { now: 2, id: requestId, trace: "Root=1" });
        });
      });
    }

    it("ends when the agent closes the link", async () => {
      await running(
        { files: { "index.js": "setInterval(() => {}, 1000); exports.handler = async () => 1" } },
        async (f) => {
          f.closeLink();
          assert.deepEqual((await f.exited()).exit, { code: 0, signal: null });
        },
      );
    });

    it("lets a function that listens for SIGTERM clean up", async () => {
      const code = `process.on("SIGTERM", () => { console.log("cleaned up"); process.stdout.write("bye"); process.exit(3) });
        exports.handler = async () => 1`;
      await running({ files: { "index.js": code } }, async (f) => {
        await f.invoke({});
        f.child.kill("SIGTERM");
        f.closeLink();
        const { exit, logs } = await f.exited();
        assert.deepEqual(exit, { code: 3, signal: null });
        assert.match(f.output(), /bye/);
        assert.match(logs[0]!, /cleaned up/);
      });
    });

    it("starts through a wrapper script", async () => {
      const root = codeFolder({ "index.js": "exports.handler = async () => process.env.WRAPPED" });
      folders.push(root);
      const wrapper = ["/bin/sh", "-c", 'export WRAPPED=yes; exec "$@"', "wrapper"];
      const f = startRuntime([...wrapper, path!, bootstrap], root, "index.handler");
      await f.start();
      assert.equal((await f.invoke({})).body.toString(), '"yes"');
      await f.stop();
    });
  });
}
