import assert from "node:assert/strict";
import { test } from "node:test";
import { readReport } from "./call.ts";
import { bins, compare, finding } from "./findings.ts";
import { htmlReport } from "./html.ts";

const made = (ms: number, start = "warm") => ({ ms, done: 0, start });

test("a REPORT line of AWS says whether the start was cold, and what it cost", () => {
  const line =
    "START RequestId: a\nREPORT RequestId: a\tDuration: 15.74 ms\tBilled Duration: 183 ms\tMemory Size: 128 MB\tMax Memory Used: 45 MB\tInit Duration: 166.62 ms\t\n";
  assert.deepEqual(readReport(line), { start: "cold", handlerMs: 15.74, billedMs: 183, initMs: 166.62, usedMb: 45 });
  const warm = readReport(line.replace(/\tInit.*/, ""));
  assert.deepEqual([warm.start, warm.initMs], ["warm", undefined]);
  assert.deepEqual(readReport(""), { start: "warm" });
});

test("failed calls and cold ones among the warm are counted, and are no samples", () => {
  const found = finding("f", "warm", [made(1), made(90, "plain"), made(3), { ...made(2), failure: "throttled" }]);
  assert.deepEqual(found.samples, [1, 3]);
  assert.deepEqual([found.starts, found.failures], [{ warm: 2, plain: 1 }, { throttled: 1 }]);
  assert.equal(finding("f", "cold", [made(1), made(90, "plain")]).samples.length, 2);
});

test("a comparison has a verdict only when its interval leaves zero out", () => {
  const around = (ms: number) =>
    finding(
      "f",
      "cold",
      Array.from({ length: 20 }, (_, i) => made(ms + (i % 7))),
    );
  assert.equal(compare(around(100), around(20))?.verdict, "slower");
  assert.equal(compare(around(20), around(100))?.verdict, "faster");
  assert.equal(compare(around(20), around(20))?.verdict, undefined);
  assert.equal(compare(around(20), finding("g", "cold", [])), undefined);
});

test("bins hold every sample once, and one straggler does not flatten them", () => {
  const samples = [...Array.from({ length: 99 }, (_, i) => 10 + i / 100), 5000];
  const found = bins(samples);
  assert.equal(
    found.reduce((sum, bin) => sum + bin.count, 0),
    100,
  );
  assert.ok(found.filter((bin) => bin.count > 0).length > 8);
  assert.deepEqual(bins([4, 4, 4]), [{ from: 4, to: 4, count: 3 }]);
});

test("a report fetches nothing, runs nothing, and shows names as text", () => {
  const found = finding(
    "<script>f",
    "cold",
    [1, 2, 3, 4].map((ms) => made(ms)),
  );
  const page = htmlReport({ title: "f & g", facts: ["<b>"], findings: [found], comparisons: [] });
  assert.doesNotMatch(page, /<script|src=|href=|url\(|@import|<b>/);
  assert.match(page, /f &amp; g/);
  assert.match(page, /<svg role="img" aria-label="Histogram of &lt;script&gt;f cold"/);
});
