import assert from "node:assert/strict";
import { test } from "node:test";
import { markdown } from "../../bench/harness/markdown.ts";
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

test("Markdown has a row for every goal in order, the machine, and what is missing or failed", () => {
  const machine = {
    ...{ cpu: "Test CPU", cores: 2, memoryGiB: 8, kernel: "6.1", engine: "v24.0.0", python: "3.11.7" },
    ...{ commit: "abc1234", load: 0.5, date: "2026-01-01T00:00:00.000Z" },
  };
  const verdicts = [
    judge({ ...goal, goal: 9, unit: "requests/s", direction: "at least" }, samples(3, 1), false),
    judge(goal, samples(2, 1), false),
    judge({ ...goal, subject: "absent" }, samples(2, 1), false),
  ];
  const missing = [{ name: "runc", reason: "not | installed" }];
  const report = { name: "warm", loaded: false, measurements: [], verdicts, phases: [], missing, notes: [] };
  const lines = markdown(machine, [report, { name: "cold", error: "no server" }]).split("\n");
  assert.match(lines[0]!, /^Measured on: 2 × Test CPU, 8 GiB, Linux 6\.1; .*Thaw abc1234; load 0\.5; 2026-01-01/);
  assert.deepEqual(lines.slice(4, 7), [
    "| 8 | warm: thaw | 2.00 / 2.00 ms (3) | http | 1.00 / 1.00 ms (3) | 2.00× (2.00 – 2.00) | ≤ 1.8× | **not met** |",
    "| 8 | warm: absent | – | http | – | – | ≤ 1.8× | not judged: absent is missing |",
    "| 9 | warm: thaw | 3.00 / 3.00 requests/s (3) | http | 1.00 / 1.00 requests/s (3) | 3.00× (3.00 – 3.00) | ≥ 1.8× | met |",
  ]);
  assert.deepEqual(lines.slice(8), ["- Not measured: runc: not \\| installed.", "- cold failed: no server"]);
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
