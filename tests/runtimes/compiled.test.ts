import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { codeFolder, startRuntime } from "./harness.ts";
import { nodeInterpreters, pythonInterpreters } from "./interpreters.ts";

const runtimes = join(import.meta.dirname, "..", "..", "runtimes");

type Files = ReadonlyMap<string, Buffer>;

/** Starts a function as the host would; its answer, and what it handed over. */
async function served(
  command: readonly string[],
  root: string,
  handler: string,
  env: Readonly<Record<string, string>>,
) {
  const started = startRuntime(command, root, handler, env);
  try {
    const { marks, compiled } = await started.start();
    assert.ok(marks, started.output());
    const answer = await started.invoke({});
    assert.equal(answer.type, "RESPONSE", started.output());
    return { answer: JSON.parse(answer.body.toString()) as unknown, compiled, output: started.output() };
  } finally {
    await started.stop();
  }
}

function folderOf(files: Files): string {
  const folder = codeFolder({});
  for (const [name, bytes] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
  return folder;
}

const damages: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  "cut short": (bytes) => bytes.subarray(0, bytes.length / 2),
  empty: () => Buffer.alloc(0),
  "all zeros": (bytes) => Buffer.alloc(bytes.length),
  "of something else": () => Buffer.from("nothing that anybody has compiled"),
};

for (const { runtime, path } of await pythonInterpreters()) {
  const folder = join(runtimes, "python");
  const command = [path!, "-s", "-S", join(folder, "bootstrap.py")];
  const own = { PYTHONDONTWRITEBYTECODE: "1", PYTHONPATH: folder };
  const source = (value: string) => ({
    "app.py": `import os\nfrom package import part\ndef handler(event, context):\n    return ["${value}", part.VALUE, [n for n in os.environ if "COMPILE" in n]]\n`,
    "package/__init__.py": "",
    "package/part.py": `VALUE = "${value}"\n`,
  });

  describe(`${runtime}, compiled ahead`, () => {
    it("hands over nothing that was compiled already", async () => {
      const root = codeFolder(source("one"));
      execFileSync(path!, ["-m", "compileall", "-q", root]);
      const { answer, compiled } = await served(command, root, "app.handler", { ...own, _THAW_COMPILE: "1" });
      assert.deepEqual([answer, compiled.size], [["one", "one", []], 0]);
    });

    it("runs what was compiled, without a look at the source, and hides the variables", async () => {
      const root = codeFolder(source("old"));
      const first = await served(command, root, "app.handler", { ...own, _THAW_COMPILE: "1" });
      assert.deepEqual([first.answer, [...first.compiled.keys()]], [["old", "old", []], ["modules-0"]]);
      for (const [name, text] of Object.entries(source("new"))) writeFileSync(join(root, name), text);
      const later = await served(command, root, "app.handler", {
        ...own,
        _THAW_COMPILE_CACHE: folderOf(first.compiled),
      });
      assert.deepEqual([later.answer, later.compiled.size, later.output], [["old", "old", []], 0, ""]);

      for (const damage of Object.values(damages)) {
        const damaged = new Map([...first.compiled].map(([name, bytes]) => [name, damage(bytes)]));
        const env = { ...own, _THAW_COMPILE_CACHE: folderOf(damaged) };
        const { answer, output } = await served(command, root, "app.handler", env);
        assert.deepEqual([answer, output], [["new", "new", []], ""]);
      }
    });
  });
}

for (const { runtime, path, reason } of await nodeInterpreters()) {
  const known = Number.parseInt(runtime.slice("nodejs".length), 10) >= 22;
  const skip = path === undefined ? reason! : !known && "it cannot";
  const folder = join(runtimes, "nodejs");
  const command = [path!, "--expose-gc", join(folder, "bootstrap.cjs")];
  const own = { NODE_PATH: folder, NODE_DEBUG_NATIVE: "COMPILE_CACHE" };
  const source = `const { part } = require("./part.js");
    exports.handler = async () => [part(), Object.keys(process.env).filter((name) => name.startsWith("_THAW"))];`;

  describe(`${runtime}, compiled ahead`, { skip }, () => {
    it("runs what was compiled, hides the variables, and compiles again what is damaged", async () => {
      const root = codeFolder({ "index.js": source, "part.js": "exports.part = () => 7;" });
      const first = await served(command, root, "index.handler", { ...own, _THAW_COMPILE: "1" });
      assert.deepEqual(first.answer, [7, []]);
      assert.ok(first.compiled.size >= 2);
      const accepted = /cache for .*part\.js was accepted/;
      const again = (files: Files) =>
        served(command, root, "index.handler", { ...own, _THAW_COMPILE_CACHE: folderOf(files) });
      const later = await again(first.compiled);
      assert.deepEqual([later.answer, later.compiled.size], [[7, []], 0]);
      assert.match(later.output, accepted);
      for (const damage of Object.values(damages)) {
        const { answer, output } = await again(new Map([...first.compiled].map(([name, b]) => [name, damage(b)])));
        assert.deepEqual(answer, [7, []]);
        assert.doesNotMatch(output, accepted);
      }
    });
  });
}
