import assert from "node:assert/strict";
import { test } from "node:test";
import type { SourceKind } from "../registry/index.ts";
import { createFilter } from "./filtering.ts";

const filter = (kind: SourceKind, ...patterns: object[]) =>
  createFilter(kind, { FilterCriteria: { Filters: patterns.map((one) => ({ Pattern: JSON.stringify(one) })) } });
const coded = (text: string) => Buffer.from(text).toString("base64");

test("without patterns everything passes, with several what any of them fits", () => {
  assert.ok(createFilter("sqs", {})({ body: "x" }));
  const fits = filter("sqs", { body: { a: [1] } }, { body: { a: [2] } });
  assert.deepEqual(
    [1, 2, 3].map((a) => fits({ body: JSON.stringify({ a }) })),
    [true, true, false],
  );
});

test("data and pattern must be of one kind, as AWS's tables of each source say", () => {
  const text = "plain";
  const json = '{"a":"b"}';
  for (const [kind, name, itemOf] of [
    ["sqs", "body", (body: string) => ({ body, eventSource: "aws:sqs" })],
    ["kinesis", "data", (data: string) => ({ kinesis: { data: coded(data) }, eventSource: "aws:kinesis" })],
    ["kafka", "value", (value: string) => ({ value: coded(value), eventSource: "x" })],
    ["rabbitmq", "data", (data: string) => ({ data: coded(data), eventSource: "x" })],
  ] as const) {
    const passes = (data: string, pattern: object) => filter(kind, pattern)(itemOf(data));
    assert.equal(passes(text, { [name]: ["plain"] }), true, kind);
    assert.equal(passes(text, { [name]: ["other"] }), false, kind);
    assert.equal(passes(text, { [name]: { a: ["b"] } }), false, kind);
    assert.equal(passes(text, { [name]: { a: [{ exists: false }] } }), false, kind);
    assert.equal(passes(json, { [name]: { a: ["b"] } }), true, kind);
    assert.equal(passes(json, { [name]: { a: ["c"] } }), false, kind);
    assert.equal(passes(json, { [name]: [json] }), false, kind);
    for (const data of [text, json]) {
      assert.equal(passes(data, { eventSource: [{ exists: true }] }), true, kind);
      assert.equal(passes(data, { eventSource: ["another"] }), false, kind);
    }
  }
});

test("metadata can be asked for: of a message, of a record of Kinesis beside its data, of DynamoDB as it is", () => {
  const message = { body: "x", messageAttributes: { kind: { stringValue: "a" } } };
  assert.ok(filter("sqs", { messageAttributes: { kind: { stringValue: ["a"] } } })(message));
  assert.ok(filter("kinesis", { partitionKey: ["k"] })({ kinesis: { partitionKey: "k", data: coded("x") } }));
  const change = { eventName: "INSERT", dynamodb: { NewImage: { n: { N: "7" } } } };
  assert.ok(filter("dynamodb", { eventName: ["INSERT"], dynamodb: { NewImage: { n: { N: ["7"] } } } })(change));
});
