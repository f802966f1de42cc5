import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { phaseNames } from "../../bench/subject/index.ts";
import { misfits, type Shape } from "./shape.ts";

const script = fileURLToPath(new URL("../../bench/demo.ts", import.meta.url));
const numbers = (...names: readonly string[]): Shape => Object.fromEntries(names.map((name) => [name, "number"]));
const summary = numbers("count", "min", "p50", "p95", "p99", "max", "mean", "deviation", "low", "high");
const phases = numbers(...phaseNames);
const start: Shape = { firstByte: summary, phases, outside: summary, unexplained: "number" };
/** But for `starts`, which has a member for every way of starting that there is. */
const row: Shape = {
  name: "string",
  version: "string",
  without: { plain: "string?", pool: "string?", restore: "string?" },
  asked: "boolean",
  warm: summary,
  warmPhases: phases,
  warmOutside: summary,
  mission: { cold: "number?", warm: "number?" },
};
const jvm: Shape = {
  version: "string",
  start: "string",
  cold: summary,
  ...(numbers("plain", "publish", "first") as object),
};
/** But for `jvm`, which only a machine with a JDK has. */
const document: Shape = {
  machine: {
    ...(numbers("cores", "memoryGiB", "load") as object),
    ...Object.fromEntries(["cpu", "kernel", "engine", "python", "commit", "date"].map((name) => [name, "string"])),
  },
  driver: "string",
  memoryMb: "number",
  calls: numbers("cold", "warm"),
  busy: "string?",
  runtimes: [row],
  missing: [{ name: "string", reason: "string" }],
  mission: {
    cold: numbers("node", "python", "java", "dotnet", "go", "rust"),
    warm: numbers("node", "python", "java", "go"),
    breakdown: numbers("request", "scheduling", "vm", "runtime", "code"),
  },
};

test("the demo prints one JSON document of its shape, and leaves nothing in the temporary directory", async () => {
  const temporary = mkdtempSync(join(tmpdir(), "thaw-test-demo-"));
  try {
    const env = { ...process.env, TMPDIR: temporary };
    const { stdout } = await promisify(execFile)(process.execPath, [script, "--json", "--quick"], { env });
    type Numbers = Record<string, number>;
    const { jvm: found, ...report } = JSON.parse(stdout) as {
      calls: { cold: number; warm: number };
      runtimes: { name: string; starts: Record<string, { firstByte: Numbers }>; warm: Numbers }[];
      jvm?: object;
      missing: { name: string }[];
    };
    const runtimes = report.runtimes.map(({ starts: _, ...rest }) => rest);
    assert.deepEqual(misfits({ ...report, runtimes }, document), []);
    if (found) assert.deepEqual(misfits(found, jvm), []);
    const named = [...report.runtimes, ...report.missing].map(({ name }) => name);
    for (const name of ["Node.js", "Python", "Go|Rust", "shell", "Java", "Ruby", "\\.NET"]) {
      assert.ok(
        named.some((one) => new RegExp(name).test(one)),
        `${name} is neither shown nor missing`,
      );
    }
    for (const { name, starts, warm } of report.runtimes) {
      assert.ok(starts.plain, `${name} has no plain start`);
      for (const [rung, one] of Object.entries(starts)) {
        assert.match(rung, /^(plain|pool|restore)$/);
        assert.deepEqual(misfits(one, start), [], `${name}, ${rung}`);
      }
      assert.deepEqual([starts.plain.firstByte.count, warm.count], [report.calls.cold, report.calls.warm], name);
      for (const { min, p50, p99, max } of [...Object.values(starts).map((one) => one.firstByte), warm]) {
        assert.ok(0 < min! && min! <= p50! && p50! <= p99! && p99! <= max!, name);
      }
    }
    assert.deepEqual(
      readdirSync(temporary).filter((entry) => entry.startsWith("thaw-")),
      [],
    );
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
});

test("a document that lacks, adds or breaks something is not of its shape", () => {
  const shape: Shape = { a: "number", b: [{ c: "string?" }] };
  assert.deepEqual(misfits({ a: 1, b: [{}, { c: "x" }] }, shape), []);
  assert.deepEqual(misfits({ a: null, b: [{ c: 1 }], d: 1 }, shape), [
    "$.d is not known",
    "$.a: null is no number",
    "$.b[0].c: 1 is no string",
  ]);
  assert.deepEqual(misfits([], shape), ["$ is no object"]);
});
