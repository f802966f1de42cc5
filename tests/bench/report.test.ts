import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, measurement, render, styleFor, table } from "../../bench/harness/report.ts";

const plain = styleFor({ isTTY: false });
const goal = { goal: 8, what: "warm", subject: "thaw", baseline: "http", limit: 1.8, direction: "at most" } as const;
const samples = (thaw: number, http: number) =>
  new Map([
    ["thaw", [thaw, thaw, thaw]],
    ["http", [http, http, http]],
  ]);

test("a goal is met on its own side of the limit only", () => {
  assert.equal(judge(goal, samples(1.8, 1), false).met, true);
  assert.equal(judge(goal, samples(1.9, 1), false).met, false);
  assert.equal(judge({ ...goal, direction: "at least" }, samples(1.9, 1), false).met, true);
});

test("a missing side or a loaded machine is not judged, and the report says why", () => {
  assert.deepEqual(judge(goal, new Map([["thaw", [1]]]), false).note, "http is missing");
  const loaded = judge(goal, samples(1, 1), true);
  assert.equal(loaded.met, undefined);
  const report = {
    name: "warm",
    loaded: true,
    measurements: [],
    verdicts: [loaded],
    phases: [],
    missing: [],
    notes: [],
  };
  assert.match(
    render(report, plain),
    /goal 8: warm: thaw \/ http = 1\.00× .* goal ≤ 1\.8×: not judged; the machine was/,
  );
});

test("what cannot be had is listed by name with its reason", () => {
  const report = {
    name: "warm",
    loaded: false,
    measurements: [measurement("thaw", "ms", [1, 2, 3], "v1")],
    verdicts: [],
    phases: [],
    missing: [{ name: "runc", reason: "not installed" }],
    notes: [],
  };
  assert.match(render(report, plain), /not measured: runc: not installed/);
});

test("piped tables have no escape codes and line up", () => {
  const text = table(
    ["a", "number"],
    [
      ["long name", "1.5"],
      ["b", "10.5"],
    ],
    plain,
  );
  assert.equal(text, "a          number\nlong name     1.5\nb            10.5");
});
