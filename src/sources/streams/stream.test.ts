import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../tests/properties.ts";
import { runStream } from "./stream.ts";
import { memoryCheckpoints, memoryNeeds, memoryStream, refusal, type SentEvent, until } from "./testing.ts";

/** Runs a mapping while `during` runs. */
async function running(needs: Parameters<typeof runStream>[0], during: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const ended = runStream(needs, stop.signal);
  try {
    await during();
  } finally {
    stop.abort();
    await ended;
  }
}

const valuesOf = (event: SentEvent) => event.Records.map(({ value }) => value);

test("batches are as large as they may be, and their order is the shard's", async () => {
  const stream = memoryStream();
  const shard = stream.add();
  for (let value = 0; value < 25; value++) stream.put(shard, "k", value);
  const seen: number[][] = [];
  const { needs, counts } = memoryNeeds(stream.api, (event) => void seen.push(valuesOf(event)), { batchingSeconds: 1 });
  await running(needs, () => until(() => seen.flat().length === 25));
  assert.deepEqual(
    seen.map(({ length }) => length),
    [10, 10, 5],
  );
  assert.deepEqual(
    seen.flat(),
    Array.from({ length: 25 }, (_, index) => index),
  );
  assert.equal(counts.get("PolledEventCount"), 25);
  assert.equal(counts.get("InvokedEventCount"), 25);
});

test("what a filter leaves out is passed over, and not read again", async () => {
  const stream = memoryStream();
  const shard = stream.add();
  for (let value = 0; value < 4; value++) stream.put(shard, "k", value);
  const checkpoints = memoryCheckpoints();
  const seen: number[] = [];
  const { needs, counts } = memoryNeeds(stream.api, (event) => void seen.push(...valuesOf(event)), {}, checkpoints);
  const wants = (item: Readonly<Record<string, unknown>>) => item.value === 1;
  await running({ ...needs, wants }, () =>
    until(() => checkpoints.kept.get("shard shard-0")?.includes('"after":"4"') === true),
  );
  assert.deepEqual(seen, [1]);
  assert.equal(counts.get("FilteredOutEventCount"), 3);
});

test("records that are too old, or fail too often, are given up with their numbers, and the rest goes on", async () => {
  const stream = memoryStream();
  const shard = stream.add();
  stream.put(shard, "k", 0, Date.now() - 100_000);
  for (let value = 1; value < 5; value++) stream.put(shard, "k", value);
  const seen: number[][] = [];
  const judge = (event: SentEvent) => {
    seen.push(valuesOf(event));
    return valuesOf(event).includes(3) ? new Error("no") : undefined;
  };
  const settings = { mostAgeMs: 60_000, retries: 1, bisect: true };
  const { needs, lost, results, counts } = memoryNeeds(stream.api, judge, settings);
  await running(needs, () =>
    until(
      () => seen.at(-1)?.[0] === 4,
      () => seen,
    ),
  );
  assert.deepEqual(seen, [[1, 2, 3, 4], [1, 2], [3, 4], [3], [3], [4]]);
  assert.deepEqual(
    lost.map(({ condition, invocations, records }) => [
      condition,
      invocations,
      records.map(({ sequence }) => sequence),
    ]),
    [
      ["RecordAgeExceeded", 0, ["1"]],
      ["RetryAttemptsExhausted", 2, ["4"]],
    ],
  );
  assert.equal(counts.get("DroppedEventCount"), 2);
  assert.ok(results.includes("PROBLEM: Function call failed") && results.at(-1) === "OK");
});

test("a function that cannot be run now is no failure: records wait until they are too old", async () => {
  const stream = memoryStream();
  stream.put(stream.add(), "k", 7);
  let refused = 0;
  const seen: number[] = [];
  const { needs, lost } = memoryNeeds(stream.api, (event) => void seen.push(...valuesOf(event)), { retries: 0 });
  const { invoke } = needs;
  const throttled: typeof invoke = async (payload) => {
    refused += 1;
    if (refused < 4) throw new Error("Rate Exceeded.");
    return invoke(payload);
  };
  await running({ ...needs, invoke: throttled }, () => until(() => seen.length === 1));
  assert.deepEqual([seen, lost], [[7], []]);
});

test("lanes go on beside a key that fails, and the shard begins there again after a stop", async () => {
  const stream = memoryStream();
  const shard = stream.add();
  const checkpoints = memoryCheckpoints();
  for (let value = 0; value < 40; value++) stream.put(shard, `k${value % 8}`, value);
  const done: number[] = [];
  const judge = (bad: string) => (event: SentEvent) => {
    if (event.Records.some(({ key }) => key === bad)) return new Error("no");
    done.push(...valuesOf(event));
    return undefined;
  };
  const settings = { lanes: 4, batchSize: 5 };
  const first = memoryNeeds(stream.api, judge("k1"), settings, checkpoints);
  await running(first.needs, () =>
    until(
      () => done.length >= 15,
      () => done,
    ),
  );
  const before = [...done];
  const second = memoryNeeds(stream.api, judge("none"), settings, checkpoints);
  await running(second.needs, () =>
    until(
      () => done.length === 40,
      () => done,
    ),
  );
  assert.equal(new Set(done).size, 40);
  assert.ok(before.length < 40);
});

