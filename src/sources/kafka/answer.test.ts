import assert from "node:assert/strict";
import { test } from "node:test";
import { readAnswer } from "./answer.ts";
import type { KafkaRecord } from "./event.ts";

const record = (lane: string, offset: bigint): KafkaRecord => ({ lane, offset, arrived: 0, json: "{}", bytes: 2 });
const batch = [record("t-0", 5n), record("t-0", 6n), record("t-1", 9n), record("t-0", 7n)];
const read = (answer: unknown, reportsItems = true) =>
  readAnswer(Buffer.from(JSON.stringify(answer)), batch, reportsItems);
const failures = (...items: unknown[]) => ({ batchItemFailures: items.map((itemIdentifier) => ({ itemIdentifier })) });

test("of a partition with a failure all from it on is sent again, of others nothing", () => {
  const { done, rest } = read(failures({ partition: "t-0", offset: 7 }, { partition: "t-0", offset: 6 }));
  assert.deepEqual(
    done.map(({ lane, offset }) => `${lane} ${offset}`),
    ["t-0 5", "t-1 9"],
  );
  assert.deepEqual(
    rest.map(({ lane, offset }) => `${lane} ${offset}`),
    ["t-0 6", "t-0 7"],
  );
});

test("an answer that names nothing is a success, one that names what is not there a failure of all", () => {
  for (const answer of [null, {}, { batchItemFailures: [] }, { batchItemFailures: null }, failures()]) {
    assert.equal(read(answer).rest.length, 0, JSON.stringify(answer));
  }
  const bad = [null, "t-0-6", "", {}, { partition: "t-0" }, { partition: "t-0", offset: 8 }, { offset: 6 }];
  for (const one of [...bad.map((item) => failures(item)), { batchItemFailures: "t-0" }]) {
    assert.equal(read(one).done.length, 0, JSON.stringify(one));
  }
  assert.equal(readAnswer(Buffer.from("{"), batch, true).done.length, 0);
});

test("who does not ask for partial answers does not read them", () => {
  assert.equal(read(failures({ partition: "t-0", offset: 6 }), false).rest.length, 0);
});
