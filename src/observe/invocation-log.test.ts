import assert from "node:assert/strict";
import test from "node:test";
import type { FunctionVersion, Invocation } from "../model/index.ts";
import { openInvocationLog } from "./invocation-log.ts";

const at = Date.UTC(2026, 10, 21, 21, 41, 0);

const target: FunctionVersion = {
  account: "000000000000",
  region: "us-east-1",
  name: "shop",
  version: "$LATEST",
  arn: "arn:aws:lambda:us-east-1:000000000000:function:shop",
  key: "k",
  runtime: "nodejs22.x",
  handler: "index.handler",
  architecture: "x86_64",
  memoryMb: 128,
  timeoutSeconds: 3,
  ephemeralMb: 512,
  environment: {},
  code: { digest: "00", size: 1 },
  layers: [],
  logFormat: "Text",
  logGroup: "/aws/lambda/shop",
  applicationLogLevel: "INFO",
  systemLogLevel: "INFO",
  tracing: "PassThrough",
  reservedConcurrency: undefined,
  provisionedConcurrency: 0,
  snapStart: false,
  network: "none",
};

function invocation(tail: boolean): Invocation {
  return { requestId: "id-1", target, invokedArn: target.arn, payload: Buffer.alloc(0), tail, received: 0 };
}

function open(over: Partial<FunctionVersion> = {}) {
  const lines: string[] = [];
  const log = openInvocationLog({
    target: { ...target, ...over },
    stream: "2026/11/21/[$LATEST]0123456789abcdef0123456789abcdef",
    append: (_account, _group, _stream, _at, message) => lines.push(message),
    clock: () => at,
  });
  return { log, lines };
}

const finished = { durationMs: 1.2, initMs: undefined, memoryPeakBytes: 1e6, errorType: undefined };

test("an invocation's output stands between START and END in the order it came", () => {
  const { log, lines } = open();
  log.begin(invocation(false));
  log.write(0, Buffer.from("a\nb"));
  log.write(2, Buffer.from("framed\nin two lines"));
  log.write(0, Buffer.from("c\n"));
  assert.equal(log.end({ ...finished, tail: false }), undefined);
  assert.deepEqual(lines.slice(0, 5), [
    "START RequestId: id-1 Version: $LATEST",
    "a",
    "framed\nin two lines",
    "bc",
    "END RequestId: id-1",
  ]);
  assert.match(lines[5]!, /^REPORT RequestId: id-1\tDuration: 1\.20 ms\t/);
});

test("standard output and standard error keep their unfinished lines apart", () => {
  const { log, lines } = open();
  log.begin(invocation(false));
  log.write(0, Buffer.from("out"));
  log.write(1, Buffer.from("err"));
  log.write(0, Buffer.from("put\n"));
  log.end({ ...finished, tail: false });
  assert.deepEqual(lines.slice(1, 3), ["output", "err"]);
});

test("the tail has this invocation's lines only, from START to REPORT", () => {
  const { log } = open();
  log.initStart("22.23.3");
  log.write(0, Buffer.from("while loading\n"));
  log.begin(invocation(true));
  log.write(0, Buffer.from("hello\n"));
  const tail = log.end({ ...finished, tail: true })!.toString();
  assert.match(tail, /^START RequestId: id-1 Version: \$LATEST\nhello\nEND RequestId: id-1\nREPORT [^\n]+\n$/);
});

test("the tail is the last 4 KB of a long log and begins at a whole character", () => {
  const { log } = open();
  log.begin(invocation(true));
  for (let line = 0; line < 2000; line++) log.write(0, Buffer.from(`${"é".repeat(40)}${line}\n`));
  const tail = log.end({ ...finished, tail: true })!;
  assert.ok(tail.length <= 4096 && tail.length > 4080, `${tail.length} bytes`);
  const text = tail.toString();
  assert.ok(!text.includes("\ufffd"));
  assert.match(text, /1999\nEND RequestId: id-1\nREPORT [^\n]+\n$/);
});

test("INIT_START names the exact runtime and an ARN that depends on nothing else", () => {
  const [one, other] = [open(), open({ name: "other" })];
  one.log.initStart("22.23.3");
  other.log.initStart("22.23.3");
  assert.match(
    one.lines[0]!,
    /^INIT_START Runtime Version: nodejs:22\.23\.3\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}$/,
  );
  assert.deepEqual(one.lines, other.lines);
});