test("the state of a tumbling window is handed on, over a stop, too, and its last invocation has no records", async () => {
  const stream = memoryStream();
  const shard = stream.add();
  const checkpoints = memoryCheckpoints();
  const start = Math.floor(Date.now() / 10_000) * 10_000 - 20_000;
  const events: SentEvent[] = [];
  const count = (event: SentEvent) => {
    events.push(event);
    return { state: { n: Number(event.state?.n ?? 0) + event.Records.length } };
  };
  const settings = { tumblingSeconds: 10, batchSize: 2 };
  for (let value = 0; value < 4; value++) stream.put(shard, "k", value, start + value);
  const first = memoryNeeds(stream.api, count, settings, checkpoints);
  // The reader is at the newest record, and the window's time is over: it is closed.
  await running(first.needs, () => until(() => events.some((one) => one.isFinalInvokeForWindow)));
  assert.deepEqual(
    events.map(({ Records, state, isFinalInvokeForWindow }) => [Records.length, state, isFinalInvokeForWindow]),
    [
      [2, {}, false],
      [2, { n: 2 }, false],
      [0, { n: 4 }, true],
    ],
  );
  events.length = 0;
  const open = Math.floor(Date.now() / 3600_000) * 3600_000;
  const hour = { tumblingSeconds: 3600, batchSize: 2 };
  stream.put(shard, "k", 5, open);
  const second = memoryNeeds(stream.api, count, hour, checkpoints);
  await running(second.needs, () => until(() => events.length === 1));
  stream.put(shard, "k", 6, open + 1);
  stream.close(shard);
  const third = memoryNeeds(stream.api, count, hour, checkpoints);
  // A shard's end closes its window.
  await running(third.needs, () => until(() => events.some((one) => one.isFinalInvokeForWindow)));
  assert.deepEqual(
    events.map(({ Records, state }) => [Records.length, state]),
    [
      [1, {}],
      [1, { n: 1 }],
      [0, { n: 2 }],
    ],
  );
});

test("an answer without state is a failure in a window, and a state that is too long ends the window early", async () => {
  const stream = memoryStream();
  stream.put(stream.add(), "k", 1);
  const events: SentEvent[] = [];
  const judge = (event: SentEvent) => {
    events.push(event);
    if (events.length === 1) return {};
    return { state: { long: events.length === 2 ? "x".repeat(2 ** 20) : "" } };
  };
  const { needs } = memoryNeeds(stream.api, judge, { tumblingSeconds: 900 });
  await running(needs, () =>
    until(
      () => events.length === 3,
      () => events.length,
    ),
  );
  assert.deepEqual(
    events.map(({ Records, isWindowTerminatedEarly }) => [Records.length, isWindowTerminatedEarly]),
    [
      [1, false],
      [1, false],
      [0, true],
    ],
  );
});

test("a stream that is gone is a problem that is told; one that is made again is read from its beginning", async () => {
  const stream = memoryStream();
  const seen: number[] = [];
  stream.put(stream.add(), "k", 1);
  const { needs, problems } = memoryNeeds(stream.api, (event) => void seen.push(...valuesOf(event)));
  await running(needs, async () => {
    await until(() => seen.length === 1);
    stream.recreate();
    await until(
      () => problems.includes("PROBLEM: Stream not found"),
      () => problems,
    );
    stream.put(stream.add(), "k", 2);
    await until(
      () => seen.length === 2,
      () => problems,
    );
  });
  assert.deepEqual(seen, [1, 2]);
  assert.equal(problems.at(-1), undefined);
});

test("whatever fails, splits, merges and is killed: nothing is lost, and each key's order is kept", async () => {
  const game = fc.record({
    values: fc.array(fc.nat(5), { minLength: 10, maxLength: 60 }),
    lanes: fc.integer({ min: 1, max: 3 }),
    chance: fc.infiniteStream(fc.nat(99)),
    bisect: fc.boolean(),
  });
  const codes = ["ExpiredIteratorException", "ProvisionedThroughputExceededException", "ECONNRESET"];
  await fc.assert(
    fc.asyncProperty(game, async ({ values, lanes, chance, bisect }) => {
      const roll = () => chance.next().value!;
      const stream = memoryStream();
      stream.add();
      const kept = memoryCheckpoints().kept;
      /** by key: values in the order in which they were first done */
      const done = new Map<string, number[]>();
      let troubles = 6;
      stream.failWith(() => (troubles > 0 && roll() < 10 ? refusal(codes[troubles-- % 3]!) : undefined));
      let deaths = 3;
      let dead = false;
      const judge = (event: SentEvent) => {
        if (dead) return new Error("dead");
        if (roll() < 15) return new Error("at random");
        for (const { key, value } of event.Records) {
          const order = done.get(key) ?? [];
          if (!order.includes(value)) order.push(value);
          done.set(key, order);
        }
        if (deaths > 0 && roll() < 20) dead = true;
        return undefined;
      };
      const all = () => [...done.values()].reduce((sum, { length }) => sum + length, 0);
      let next = 0;
      const produce = () => {
        for (let count = 0; count < 4 && next < values.length; count++, next++) {
          // A key is of one shard at a time, as its hash makes it.
          const open = stream.open();
          const key = values[next]!;
          stream.put(open[key % open.length]!, `k${key}-${open.join()}`, next);
        }
        const open = stream.open();
        if (roll() < 10 && open.length < 3) stream.split(open[0]!);
        else if (roll() < 10 && open.length > 1) stream.add(open[0]!, open[1]!);
      };
      while (all() < values.length) {
        const checkpoints = memoryCheckpoints(kept);
        dead = false;
        const { needs } = memoryNeeds(stream.api, judge, { lanes, bisect, batchSize: 3 }, checkpoints);
        await running(needs, async () => {
          await until(
            () => {
              produce();
              if (dead) checkpoints.die();
              return dead || all() === values.length;
            },
            () => [all(), values.length],
          );
          checkpoints.die();
        });
        deaths -= 1;
      }
      for (const order of done.values())
        assert.deepEqual(
          order,
          [...order].sort((a, b) => a - b),
        );
    }),
    { numRuns: 8 },
  );
});
