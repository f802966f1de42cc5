import assert from "node:assert/strict";
import test from "node:test";
import {
  billedMs,
  endLine,
  initReportLine,
  initStartLine,
  type Report,
  reportLine,
  restoreReportLine,
  restoreStartLine,
  startLine,
  statusOf,
  timeoutLine,
} from "./lines.ts";

const requestId = "8f507cfc-aaaa-4697-b07a-ac58fc914c95";
const plain: Report = { requestId, durationMs: 128.828, memoryMb: 128, memoryPeakBytes: 73.4 * 1024 * 1024 };

/** AWS SAM CLI finds the end of an invocation with it. */
const samReport = /REPORT RequestId:\s.+ Duration:\s.+\sMemory Size:\s.+\sMax Memory Used:\s.+/;

test("START and END are Lambda's", () => {
  assert.equal(startLine(requestId, "$LATEST"), `START RequestId: ${requestId} Version: $LATEST`);
  assert.equal(endLine(requestId), `END RequestId: ${requestId}`);
});

test("REPORT of a warm invocation is Lambda's", () => {
  assert.equal(
    reportLine(plain),
    `REPORT RequestId: ${requestId}\tDuration: 128.83 ms\tBilled Duration: 129 ms\tMemory Size: 128 MB\tMax Memory Used: 74 MB`,
  );
});

test("REPORT of a first invocation has the init, billed with it, and the ids of a sampled trace", () => {
  const trace = "Root=1-5d9d007f-0a8c7fd024800480aed55ef0;Parent=3d7521a21bbe37ea;Sampled=1";
  assert.equal(
    reportLine({ ...plain, initMs: 166.62, trace }),
    `REPORT RequestId: ${requestId}\tDuration: 128.83 ms\tBilled Duration: 296 ms\tMemory Size: 128 MB\tMax Memory Used: 74 MB` +
      "\tInit Duration: 166.62 ms\tXRAY TraceId: 1-5d9d007f-0a8c7fd024800480aed55ef0\tSegmentId: 3d7521a21bbe37ea\tSampled: true",
  );
});

test("a trace that is not sampled is not reported", () => {
  assert.equal(
    reportLine({ ...plain, trace: "Root=1-5d9d007f-0a8c7fd024800480aed55ef0;Sampled=0" }),
    reportLine(plain),
  );
});

test("REPORT after a restore has it in place of the init", () => {
  assert.match(
    reportLine({ ...plain, restoreMs: 2.1, billedRestoreMs: 1 }),
    /\tBilled Duration: 130 ms\t.*\tMax Memory Used: 74 MB\tRestore Duration: 2\.10 ms\tBilled Restore Duration: 1 ms$/,
  );
});

test("RESTORE_START and RESTORE_REPORT are Lambda's", () => {
  assert.equal(
    restoreStartLine("java:21.v38", "arn:aws:lambda:us-east-1::runtime:81"),
    "RESTORE_START Runtime Version: java:21.v38\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:81",
  );
  assert.equal(restoreReportLine(789.638, undefined), "RESTORE_REPORT Restore Duration: 789.64 ms");
  assert.equal(restoreReportLine(1236.04, "timeout"), "RESTORE_REPORT Restore Duration: 1236.04 ms\tStatus: timeout");
  assert.equal(
    restoreReportLine(1236.04, "Runtime.ExitError"),
    "RESTORE_REPORT Restore Duration: 1236.04 ms\tStatus: error\tError Type: Runtime.ExitError",
  );
});

test("REPORT says how an invocation failed that the platform ended", () => {
  assert.match(reportLine({ ...plain, errorType: "Sandbox.Timedout" }), /Max Memory Used: 74 MB\tStatus: timeout$/);
  assert.match(
    reportLine({ ...plain, errorType: "Runtime.ExitError" }),
    /Max Memory Used: 74 MB\tStatus: error\tError Type: Runtime\.ExitError$/,
  );
});

test("an exception that the handler threw is no failure of the runtime", () => {
  assert.equal(reportLine({ ...plain, errorType: "TypeError" }), reportLine(plain));
  assert.deepEqual(statusOf("Exception"), { status: "success" });
});

test("SAM's regular expression finds every kind of REPORT line", () => {
  for (const extra of [{}, { initMs: 3.1 }, { restoreMs: 2 }, { errorType: "Sandbox.Timedout" }]) {
    assert.match(reportLine({ ...plain, ...extra }), samReport);
  }
});

test("INIT_START and INIT_REPORT are Lambda's", () => {
  assert.equal(
    initStartLine("nodejs:24.v12", "arn:aws:lambda:us-east-1::runtime:0f"),
    "INIT_START Runtime Version: nodejs:24.v12\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:0f",
  );
  assert.equal(
    initReportLine(10010.52, "init", "timeout"),
    "INIT_REPORT Init Duration: 10010.52 ms\tPhase: init\tStatus: timeout",
  );
  assert.equal(
    initReportLine(1.51, "invoke", "Runtime.InvalidEntrypoint"),
    "INIT_REPORT Init Duration: 1.51 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.InvalidEntrypoint",
  );
  assert.equal(initReportLine(9908.09, "init", undefined), "INIT_REPORT Init Duration: 9908.09 ms");
  // What a module threw while it was loaded is no success of the init, whatever its class is called.
  assert.equal(
    initReportLine(1.51, "init", "RangeError"),
    "INIT_REPORT Init Duration: 1.51 ms\tPhase: init\tStatus: error\tError Type: Runtime.Unknown",
  );
});

test("the line about a timeout is Lambda's", () => {
  assert.equal(
    timeoutLine(Date.UTC(2026, 10, 21, 21, 41, 0), requestId, 3),
    `2026-11-21T21:41:00.000Z ${requestId} Task timed out after 3.00 seconds`,
  );
});

test("time is billed in whole milliseconds, rounded up", () => {
  assert.equal(billedMs({ durationMs: 0.01 }), 1);
  assert.equal(billedMs({ durationMs: 2 }), 2);
  assert.equal(billedMs({ durationMs: 1.2, initMs: 3.9 }), 6);
  assert.equal(billedMs({ durationMs: 149.53, billedRestoreMs: 163 }), 313);
});

test("more memory than the function has is never reported", () => {
  assert.match(reportLine({ ...plain, memoryPeakBytes: 2 ** 31 }), /Memory Size: 128 MB\tMax Memory Used: 128 MB$/);
});
