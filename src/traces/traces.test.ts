import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { FunctionVersion, Timing } from "../model/index.ts";
import { segmentsOf, withSegment } from "./invocation-segments.ts";
import { readDatagram, type SegmentDocument } from "./segment.ts";
import { createTraces } from "./traces.ts";

const hex = (number: number, digits: number) => number.toString(16).padStart(digits, "0");
const traceId = (number: number) => `1-${hex(number, 8)}-${hex(number, 24)}`;
const segment = (number: number, more: object = {}): SegmentDocument => ({
  name: "n",
  id: hex(number, 16),
  trace_id: traceId(number),
  start_time: number,
  end_time: number + 1,
  ...more,
});

test("what was put is read at once, outlives the process, and is each account's and region's own", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "thaw-traces-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "traces.sqlite");
  const needs = { path, clock: () => 100_000, report: assert.ifError };
  const first = createTraces(needs);
  first.put("a", "r", [segment(5, { in_progress: true }), segment(6)]);
  first.put("b", "r", [segment(5)]);
  assert.deepEqual(first.between("a", "r", 0, 10), [traceId(6), traceId(5)]);
  first.put("a", "r", [segment(5)]);
  first.close();
  const again = createTraces(needs);
  // The finished one has taken the place of the one in progress.
  assert.deepEqual(again.read("a", "r", traceId(5)), [segment(5)]);
  assert.deepEqual(again.read("a", "s", traceId(5)), []);
  assert.deepEqual(again.between("b", "r", 5, 5), [traceId(5)]);
  again.close();
});

test("the oldest make room for the newest, and what is older than 30 days goes", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "thaw-traces-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "traces.sqlite");
  const day = 86_400;
  let now = 100 * day;
  const budgetBytes = 1024 * 1024;
  const traces = createTraces({ path, clock: () => now * 1e3, report: assert.ifError, budgetBytes });
  const filler = "x".repeat(1000);
  traces.put("a", "r", [segment(60 * day)]);
  for (let round = 0; round < 5; round += 1) {
    const documents = Array.from({ length: 1000 }, (_, index) => segment(now + index, { metadata: { filler } }));
    traces.put("a", "r", documents);
    now += 1000;
    traces.flush();
  }
  traces.put("a", "r", [segment(now)]);
  now += 100;
  traces.flush();
  assert.deepEqual(traces.read("a", "r", traceId(60 * day)), []);
  const left = traces.between("a", "r", 0, 1e9);
  assert.equal(left[0], traceId(now - 100));
  assert.ok(left.length > 100 && left.length < 1200, `${left.length} are left`);
  traces.close();
  assert.ok(statSync(path).size < 8 * budgetBytes);
});

test("the function's segment takes the caller's place in the header", () => {
  const root = traceId(7);
  const newId = () => hex(9, 16);
  const at = (header: string) => withSegment(header, newId);
  assert.deepEqual(at(`Root=${root};Parent=${hex(1, 16)};Sampled=1;Lineage=1:a:0`), {
    header: `Root=${root};Parent=${hex(9, 16)};Sampled=1;Lineage=1:a:0`,
    place: { trace: root, parent: hex(1, 16), service: hex(9, 16), function: hex(9, 16) },
  });
  assert.equal(
    at(`Parent=${hex(1, 16)};Root=${root};Sampled=1`)?.header,
    `Root=${root};Parent=${hex(9, 16)};Sampled=1`,
  );
  assert.equal(at(`Root=${root};Sampled=1`)?.place.parent, undefined);
  assert.equal(at("Root=1-2;Sampled=1"), undefined);
});

test("a datagram is a header and a document; nothing else is one", () => {
  const document = JSON.stringify(segment(3));
  const read = (text: string) => readDatagram(Buffer.from(text));
  assert.deepEqual(read(`{"format": "json", "version": 1}\n${document}`), segment(3));
  for (const wrong of [
    "",
    document,
    `\n${document}`,
    `{"format":"xml"}\n${document}`,
    '{"format":"json"}\n{}',
    "\u0000\n{",
  ]) {
    assert.throws(() => read(wrong), { name: "InvalidSegment" }, wrong);
  }
});

test("a start is Initialization, or Restore of a copy, none of a warm call; what adds up to the function's time", () => {
  const phases = { place: 2, sandbox: 3, agent: 4, runtimeBoot: 0, codeInit: 0, restore: 5, hooks: 6, handler: 20 };
  const timing: Timing = { start: "restore", total: 50, admit: 1, ...phases, response: 4, unexplained: 5 };
  const target = { name: "f", arn: "arn:f", account: "a", region: "r", logGroup: "g" } as FunctionVersion;
  const place = { trace: traceId(1), parent: undefined, service: hex(1, 16), function: hex(2, 16) };
  const of = (start: Timing["start"]) => {
    const run = { target, requestId: "r", place, ended: 10_000, total: 50, failure: undefined, refused: undefined };
    return segmentsOf({ ...run, timing: { ...timing, start }, newId: () => hex(3, 16) });
  };
  const times = ({ name, start_time, end_time = 0 }: SegmentDocument) =>
    [name, Math.round(start_time * 1e3), Math.round(end_time * 1e3)] as const;
  const [service, own] = of("restore") as [SegmentDocument, SegmentDocument];
  assert.deepEqual(times(service), ["f", 9950, 10_000]);
  assert.deepEqual(times(own), ["f", 9953, 10_000]);
  assert.deepEqual(own.subsegments?.map(times), [
    ["Restore", 9953, 9971],
    ["Invocation", 9971, 9991],
    ["Overhead", 9991, 10_000],
  ]);
  const names = (start: Timing["start"]) => of(start)[1]?.subsegments?.map(({ name }) => name);
  assert.deepEqual(names("plain"), ["Initialization", "Invocation", "Overhead"]);
  assert.deepEqual(names("pool"), ["Initialization", "Invocation", "Overhead"]);
  assert.deepEqual(names("warm"), ["Invocation", "Overhead"]);
});
