import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../../bench/bench.ts", import.meta.url));
const bench = (...args: string[]) => spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });

test("bench --list names every benchmark with what it is about", () => {
  const { status, stdout } = bench("--list");
  assert.equal(status, 0);
  for (const name of [
    "cold",
    "restore",
    "pool",
    "memory",
    "burst",
    "churn",
    "provisioned",
    "deploy",
    "sandbox",
    "warm",
  ])
    assert.match(stdout, new RegExp(`^${name} +goal`, "m"));
});

test("bench refuses what it does not know with exit code 2 and the usage", () => {
  for (const args of [[], ["hot"], ["cold", "--rounds", "many"], ["cold", "--json", "--markdown"], ["--nonsense"]]) {
    const { status, stderr, stdout } = bench(...args);
    assert.equal(status, 2, args.join(" "));
    assert.match(stderr, /usage: npm run bench -- cold\|/);
    assert.equal(stdout, "");
  }
});
