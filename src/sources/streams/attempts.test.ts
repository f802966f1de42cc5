import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../tests/properties.ts";
import { type Batch, consequenceOf, cutByAge, type RetryRules, type Verdict } from "./attempts.ts";

interface Sent {
  readonly records: readonly number[];
}

/** Sends records 0 to n-1 as one batch until there is nothing more to send. */
function play(count: number, rules: RetryRules, judge: (records: readonly number[]) => Verdict) {
  const sent: Sent[] = [];
  const done: number[] = [];
  const givenUp: Batch<number>[] = [];
  const stack: Batch<number>[] = [{ records: Array.from({ length: count }, (_, index) => index), failures: 0 }];
  for (let batch = stack.shift(); batch !== undefined; batch = stack.shift()) {
    assert.ok(sent.length < 5000, "no end");
    sent.push({ records: batch.records });
    const result = consequenceOf(batch, judge(batch.records), rules);
    done.push(...batch.records.slice(0, result.done));
    stack.unshift(...result.next);
    if (result.givenUp !== undefined) givenUp.push(result.givenUp);
  }
  return { sent: sent.map(({ records }) => records), done, givenUp };
}

const failsWith = (bad: ReadonlySet<number>) => (records: readonly number[]) =>
  records.some((one) => bad.has(one)) ? ({ kind: "failed", from: 0 } as const) : ({ kind: "done" } as const);

test("a batch that fails is sent again as often as is allowed, and then given up", () => {
  const { sent, givenUp } = play(3, { bisect: false, retries: 2 }, failsWith(new Set([1])));
  assert.deepEqual(sent, [
    [0, 1, 2],
    [0, 1, 2],
    [0, 1, 2],
  ]);
  assert.deepEqual(givenUp, [{ records: [0, 1, 2], failures: 3 }]);
});

test("what a function did before its first failure is not sent again", () => {
  const { sent, done, givenUp } = play(3, { bisect: false, retries: 1 }, (records) => ({
    kind: "failed",
    from: Math.max(records.indexOf(1), 0),
  }));
  assert.deepEqual(sent, [
    [0, 1, 2],
    [1, 2],
  ]);
  assert.deepEqual(done, [0]);
  assert.deepEqual(givenUp, [{ records: [1, 2], failures: 2 }]);
});

test("splitting finds the record that fails, and gives it all its retries", () => {
  const { sent, done, givenUp } = play(4, { bisect: true, retries: 1 }, failsWith(new Set([2])));
  assert.deepEqual(sent, [[0, 1, 2, 3], [0, 1], [2, 3], [2], [2], [3]]);
  assert.deepEqual(done, [0, 1, 3]);
  assert.deepEqual(givenUp, [{ records: [2], failures: 2 }]);
});

test("with partial answers a batch is split where the function says", () => {
  const { sent, givenUp } = play(5, { bisect: true, retries: 0 }, (records) => {
    const from = records.indexOf(3);
    return from === -1 ? { kind: "done" } : { kind: "failed", from };
  });
  assert.deepEqual(sent, [[0, 1, 2, 3, 4], [3, 4], [3], [4]]);
  assert.deepEqual(givenUp, [{ records: [3], failures: 1 }]);
});

test("whatever fails: every record is done or given up once, in order, and only what fails is given up when batches are split", () => {
  const game = fc.record({
    count: fc.integer({ min: 1, max: 40 }),
    bad: fc.uniqueArray(fc.nat(39), { maxLength: 6 }),
    bisect: fc.boolean(),
    partial: fc.boolean(),
    retries: fc.nat(3),
  });
  fc.assert(
    fc.property(game, ({ count, bad, bisect, partial, retries }) => {
      const isBad = new Set(bad);
      const { sent, done, givenUp } = play(count, { bisect, retries }, (records) => {
        const first = records.findIndex((one) => isBad.has(one));
        return first === -1 ? { kind: "done" } : { kind: "failed", from: partial ? first : 0 };
      });
      const lost = givenUp.flatMap(({ records }) => records);
      assert.deepEqual(
        [...done, ...lost].sort((a, b) => a - b),
        Array.from({ length: count }, (_, index) => index),
      );
      for (const one of done) assert.ok(!isBad.has(one));
      if (bisect) for (const one of lost) assert.ok(isBad.has(one));
      // What is sent never goes back behind what is over.
      const firsts = sent.map(([first]) => first!);
      assert.deepEqual(
        firsts,
        [...firsts].sort((a, b) => a - b),
      );
      for (const { failures } of givenUp) assert.equal(failures, retries + 1);
    }),
  );
});

test("records are cut where their age changes sides", () => {
  const records = [1, 2, 9, 1].map((arrived) => ({ arrived }));
  const first = cutByAge(records, 5);
  assert.deepEqual([first.expired, first.head.length], [true, 2]);
  const second = cutByAge(first.rest, 5);
  assert.deepEqual([second.expired, second.head.length, second.rest.length], [false, 1, 1]);
  assert.deepEqual(cutByAge([], 5), { expired: false, head: [], rest: [] });
});
