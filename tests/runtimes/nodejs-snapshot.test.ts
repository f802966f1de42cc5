import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { codeFolder, type RuntimeUnderTest, startRuntime } from "./harness.ts";
import { nodeInterpreters } from "./interpreters.ts";

const runtimeFolder = join(import.meta.dirname, "..", "..", "runtimes", "nodejs");
const bootstrap = join(runtimeFolder, "bootstrap.cjs");

const returns = (expression: string) => `exports.handler = async () => (${expression});`;

for (const { runtime, path, reason } of await nodeInterpreters()) {
  const major = Number.parseInt(runtime.slice("nodejs".length), 10);
  const modern = major >= 24;
  const hooked = major >= 22;

  const start = (files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>>, handler?: string) => {
    const root = codeFolder(files);
    const settings = { NODE_PATH: runtimeFolder, AWS_LAMBDA_INITIALIZATION_TYPE: "snap-start", ...env };
    return startRuntime([path!, "--expose-gc", bootstrap], root, handler ?? "index.handler", settings);
  };

  /** A process that is to be copied, its init done. */
  const template = async (
    code: string | Readonly<Record<string, string>>,
    use: (started: RuntimeUnderTest) => Promise<void>,
    handler?: string,
  ): Promise<void> => {
    const started = start(typeof code === "string" ? { "index.js": code } : code, { _THAW_TEMPLATE: "1" }, handler);
    try {
      const { answer } = await started.start();
      assert.equal(answer, undefined, `init failed: ${JSON.stringify(answer?.failure)} ${started.output()}`);
      await use(started);
    } finally {
      await started.stop();
    }
  };
  const json = async (started: RuntimeUnderTest, event: unknown = {}) => {
    const answer = await started.invoke(event);
    assert.equal(answer.type, "RESPONSE", `${JSON.stringify(answer.failure)} ${started.output()}`);
    return JSON.parse(answer.body.toString());
  };
  /** PREPARE and RESUME, which must both succeed; says whether init drew. */
  const copied = async (started: RuntimeUnderTest, env?: Readonly<Record<string, string | null>>) => {
    const prepared = await started.prepare();
    assert.equal(prepared.type, "PREPARED", `${JSON.stringify(prepared)} ${started.output()}`);
    const resumed = await started.resume(env);
    assert.equal(resumed.type, "READY", `${JSON.stringify(resumed)} ${started.output()}`);
    return { drew: prepared.drew, marks: resumed.marks! };
  };

  describe(`${runtime}, as a template`, { skip: path === undefined ? reason! : false, concurrency: 2 }, () => {
    it("is prepared, resumes with the marks of the copy, and serves", async () => {
      await template(returns("'served'"), async (f) => {
        const before = Number(process.hrtime.bigint()) / 1e6;
        const { marks } = await copied(f);
        const all = [before, marks.boot!, marks.load!, marks.loaded!, Number(process.hrtime.bigint()) / 1e6];
        assert.deepEqual(
          all,
          all.toSorted((a, b) => a - b),
        );
        for (let n = 0; n < 3; n++) assert.equal(await json(f), "served");
      });
    });

    it("serves the event that comes with RESUME once it is ready, with all its time, however large", async () => {
      const code = `awslambda.snapshot.afterRestore(() => new Promise((done) => setTimeout(done, 1000)));
        exports.handler = async (event, context) => [event, context.getRemainingTimeInMillis()];`;
      for (const size of [1, 64 * 1024 - 300, 200 * 1024]) {
        await template(code, async (f) => {
          assert.equal((await f.prepare()).type, "PREPARED");
          const [ready, answer] = await f.resumeWith("x".repeat(size), 60_000);
          assert.deepEqual([ready.type, answer.type], ["READY", "RESPONSE"], f.output());
          const [event, left] = JSON.parse(answer.body.toString()) as [string, number];
          assert.equal(event, "x".repeat(size));
          assert.ok(left > 59_100 && left <= 60_000, `${left}`);
          const [next, soon] = await json(f, "next");
          assert.ok(next === "next" && soon <= 3000);
        });
      }
    });

    it("warms up without running the handler, logging or answering", async () => {
      await template("let n = 0; exports.handler = async () => (console.log('ran'), ++n)", async (f) => {
        const prepared = await f.prepare();
        assert.deepEqual([prepared.type, prepared.logs, prepared.raw], ["PREPARED", [], false]);
        const resumed = await f.resume();
        assert.deepEqual([resumed.type, resumed.logs], ["READY", []]);
        const { logs, body } = await f.invoke({});
        assert.equal(body.toString(), "1");
        assert.match(logs.join(""), /\tran\n$/);
        assert.equal(f.output(), "");
      });
    });

    for (const [kind, code] of Object.entries({
      "calls back": "exports.handler = (event, context, callback) => callback(null, 'served')",
      "returns nothing and lets the loop run empty": "exports.handler = () => {}",
      streams: "exports.handler = awslambda.streamifyResponse(async (e, s) => { s.write('ser'); s.end('ved') })",
    })) {
      it(`serves with a handler that ${kind}`, { skip: modern && kind !== "streams" }, async () => {
        await template(code, async (f) => {
          await copied(f);
          for (let n = 0; n < 2; n++) {
            const answer = await f.invoke({});
            assert.deepEqual([answer.failure, answer.ready], [undefined, true]);
            assert.match(answer.body.toString(), /served|null/);
          }
        });
      });
    }

    it("takes over the copy's variables, for contexts too, and leaves no trace of its own", async () => {
      const code = `process.env.GONE = "here";
        const seenByInit = "_THAW_TEMPLATE" in process.env;
        exports.handler = async (event, context) => [seenByInit, process.env.GONE ?? null, process.env.NAME, context.logStreamName];`;
      await template(code, async (f) => {
        await copied(f, { NAME: "wärme", GONE: null, AWS_LAMBDA_LOG_STREAM_NAME: "2026/02/02/[1]copy" });
        assert.deepEqual(await json(f), [false, null, "wärme", "2026/02/02/[1]copy"]);
      });
    });

    it("starts no invocation that a trace or a request of its own is left of", async () => {
      const code =
        "exports.handler = async () => [process.env._X_AMZN_TRACE_ID ?? null, process.listenerCount('beforeExit')]";
      await template(`const n = process.listenerCount('beforeExit'); setImmediate(() => {}); ${code}`, async (f) => {
        await copied(f);
        const [trace, listeners] = await json(f);
        assert.equal(trace, "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0");
        assert.equal(listeners, modern ? 0 : 1);
      });
    });

    it("ends when the host closes the link instead of copying it", async () => {
      await template(returns("1"), async (f) => {
        await f.prepare();
        f.closeLink();
        assert.deepEqual((await f.exited()).exit, { code: 0, signal: null });
      });
    });

    describe("hooks", () => {
      const recording = `
        const { beforeSnapshot, afterRestore } = require("@thaw/snapshot");
        const order = [];
        const later = (name) => new Promise((done) => setTimeout(() => { order.push(name); done() }, 5));
        beforeSnapshot((name) => { order.push(name) }, "before 1");
        beforeSnapshot(() => later("before 2"));
        afterRestore(() => later("after 1"));
        afterRestore((a, b) => { order.push(a + b + process.env.NAME) }, "after ", "2 ");
        exports.handler = async () => order;`;

      it("run last registered first before, in order after, each awaited", async () => {
        await template(recording, async (f) => {
          await copied(f, { NAME: "copy" });
          assert.deepEqual(await json(f), ["before 2", "before 1", "after 1", "after 2 copy"]);
        });
      });

      it("run once in a copy that rehearses, which calls no handler and tells nobody", async () => {
        await template(recording, async (f) => {
          assert.equal((await f.prepare()).type, "PREPARED");
          const resumed = await f.resume({ NAME: "copy" }, true);
          assert.deepEqual([resumed.type, f.output()], ["READY", ""]);
          assert.deepEqual(await json(f), ["before 2", "before 1", "after 1", "after 2 copy"]);
        });
      });

      it("are registered and never run in a plain start", async () => {
        const started = start({ "index.js": recording }, {});
        assert.ok((await started.start()).marks);
        assert.deepEqual(await json(started), []);
        await started.stop();
      });

      for (const [how, from] of Object.entries({
        "awslambda.snapshot": "const { afterRestore } = awslambda.snapshot;",
        "import of @thaw/snapshot": 'import { afterRestore } from "@thaw/snapshot";',
        "its default export": 'import hooks from "@thaw/snapshot"; const { afterRestore } = hooks;',
        "import()": 'const { afterRestore } = await import("@thaw/snapshot");',
        "a module they import": 'import { afterRestore } from "./inner.mjs";',
      })) {
        // The sandbox has a link for all of them; outside of one it takes hooks that Node.js has from 22.15 on.
        const skip = hooked || how === "awslambda.snapshot" ? false : "no module.registerHooks";
        it(`are found by ES modules: ${how}`, { skip }, async () => {
          const code = `const seen = []; afterRestore(async () => { seen.push("after") });
            export const handler = async () => seen;`;
          const inner = 'export { afterRestore } from "@thaw/snapshot";';
          await template(
            { "index.mjs": `${from} ${code}`, "inner.mjs": inner },
            async (f) => {
              await copied(f);
              assert.deepEqual(await json(f), ["after"]);
            },
            "index.handler",
          );
        });
      }

      it("take functions only", async () => {
        const code = `let name; try { require("@thaw/snapshot").afterRestore("x") } catch (error) { name = String(error) } ${returns("name")}`;
        await template(code, async (f) => {
          await copied(f);
          assert.equal(await json(f), "TypeError: afterRestore takes a function, not string");
        });
      });

      for (const [how, throwing] of Object.entries({
        throws: "() => { throw new RangeError('no luck') }",
        rejects: "async () => { await 1; throw new RangeError('no luck') }",
      })) {
        it(`fail the init when one ${how} before, and no other runs`, async () => {
          const code = `const { beforeSnapshot } = awslambda.snapshot;
            beforeSnapshot(() => console.log("not reached")); beforeSnapshot(${throwing}); ${returns("1")}`;
          await template(code, async (f) => {
            const answer = await f.prepare();
            assert.equal(answer.type, "INIT_ERROR");
            assert.equal(answer.failure?.type, "Runtime.BeforeSnapshotError");
            const { errorType, errorMessage } = answer.failure!.document;
            assert.deepEqual([errorType, errorMessage], ["RangeError", "no luck"]);
            assert.match(answer.logs.join(""), /no luck/);
            assert.doesNotMatch(answer.logs.join(""), /not reached/);
            assert.deepEqual((await f.exited()).exit, { code: 64, signal: null });
          });
        });

        it(`fail the restore when one ${how} after`, async () => {
          await template(`awslambda.snapshot.afterRestore(${throwing}); ${returns("1")}`, async (f) => {
            assert.equal((await f.prepare()).type, "PREPARED");
            const answer = await f.resume();
            assert.equal(answer.type, "RESTORE_ERROR");
            assert.equal(answer.failure?.type, "Runtime.AfterRestoreError");
            assert.equal(answer.failure?.document.errorMessage, "no luck");
            assert.deepEqual((await f.exited()).exit, { code: 65, signal: null });
          });
        });
      }

      it("say that they wrote to the raw streams", async () => {
        const code = `const { beforeSnapshot, afterRestore } = awslambda.snapshot;
          beforeSnapshot(() => { process.stdout.write("before\\n") });
          afterRestore(() => { process.stdout.write("after\\n") }); ${returns("1")}`;
        await template(code, async (f) => {
          assert.equal((await f.prepare()).raw, true);
          assert.equal((await f.resume()).raw, true);
          assert.equal((await f.invoke({})).raw, false);
        });
      });
    });

    describe("what it drew", () => {
      const drawing: Readonly<Record<string, string>> = {
        "crypto.randomBytes": "require('crypto').randomBytes(8)",
        "crypto.randomUUID": "require('node:crypto').randomUUID()",
        "crypto.randomInt": "require('crypto').randomInt(9)",
        "crypto.randomFillSync": "require('crypto').randomFillSync(new Uint8Array(4))",
        "crypto.pseudoRandomBytes": "require('crypto').pseudoRandomBytes(4)",
        "crypto.generateKeyPairSync": "require('crypto').generateKeyPairSync('ec', { namedCurve: 'P-256' })",
        "an ECDH key": "require('crypto').createECDH('prime256v1').generateKeys()",
        "webcrypto.getRandomValues": "require('crypto').webcrypto.getRandomValues(new Uint8Array(4))",
        "the global crypto": "(globalThis.crypto ?? require('crypto').webcrypto).randomUUID()",
        "a promisified function": "require('util').promisify(require('crypto').randomBytes)(4)",
        "a worker, which nobody watches": "new (require('worker_threads').Worker)('', { eval: true })",
        "a hook": "awslambda.snapshot.beforeSnapshot(() => { require('crypto').randomBytes(4) })",
      };
      for (const [what, code] of Object.entries(drawing)) {
        it(`is told: ${what}`, async () => {
          await template(`${code}; ${returns("1")}`, async (f) => {
            assert.equal((await f.prepare()).drew, true);
          });
        });
      }

      it("is told of ES modules that import a function by name", async () => {
        const files = {
          "index.mjs": `import { randomBytes } from "node:crypto"; randomBytes(4); export const handler = () => 1`,
        };
        await template(files, async (f) => assert.equal((await f.prepare()).drew, true), "index.handler");
      });

      it("is nothing where crypto is loaded and used without drawing", async () => {
        const code = "const hash = require('crypto').createHash('sha256').update('x').digest('hex'); Math.random();";
        await template(`${code} require('https'); ${returns("hash")}`, async (f) => {
          assert.equal((await f.prepare()).drew, false);
        });
      });
    });

    describe("uniqueness", () => {
      it("goes on with other numbers of Math.random than those that were due, through references taken before", async () => {
        // 10 of 64 numbers drawn ahead are used up: without a new seed the next 54 are known.
        const code = `const { random } = Math; const first = Array.from({ length: 10 }, random);
          ${returns("[first, Array.from({ length: 2000 }, () => random())]")}`;
        await template(code, async (f) => {
          await copied(f);
          const [first, numbers] = await json(f);
          assert.equal(new Set([...first, ...numbers]).size, 2010);
          assert.ok(numbers.every((number: number) => number >= 0 && number < 1));
          const mean = numbers.reduce((sum: number, number: number) => sum + number, 0) / numbers.length;
          assert.ok(mean > 0.45 && mean < 0.55, `mean ${mean}`);
        });
      });

      it("gives every realm of node:vm a Math.random that no copy shares", async () => {
        const code = `const vm = require("vm"); const own = Math.random;
          const made = vm.createContext({}); vm.createContext(made);
          const script = new vm.Script("Math.random");
          const all = [vm.runInContext("Math.random", made), script.runInNewContext(), vm.runInNewContext("Math.random")];
          for (const random of all) random();
          exports.handler = async () => {
            all.push(script.runInNewContext({}), vm.runInNewContext("Math.random", {}, "name.js"), vm.runInContext("Math.random", vm.createContext()));
            return [all.map((random) => random !== own && Function.prototype.toString.call(random).includes("native")), all.map((random) => random()),
              vm.runInNewContext("typeof eval", {}, { contextCodeGeneration: { strings: false } })];
          }`;
        await template(code, async (f) => {
          await copied(f);
          const [native, numbers, type] = await json(f);
          assert.deepEqual(native, Array(6).fill(false), "V8's own would go on alike in all copies");
          assert.equal(new Set(numbers).size, 6);
          assert.equal(type, "function");
        });
      });

      /** How often the function's process asked the crypto library for bytes, whatever asked. */
      const counted = `let fills = 0;
        require("async_hooks").createHook({ init(_id, type) { if (type === "RANDOMBYTESREQUEST") fills++ } }).enable();
        const crypto = require("crypto"); const web = globalThis.crypto ?? crypto.webcrypto;`;

      it("draws no UUIDs ahead while it may be copied, and as many as usual afterwards", async () => {
        const code = `${counted}
          const ids = [crypto.randomUUID(), crypto.randomUUID({}), web.randomUUID()];
          let refused; try { crypto.randomUUID(1) } catch (error) { refused = error.code }
          const ofInit = fills;
          exports.handler = async () => {
            const before = fills;
            ids.push(crypto.randomUUID(), crypto.randomUUID(), web.randomUUID());
            return { ids, refused, ofInit, ofInvocation: fills - before };
          }`;
        await template(code, async (f) => {
          await copied(f);
          const { ids, refused, ofInit, ofInvocation } = await json(f);
          assert.equal(new Set(ids).size, 6);
          for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
          assert.equal(refused, "ERR_INVALID_ARG_TYPE");
          assert.deepEqual([ofInit, ofInvocation], [3, 1]);
        });
      });

      it("forgets what randomInt drew ahead", async () => {
        const code = `${counted} crypto.randomInt(9); ${returns("fills")}`;
        await template(code, async (f) => {
          assert.equal((await f.prepare()).drew, true);
          await f.resume();
          // One fill by init; two by the trial run of waking up; two by the copy, of which the second is what it goes on with.
          assert.equal(await json(f), 5);
        });
      });

      it("has a Math.random that looks like the one it replaces", async () => {
        const code = returns(
          "[Math.random.name, Math.random.length, String(Math.random), 'prototype' in Math.random, Object.keys(Math.random)]",
        );
        await template(code, async (f) => {
          await copied(f);
          assert.deepEqual(await json(f), ["random", 0, "function random() { [native code] }", false, []]);
        });
      });
    });

    /** What V8 did with the function `called` of a function's module, until the process had ended. */
    const compiled = async (env: Readonly<Record<string, string>>, padding = 0): Promise<string> => {
      const code = `function called() { return 1 }\nexports.handler = async () => called()\n//${" ".repeat(padding)}`;
      const root = codeFolder({ "index.js": code });
      const log = join(root, "v8.log");
      const flags = ["--log-function-events", `--logfile=${log}`, "--no-logfile-per-isolate"];
      const started = startRuntime([path!, ...flags, bootstrap], root, "index.handler", env);
      assert.ok((await started.start()).marks);
      started.closeLink();
      await started.exited();
      const events = readFileSync(log, "utf8").split("\n");
      return events.filter((line) => line.startsWith("function,") && line.endsWith(",called")).join("\n");
    };

    it("has functions compiled that are not called yet, as far as memory allows", async () => {
      assert.match(await compiled({ _THAW_TEMPLATE: "1" }), /,full-parse,/);
      // A quarter of the harness's 128 MB holds what 800 kB of source may become.
      assert.doesNotMatch(await compiled({ _THAW_TEMPLATE: "1" }, 1_000_000), /,full-parse,/);
      assert.doesNotMatch(await compiled({}), /,full-parse,/);
    });

    it("leaves a plain start as it is", async () => {
      const code = returns(`[Function.prototype.toString.call(Math.random), Object.hasOwn(Math.random, "toString"),
        process.moduleLoadList.includes("NativeModule crypto"), Object.keys(require.cache).map((file) => require("path").basename(file))]`);
      const started = start({ "index.js": code }, {});
      await started.start();
      const [random, own, crypto, files] = await json(started);
      await started.stop();
      assert.deepEqual([random, own, crypto], ["function random() { [native code] }", false, false]);
      for (const file of ["uniqueness.cjs", "eager.cjs", "template.cjs", "prewarm.cjs", "hooks.cjs"])
        assert.ok(!files.includes(file), file);
    });
  });
}
