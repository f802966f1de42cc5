// The runner of `npm test`: a file that hangs is ended and named, and takes nothing else with it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Lanes, runFiles } from "../../scripts/lanes.ts";

const passes = `import { test } from "node:test"; test("is well", () => {}); test("is left out", { skip: "no network" }, () => {});`;
const leavesServerOpen = `import { createServer } from "node:http"; import { test } from "node:test";
  test("opens a server", () => { createServer().listen(0); throw new Error("failed early"); });`;
const busy = `import { test } from "node:test"; test("never returns", () => { for (;;); });`;
const talks = `import { test } from "node:test"; test("prints for ever", () => new Promise(() => setInterval(() => console.log("still here"), 20)));`;
const leavesProcess = `import { spawn } from "node:child_process"; import { test } from "node:test";
  test("leaves a process behind", () => { spawn("sleep", ["600"], { stdio: "inherit" }).unref(); });`;

async function run(t: TestContext, files: Record<string, string>, lanes: Partial<Lanes> = {}) {
  const cwd = mkdtempSync(join(tmpdir(), "thaw-lanes-"));
  t.after(() => rmSync(cwd, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  let printed = "";
  const sum = await runFiles(Object.keys(files), {
    width: 2,
    silence: 60_000,
    longest: 60_000,
    flags: [],
    cwd,
    print: (text) => {
      printed += `${text}\n`;
    },
    ...lanes,
  });
  return { sum, printed };
}

test("a file whose failed test leaves a server open is ended, named with its last output, and the others run on", async (t) => {
  const { sum, printed } = await run(t, { "open.mjs": leavesServerOpen, "well.mjs": passes }, { silence: 5000 });
  assert.deepEqual(sum.failedFiles, ["open.mjs"]);
  assert.match(printed, /open\.mjs hangs: it has printed nothing for 5 s; its last output was:\n.*✖ opens a server/s);
  assert.equal(sum.passed, 1);
  assert.equal(sum.skipped, 1);
  assert.match(printed, /is left out.*no network/);
});

test("a file whose event loop never turns again is ended too, and one that talks for ever", async (t) => {
  const { sum, printed } = await run(t, { "busy.mjs": busy, "talks.mjs": talks }, { silence: 1500, longest: 6000 });
  assert.deepEqual(sum.failedFiles.sort(), ["busy.mjs", "talks.mjs"]);
  assert.match(printed, /busy\.mjs hangs: it has printed nothing/);
  assert.match(printed, /talks\.mjs hangs: it has not ended within 6 s; its last output was:\n.*still here/s);
});

test("a process that a file has left behind does not hold up the run", async (t) => {
  const { sum } = await run(t, { "leaves.mjs": leavesProcess });
  assert.deepEqual(sum.failedFiles, []);
  assert.equal(sum.passed, 1);
});

test("failures are told once more at the end, with the file and its counts", async (t) => {
  const fails = `import { test } from "node:test"; test("is wrong", () => { throw new Error("two is not three"); });`;
  const { sum, printed } = await run(t, { "wrong.mjs": fails, "crashes.mjs": "process.exit(7)" }, { width: 1 });
  assert.deepEqual(sum.failedFiles, ["wrong.mjs", "crashes.mjs"]);
  assert.deepEqual([sum.tests, sum.passed, sum.failed], [1, 0, 1]);
  assert.match(printed, /\nin wrong\.mjs:\n.*two is not three/s);
  assert.match(printed, /crashes\.mjs ended with exit status 7/);
});
