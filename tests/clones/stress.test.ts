import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Language, languages, newest } from "./languages.ts";
import { type Clones, noImages, startClones } from "./platform.ts";
import { full, scaled } from "./scale.ts";

const skip = await noImages();

describe("a copy of an initialised process can do all that a process can", { skip }, () => {
  let platform: Clones;
  let found: readonly Language[];
  before(async () => {
    platform = await startClones();
    const { body } = await platform.client.send("GET", "/_thaw/info");
    ({ found } = await languages(body.runtimes));
  });
  after(() => platform[Symbol.asyncDispose]());

  for (const name of ["node", "python", "java"] as const) {
    test(`${name}: collections, compilers, threads, network, children, timers, files and signals on every copy`, async (t) => {
      const language = found.find((one) => one.name === name);
      if (!language?.runtimes.length) return t.skip(`no runtime for ${name} here`);
      for (const runtime of full ? language.runtimes : [newest(language)]) {
        await t.test(runtime, async () => {
          const { files, settings } = await language.code("stress", runtime);
          const fn = `stress-${runtime.replaceAll(".", "-")}`;
          await platform.deploy(fn, files, settings);
          const answers = await platform.clones(fn, scaled(20, 1000), scaled(4, 4));
          for (const { functionError, text, body } of answers) {
            assert.equal(functionError, undefined, text);
            assert.deepEqual(body.failed, {});
            assert.ok(body.checked > 10);
          }
          const logs = await platform.client.logs(fn);
          const lines = logs.filter((line) => line.includes("the stream still leads to the log"));
          assert.ok(lines.length >= answers.length, `${lines.length} lines of ${answers.length} copies`);
          await platform.client.delete(fn);
        });
      }
    });

    test(`${name}: a copy that ends, is killed or throws fails its own event only`, async (t) => {
      const language = found.find((one) => one.name === name);
      if (!language?.runtimes.length) return t.skip(`no runtime for ${name} here`);
      const { files, settings } = await language.code("stress", newest(language));
      const fn = `ends-${name}`;
      await platform.deploy(fn, files, settings);
      for (let round = 0; round < scaled(2, 50); round++) {
        for (const [event, types] of endings[name]) {
          const { functionError, body, text } = await platform.clone(fn, event);
          assert.equal(functionError, "Unhandled", text);
          assert.match(String(body.errorType), types, text);
        }
      }
      const { body } = await platform.clone(fn);
      assert.deepEqual(body.failed, {});
      await platform.client.delete(fn);
    });
  }
});

/** Events that end a fixture's process or its event, and the error types that Lambda's callers then see. */
const endings: Record<"node" | "python" | "java", readonly (readonly [object, RegExp])[]> = {
  node: [
    [{ exit: 0 }, /^Runtime\.ExitError$/],
    [{ exit: 7 }, /^Runtime\.ExitError$/],
    [{ signal: "SIGKILL" }, /^Runtime\.ExitError$/],
    [{ signal: "SIGSEGV" }, /^Runtime\.ExitError$/],
    [{ uncaught: true }, /^(TypeError|Runtime\.ExitError)$/],
    [{ rejected: true }, /^(Runtime\.UnhandledPromiseRejection|Runtime\.ExitError)$/],
  ],
  python: [
    [{ exit: 7 }, /^Runtime\.ExitError$/],
    [{ signal: "SIGKILL" }, /^Runtime\.ExitError$/],
    [{ signal: "SIGSEGV" }, /^Runtime\.ExitError$/],
    [{ uncaught: true }, /^TypeError$/],
  ],
  java: [
    [{ exit: 7 }, /^Runtime\.ExitError$/],
    [{ uncaught: true }, /IllegalStateException$/],
  ],
};
