import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const main = join(import.meta.dirname, "../../src/cli/main.ts");
const simulate = (...args: string[]) =>
  spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", main, "simulate", ...args], {
    encoding: "utf8",
  });

test("a timer of a quarter of an hour is cold each time under ten fixed minutes, and hardly ever under the platform's policy", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "thaw-simulate-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const record = join(folder, "calls.csv");
  const rows = Array.from({ length: 96 }, (_, index) => `${index * 900_000},report,800,512,640`);
  writeFileSync(record, `time,function,duration,memory,init\n${rows.join("\n")}\n`);
  const { stdout, status } = simulate(record, "--policy", "fixed:10m", "--policy", "thaw", "--json");
  assert.equal(status, 0);
  const [fixed, thaw] = JSON.parse(stdout).policies;
  assert.equal(fixed.coldStarts, 96);
  assert.ok(thaw.coldStarts < 10, String(thaw.coldStarts));
  assert.ok(thaw.idleGbSeconds < fixed.idleGbSeconds / 5, `${thaw.idleGbSeconds} of ${fixed.idleGbSeconds}`);
});

test("a burst on two CPUs, a wrong policy and a record that is none", () => {
  const { stdout } = simulate("--burst", "100", "--cpus", "2", "--start", "9ms", "--run", "10s", "--json");
  assert.equal(JSON.parse(stdout).bursts[0].lastServedMs, 450);
  const wrong = simulate("--policy", "lru");
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /--policy lru is no policy/);
  const none = simulate(main);
  assert.equal(none.status, 1);
  assert.match(none.stderr, /columns time and function/);
});
