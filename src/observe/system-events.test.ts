import assert from "node:assert/strict";
import test from "node:test";
import type { Report } from "./lines.ts";
import * as system from "./system-events.ts";

const requestId = "6d68ca91-49c9-448d-89b8-7ca3e6dc66aa";
const at = Date.UTC(2022, 9, 12, 0, 1, 15);
const report: Report = { requestId, durationMs: 693.92, memoryMb: 128, memoryPeakBytes: 84 * 1024 * 1024 };

const init: system.Init = { initializationType: "on-demand", phase: "init", durationMs: 1, errorType: undefined };

function line(event: system.SystemEvent, level = "DEBUG"): unknown {
  const text = system.systemLine(event, at, level);
  return text === undefined ? undefined : JSON.parse(text);
}

test("platform.report has the members of AWS's example", () => {
  assert.deepEqual(line(system.report({ ...report, initMs: 397.68 })), {
    time: "2022-10-12T00:01:15.000Z",
    type: "platform.report",
    record: {
      requestId,
      status: "success",
      metrics: {
        durationMs: 693.92,
        billedDurationMs: 1092,
        memorySizeMB: 128,
        maxMemoryUsedMB: 84,
        initDurationMs: 397.68,
      },
    },
  });
});

test("platform.start has the trace as AWS's example", () => {
  const value = "Root=1-62e900b2-710d76f009d6e7785905449a;Parent=0efbd19962d95b05;Sampled=1";
  assert.deepEqual(line(system.start(requestId, "$LATEST", value, undefined)), {
    time: "2022-10-12T00:01:15.000Z",
    type: "platform.start",
    record: {
      requestId,
      version: "$LATEST",
      tracing: { spanId: "0efbd19962d95b05", type: "X-Amzn-Trace-Id", value },
    },
  });
});

test("platform.runtimeDone and platform.report say that an invocation timed out", () => {
  const timedOut = { ...report, errorType: "Sandbox.Timedout" };
  for (const event of [system.runtimeDone(timedOut), system.report(timedOut)]) {
    assert.equal(event.record.status, "timeout");
    assert.equal(event.record.errorType, undefined);
  }
});

test("platform.initReport names the error type of a failed init", () => {
  assert.deepEqual(system.initReport({ ...init, durationMs: 125.3312, errorType: "Runtime.ExitError" }).record, {
    initializationType: "on-demand",
    phase: "init",
    status: "error",
    errorType: "Runtime.ExitError",
    metrics: { durationMs: 125.331 },
  });
});

test("SystemLogLevel keeps what is at least as grave", () => {
  const failed = { ...report, errorType: "Runtime.ExitError" };
  const levels = (event: system.SystemEvent) =>
    ["DEBUG", "INFO", "WARN"].map((level) => line(event, level) !== undefined);
  assert.deepEqual(levels(system.start(requestId, "1", undefined, undefined)), [true, true, false]);
  assert.deepEqual(levels(system.report(report)), [true, true, false]);
  assert.deepEqual(levels(system.report(failed)), [true, true, true]);
  assert.deepEqual(levels(system.runtimeDone(report)), [true, false, false]);
  assert.deepEqual(levels(system.runtimeDone(failed)), [true, true, true]);
  assert.deepEqual(levels(system.initRuntimeDone(init)), [true, false, false]);
  assert.deepEqual(levels(system.initReport(init)), [true, false, false]);
  assert.deepEqual(levels(system.initReport({ ...init, initializationType: "snap-start" })), [true, true, false]);
  assert.deepEqual(levels(system.restoreRuntimeDone(undefined)), [true, false, false]);
  assert.deepEqual(levels(system.restoreReport(1, undefined)), [true, true, false]);
  assert.deepEqual(levels(system.restoreReport(1, "timeout")), [true, true, true]);
});

test("the events of a restore have the members of AWS's schema", () => {
  const environment: system.Environment = {
    initializationType: "snap-start",
    functionName: "myFunction",
    functionVersion: "2",
    instanceId: "82561ce0",
    memoryMb: 256,
    runtimeVersion: "nodejs:22.1.0",
    runtimeVersionArn: "arn",
  };
  assert.deepEqual(line(system.restoreStart(environment)), {
    time: "2022-10-12T00:01:15.000Z",
    type: "platform.restoreStart",
    record: {
      runtimeVersion: "nodejs:22.1.0",
      runtimeVersionArn: "arn",
      functionName: "myFunction",
      functionVersion: "2",
      instanceId: "82561ce0",
      instanceMaxMemory: 256 * 1024 * 1024,
    },
  });
  assert.deepEqual(system.restoreRuntimeDone("timeout").record, { status: "timeout" });
  assert.deepEqual(system.restoreReport(15.19, undefined).record, {
    status: "success",
    metrics: { durationMs: 15.19 },
  });
});
