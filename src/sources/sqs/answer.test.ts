import assert from "node:assert/strict";
import { test } from "node:test";
import { failedItems } from "./answer.ts";
import { createConcurrency } from "./concurrency.ts";

const ids = new Set(["a", "b"]);
const of = (text: string) => failedItems(Buffer.from(text), ids);
const items = (...identifiers: unknown[]) =>
  JSON.stringify({ batchItemFailures: identifiers.map((itemIdentifier) => ({ itemIdentifier })) });

test("an answer without failures is a success", () => {
  for (const text of ["", "null", "{}", '"text"', "7", '{"batchItemFailures":null}', '{"batchItemFailures":[]}']) {
    assert.deepEqual(of(text), new Set(), text);
  }
});

test("named messages failed, the others did not", () => {
  assert.deepEqual(of(items("b")), new Set(["b"]));
  assert.deepEqual(of(items("a", "b")), new Set(["a", "b"]));
});

test("an answer that names nothing right fails the whole batch", () => {
  const bad = [items(""), items(null), items("c"), items("a", "c"), '{"batchItemFailures":[{"key":"a"}]}'];
  for (const text of [...bad, "{", '{"batchItemFailures":{}}', '{"batchItemFailures":[null]}']) {
    assert.equal(of(text), undefined, text);
  }
});

test("concurrency grows while it is used up, halves when there is no place, and keeps within its bounds", () => {
  const concurrency = createConcurrency(8);
  assert.equal(concurrency.limit(), 5);
  concurrency.ran(2);
  assert.equal(concurrency.limit(), 5);
  for (let times = 0; times < 9; times += 1) concurrency.ran(concurrency.limit());
  assert.equal(concurrency.limit(), 8);
  concurrency.throttled(8);
  assert.equal(concurrency.limit(), 4);
  for (let times = 0; times < 9; times += 1) concurrency.throttled(1);
  assert.equal(concurrency.limit(), 1);
  assert.equal(createConcurrency(2).limit(), 2);
});
