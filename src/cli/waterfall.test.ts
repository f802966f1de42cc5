import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { type Timing, waterfall } from "./waterfall.ts";

const cold: Timing = {
  start: "plain",
  total: 40,
  admit: 0,
  place: 0,
  sandbox: 1,
  agent: 1,
  runtimeBoot: 28,
  codeInit: 8,
  restore: 0,
  hooks: 0,
  handler: 2,
  response: 0,
  unexplained: 0,
};

test("phases that occurred have a line each, beginning where the one before ended", () => {
  const lines = waterfall(cold, 40).map(stripVTControlCharacters);
  assert.equal(lines[0], "cold start: 40 ms");
  assert.deepEqual(
    lines.slice(1).map((line) => line.trim().split(/\s+/)[0]),
    ["sandbox", "agent", "runtimeBoot", "codeInit", "handler"],
  );
  const from = (line: string): number => line.indexOf("█");
  const starts = lines.slice(1).map(from);
  assert.deepEqual(
    starts,
    [...starts].sort((a, b) => a - b),
  );
  assert.equal(from(lines[4]!) - from(lines[1]!), 30);
});

test("a warm start of nothing does not divide by zero", () => {
  const warm: Timing = {
    ...cold,
    start: "warm",
    total: 0,
    sandbox: 0,
    agent: 0,
    runtimeBoot: 0,
    codeInit: 0,
    handler: 0,
  };
  assert.deepEqual(waterfall(warm), ["warm start: 0.00 ms"]);
});
