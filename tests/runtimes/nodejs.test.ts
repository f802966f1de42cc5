import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Given } from "./functions.ts";
import { codeFolder, requestId, tooLarge } from "./harness.ts";
import { nodes } from "./nodejs.ts";
import { runtimeContract } from "./runtime.contract.ts";

const samples = {
  counts: "let n = 0; exports.handler = async (e) => ({ n: ++n, e })",
  measures: "exports.handler = async (e) => ({ length: e.text.length, back: 'x'.repeat(6_000_000) })",
  repeats: "exports.handler = async (e) => 'x'.repeat(e)",
  looks: `exports.handler = async () => [
    "_THAW_LINK_FD" in process.env,
    require("child_process").spawnSync("sh", ["-c", "test -e /proc/self/fd/3"]).status,
  ]`,
  wrapped: "exports.handler = async () => process.env.WRAPPED",
};

for (const node of nodes) {
  const { runtime, skip, running, answerOf, failedInit, modern } = node;

  describe(runtime, { skip, concurrency: 2 }, () => {
    runtimeContract(node, samples);

    it("answers null for undefined, a function and nothing at all", async () => {
      for (const value of ["undefined", "() => {}"]) {
        const answer = await answerOf(`exports.handler = async () => (${value})`);
        assert.equal(answer.body.toString(), "null");
      }
    });

    it("counts bytes of an answer, not characters", async () => {
      await running("exports.handler = async (e) => 'é'.repeat(e)", async (f) => {
        assert.equal((await f.invoke(3_145_777)).body.length, 6_291_556);
        assert.deepEqual((await f.invoke(3_145_778)).failure, tooLarge);
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

      const lost: Record<string, [Given | string, string, RegExp]> = {
        "there is no such file": [
          { files: {} },
          "Runtime.ImportModuleError",
          /^Error: Cannot find module 'index'\nRequire stack:/,
        ],
        "a module is missing": [
          "require('nowhere')",
          "Runtime.ImportModuleError",
          /^Error: Cannot find module 'nowhere'/,
        ],
        "there is no such export": [
          "exports.other = 1",
          "Runtime.HandlerNotFound",
          /^index\.handler is undefined or not exported$/,
        ],
        "the export is no function": [
          "exports.handler = { a: 1 }",
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
          "exports.handler = async ( => {}",
          "Runtime.UserCodeSyntaxError",
          /^SyntaxError: /,
        ],
        "the module throws": ["throw new RangeError('no')", "RangeError", /^no$/],
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
        await running(code, async (f) => {
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
        await running(code, async (f) => {
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
        await running(code, async (f) => {
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

    it("lets a function that listens for SIGTERM clean up", async () => {
      const code = `process.on("SIGTERM", () => { console.log("cleaned up"); process.stdout.write("bye"); process.exit(3) });
        exports.handler = async () => 1`;
      await running(code, async (f) => {
        await f.invoke({});
        f.child.kill("SIGTERM");
        f.closeLink();
        const { exit, logs } = await f.exited();
        assert.deepEqual(exit, { code: 3, signal: null });
        assert.match(f.output(), /bye/);
        assert.match(logs[0]!, /cleaned up/);
      });
    });
  });
}