test("a runtime that the function brings has Lambda's name for a version", () => {
  const { log, lines } = open({ runtime: "provided.al2023" });
  log.initStart("");
  assert.match(lines[0]!, /^INIT_START Runtime Version: provided:al2023\t/);
});

test("a timeout is reported as having taken exactly that long", () => {
  const { log, lines } = open();
  log.begin(invocation(false));
  log.end({ ...finished, durationMs: 3004.7, errorType: "Sandbox.Timedout", tail: false });
  assert.match(lines.at(-1)!, /\tDuration: 3000\.00 ms\tBilled Duration: 3000 ms\t.*\tStatus: timeout$/);
});

test("in JSON format plain output becomes an object with level, request id and time", () => {
  const { log, lines } = open({ logFormat: "JSON" });
  log.begin(invocation(false));
  log.write(0, Buffer.from("hello\n"));
  log.end({ ...finished, tail: false });
  const [start, hello, report] = lines.map((line) => JSON.parse(line));
  assert.equal(start.type, "platform.start");
  assert.deepEqual(hello, {
    timestamp: "2026-11-21T21:41:00.000Z",
    level: "INFO",
    requestId: "id-1",
    message: "hello",
  });
  assert.equal(report.type, "platform.report");
  assert.equal(lines.length, 3);
});

test("in JSON format the function's own objects are kept as they are, and filtered by their level", () => {
  const { log, lines } = open({ logFormat: "JSON", applicationLogLevel: "WARN", systemLogLevel: "WARN" });
  log.begin(invocation(false));
  log.write(0, Buffer.from('{"level":"debug","message":"no"}\n{"level":"ERROR","n":1.0}\nplain\n{broken\n'));
  log.end({ ...finished, tail: false });
  assert.deepEqual(lines, ['{"level":"ERROR","n":1.0}']);
});

test("a failed init is reported with its phase in both formats", () => {
  const text = open();
  text.log.write(1, Buffer.from("no newline"));
  text.log.initReport(12.3456, "init", "Runtime.ExitError");
  assert.deepEqual(text.lines, [
    "no newline",
    "INIT_REPORT Init Duration: 12.35 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError",
  ]);
  const json = open({ logFormat: "JSON" });
  json.log.initReport(12.3456, "invoke", "timeout");
  assert.deepEqual(
    json.lines.map((line) => JSON.parse(line).type),
    ["platform.initRuntimeDone", "platform.initReport"],
  );
});

test("a restore stands before START, and REPORT has its duration in place of the init", () => {
  const { log, lines } = open({ version: "2", snapStart: true });
  log.restoreStart("22.1.0");
  log.write(0, Buffer.from("hook"));
  log.restoreReport(4.2, undefined);
  log.begin(invocation(false));
  log.end({ ...finished, restore: { durationMs: 4.2, runtimeMs: 0.4 }, tail: false });
  assert.match(lines[0]!, /^RESTORE_START Runtime Version: nodejs:22\.1\.0\tRuntime Version ARN: arn:/);
  assert.deepEqual(lines.slice(1, 3), ["hook", "RESTORE_REPORT Restore Duration: 4.20 ms"]);
  assert.match(
    lines.at(-1)!,
    /\tBilled Duration: 3 ms\t.*\tRestore Duration: 4\.20 ms\tBilled Restore Duration: 1 ms$/,
  );
});

test("in JSON format a snapshot's init and its restore are the Telemetry API's events", () => {
  const { log, lines } = open({ version: "2", snapStart: true, logFormat: "JSON", systemLogLevel: "DEBUG" });
  log.initStart("22.1.0");
  log.initReport(9.5, "init", undefined);
  log.restoreStart("22.1.0");
  log.restoreReport(4.2, "timeout");
  const events = lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map((event) => event.type),
    [
      "platform.initStart",
      "platform.initRuntimeDone",
      "platform.initReport",
      "platform.restoreStart",
      "platform.restoreRuntimeDone",
      "platform.restoreReport",
    ],
  );
  assert.equal(events[0].record.initializationType, "snap-start");
  assert.equal(events[5].record.status, "timeout");
});
