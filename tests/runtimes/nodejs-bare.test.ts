import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { codeFolder, functionEnvironment, type RuntimeUnderTest, startBare, startRuntime } from "./harness.ts";
import { nodeInterpreters } from "./interpreters.ts";

const runtimeFolder = join(import.meta.dirname, "..", "..", "runtimes", "nodejs");
const bootstrap = join(runtimeFolder, "bootstrap.cjs");
const own = { NODE_PATH: runtimeFolder };

for (const { runtime, path, reason } of await nodeInterpreters()) {
  const modern = Number.parseInt(runtime.slice("nodejs".length), 10) >= 24;
  const folderOf = (files: Readonly<Record<string, string>>) => {
    const root = codeFolder(files);
    return root;
  };
  /** A copy made without a function, prepared and waiting for one. */
  const bare = async (use: (started: RuntimeUnderTest) => Promise<void>): Promise<void> => {
    const started = startBare([path!, "--expose-gc", bootstrap], own);
    try {
      assert.ok((await started.start()).marks, started.output());
      const prepared = await started.prepare();
      assert.deepEqual([prepared.type, prepared.drew, prepared.logs], ["PREPARED", false, []], started.output());
      await use(started);
    } finally {
      await started.stop();
    }
  };
  const json = async (started: RuntimeUnderTest) => {
    const answer = await started.invoke({});
    assert.equal(answer.type, "RESPONSE", `${JSON.stringify(answer.failure)} ${started.output()}`);
    return JSON.parse(answer.body.toString());
  };
  const environmentOf = (root: string, env = {}) => functionEnvironment(root, "index.handler", { ...own, ...env });

  describe(`${runtime}, copied without a function`, { skip: path === undefined ? reason! : false }, () => {
    for (const [kind, files] of Object.entries({
      "a CommonJS module": { "index.js": "exports.handler = async () => 'served'" },
      "an ES module": { "index.mjs": "await 0; export const handler = async () => 'served'" },
      "a handler that streams": {
        "index.js": "exports.handler = awslambda.streamifyResponse(async (e, s) => { s.end('\"served\"') })",
      },
    })) {
      it(`loads ${kind} and serves, with the marks of a start`, async () => {
        await bare(async (f) => {
          const before = Number(process.hrtime.bigint()) / 1e6;
          const loaded = await f.load(environmentOf(folderOf(files)));
          assert.equal(loaded.type, "READY", JSON.stringify(loaded));
          const { boot, load, loaded: done } = loaded.marks!;
          const all = [before, boot!, load!, done!, Number(process.hrtime.bigint()) / 1e6];
          assert.deepEqual(
            all,
            all.toSorted((a, b) => a - b),
          );
          for (let n = 0; n < 3; n++) assert.equal((await f.invoke({})).body.toString(), '"served"');
        });
      });
    }

    it("rehearses where nobody waits, without calling the handler or telling anybody", async () => {
      const code = "let n = 0; exports.handler = async () => (console.log('ran'), ++n);";
      await bare(async (f) => {
        const loaded = await f.load(environmentOf(folderOf({ "index.js": code })), true);
        assert.deepEqual([loaded.type, loaded.logs, loaded.raw], ["READY", [], false]);
        const answer = await f.invoke({});
        assert.deepEqual([answer.body.toString(), answer.logs.length, f.output()], ["1", 1, ""]);
      });
    });

    it("shows the function what a plain start shows", async () => {
      const code = `const seen = () => ({
          env: Object.fromEntries(Object.entries(process.env).sort()), argv: process.argv, cwd: process.cwd(),
          globals: Object.getOwnPropertyNames(globalThis).sort(), paths: require("module").globalPaths,
          awslambda: Object.keys(globalThis.awslambda ?? {}), main: require.main?.filename, module: module.paths,
          listeners: process.eventNames().map(String).sort(), active: process.getActiveResourcesInfo?.(),
          cached: Object.keys(require.cache).filter((file) => file.endsWith("index.js") || file.includes("rehearsal")),
          zone: new Date(0).getTimezoneOffset(), fd: require("fs").readdirSync("/proc/self/fd").length,
        });
        const atInit = seen();
        exports.handler = async (event, context) => ({ atInit, now: seen(), name: context.functionName,
          stream: context.logStreamName, memory: context.memoryLimitInMB });`;
      const root = folderOf({ "index.js": code });
      const env = { TZ: "Asia/Tokyo", NAME: "wärme", NODE_PATH: `/opt/nodejs/node_modules:${runtimeFolder}` };
      const plain = startRuntime([path!, "--expose-gc", bootstrap], root, "index.handler", { ...own, ...env });
      try {
        assert.ok((await plain.start()).marks, plain.output());
        const expected = await json(plain);
        await bare(async (f) => {
          await f.load(environmentOf(root, env));
          assert.deepEqual(await json(f), expected);
        });
      } finally {
        await plain.stop();
      }
    });

    it("logs as the function's variables say, from the first line of its init on", async () => {
      const code = `console.info("hidden"); console.warn("init"); exports.handler = async () => console.error("served")`;
      const root = folderOf({ "index.js": code });
      await bare(async (f) => {
        const { logs } = await f.load(
          environmentOf(root, { AWS_LAMBDA_LOG_FORMAT: "JSON", AWS_LAMBDA_LOG_LEVEL: "WARN" }),
        );
        assert.deepEqual(
          logs.map((line) => JSON.parse(line).message),
          ["init"],
        );
        const answer = await f.invoke({});
        assert.equal(JSON.parse(answer.logs[0]!).message, "served");
      });
    });

    it("has no global awslambda where the function's variables forbid it", async () => {
      const root = folderOf({ "index.js": "exports.handler = async () => typeof awslambda" });
      await bare(async (f) => {
        await f.load(environmentOf(root, { AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA: "1" }));
        assert.equal(await json(f), "undefined");
      });
    });

    for (const [what, code, type] of [
      ["throws", "throw new TypeError('no')", "TypeError"],
      ["cannot be parsed", "]", "Runtime.UserCodeSyntaxError"],
      ["lacks the handler", "", "Runtime.HandlerNotFound"],
      ["lacks a module", "require('./none')", "Runtime.ImportModuleError"],
    ] as const) {
      it(`reports a function that ${what} as a plain start does`, async () => {
        const root = folderOf({ "index.js": code });
        const plain = startRuntime([path!, bootstrap], root, "index.handler", own);
        const { answer: expected } = await plain.start();
        const expectedExit = (await plain.exited()).exit;
        await bare(async (f) => {
          const answer = await f.load(environmentOf(root));
          assert.equal(answer.type, "INIT_ERROR");
          assert.deepEqual([answer.failure!.type, expected!.failure!.type], [type, type]);
          assert.equal(answer.failure!.document.errorMessage, expected!.failure!.document.errorMessage);
          assert.deepEqual((await f.exited()).exit, expectedExit);
        });
      });
    }

    it("is told of what nobody catches in init as in a plain start", { skip: modern }, async () => {
      const root = folderOf({
        "index.mjs": "setTimeout(() => { throw new RangeError('late') }); await new Promise(() => {})",
      });
      await bare(async (f) => {
        const answer = await f.load(environmentOf(root));
        assert.deepEqual([answer.type, answer.failure?.type], ["INIT_ERROR", "RangeError"]);
      });
    });

    it("takes a function's thread pool size", async () => {
      const code = `const fs = require("fs");
        exports.handler = async () => {
          const before = fs.readdirSync("/proc/self/task").length;
          await fs.promises.stat("/");
          return fs.readdirSync("/proc/self/task").length - before;
        };`;
      const root = folderOf({ "index.js": code });
      await bare(async (f) => {
        await f.load(environmentOf(root, { UV_THREADPOOL_SIZE: "7" }));
        assert.equal(await json(f), 7);
      });
    });

    it("takes a compile cache that was prepared for it, and hides it", async () => {
      const code = `exports.handler = async () => [process.env._THAW_COMPILE_CACHE ?? null, process.env.NODE_COMPILE_CACHE ?? null,
        require("module").getCompileCacheDir?.() ?? null];`;
      const root = folderOf({ "index.js": code });
      const cache = folderOf({});
      const known = Number.parseInt(runtime.slice("nodejs".length), 10) >= 22;
      await bare(async (f) => {
        await f.load(environmentOf(root, { _THAW_COMPILE_CACHE: cache }));
        const [ours, nodes, folder] = await json(f);
        assert.deepEqual([ours, nodes], [null, null]);
        assert.equal(folder?.startsWith(cache) ?? false, known);
      });
    });

    it("ends when the host closes the link", async () => {
      await bare(async (f) => {
        f.closeLink();
        assert.deepEqual((await f.exited()).exit, { code: 0, signal: null });
      });
    });
  });
}
