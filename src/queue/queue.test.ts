import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { ServiceError } from "../model/index.ts";
import { type Bench, type BenchOptions, epoch, openBench, owner } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "thaw-queue-"));
let path = "";
let count = 0;
beforeEach(() => {
  count += 1;
  path = join(folder, `${count}.sqlite`);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const minute = 60_000;
const hour = 60 * minute;
const sqs = "arn:aws:sqs:us-east-1:000000000000:fates";
const open = (options: Omit<BenchOptions, "path">): Bench => openBench({ path, ...options });
const fails = () => {
  throw new TypeError("no");
};
const throttled = () => {
  throw new ServiceError("TooManyRequestsException", "Rate Exceeded.", { Reason: "ConcurrentInvocationLimitExceeded" });
};
const waiting = (bench: Bench) => {
  const counted = bench.queue.depths().reduce((sum, { events }) => sum + events, 0);
  assert.equal(bench.queue.waiting(), counted);
  return counted;
};
const record = (bench: Bench, index = 0) => JSON.parse(bench.deliveries[index]!.body.toString("utf8"));

test("an event runs its function once and is gone", async () => {
  const bench = open({ functions: { f: () => "fine" } });
  const requestId = await bench.send("f", { a: 1 });
  assert.deepEqual(bench.runs, [{ at: 0, name: "f", requestId, event: { a: 1 } }]);
  assert.equal(waiting(bench), 0);
  await bench.close();
});

test("a function that fails runs again after one and two minutes, with the same request id, and no more", async () => {
  const bench = open({ functions: { f: fails } });
  const requestId = await bench.send("f");
  await bench.advance(10 * hour);
  assert.deepEqual(
    bench.runs.map(({ at }) => at),
    [0, minute, 3 * minute],
  );
  assert.ok(bench.runs.every((run) => run.requestId === requestId));
  assert.equal(waiting(bench), 0);
  assert.equal(bench.queue.counts.asyncEventsDropped, 1);
  await bench.close();
});

for (const attempts of [0, 1, 2]) {
  test(`MaximumRetryAttempts of ${attempts} is kept to`, async () => {
    const bench = open({ functions: { f: fails }, settings: { f: { maximumRetryAttempts: attempts } } });
    await bench.send("f");
    await bench.advance(hour);
    assert.equal(bench.runs.length, attempts + 1);
    await bench.close();
  });
}

test("the settings are those of the qualifier that was called", async () => {
  const bench = open({ functions: { f: fails }, settings: { "f:live": { maximumRetryAttempts: 0 } } });
  await bench.send("f", {}, "live");
  await bench.send("f", {}, "1");
  await bench.advance(hour);
  assert.equal(bench.runs.length, 1 + 3);
  await bench.close();
});

test("a throttled event waits longer each time, up to its age, and costs no attempt", async () => {
  const bench = open({ functions: { f: throttled }, settings: { f: { maximumEventAgeSeconds: 60, onFailure: sqs } } });
  await bench.send("f");
  await bench.advance(5 * minute);
  assert.deepEqual(
    bench.runs.map(({ at }) => at / 1000),
    [0, 1, 3, 7, 15, 31],
  );
  const { requestContext, responseContext, timestamp } = record(bench);
  assert.equal(requestContext.condition, "EventAgeExceeded");
  assert.equal(requestContext.approximateInvokeCount, 0);
  assert.deepEqual(responseContext, { statusCode: 429 });
  assert.equal(timestamp, new Date(epoch + minute).toISOString());
  await bench.close();
});

test("what is in the way is asked again at most every five minutes, for six hours", async () => {
  const broken = () => {
    throw new ServiceError("ServiceException", "no sandbox");
  };
  const bench = open({ functions: { f: broken } });
  await bench.send("f");
  await bench.advance(24 * hour);
  const gaps = bench.runs.slice(1).map(({ at }, index) => at - bench.runs[index]!.at);
  assert.deepEqual(
    gaps.slice(0, 10),
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 300].map((seconds) => seconds * 1000),
  );
  assert.ok(gaps.every((gap) => gap <= 5 * minute));
  assert.ok(bench.runs.at(-1)!.at < 6 * hour && bench.runs.at(-1)!.at >= 6 * hour - 5 * minute);
  assert.equal(waiting(bench), 0);
  await bench.close();
});

test("an event that would be too old at its next attempt is given up with the failure it had", async () => {
  const bench = open({ functions: { f: fails }, settings: { f: { maximumEventAgeSeconds: 90, onFailure: sqs } } });
  await bench.send("f");
  await bench.advance(hour);
  assert.equal(bench.runs.length, 2);
  const { requestContext, responsePayload, timestamp } = record(bench);
  assert.equal(requestContext.condition, "EventAgeExceeded");
  assert.equal(requestContext.approximateInvokeCount, 2);
  assert.equal(responsePayload.errorMessage, "no");
  assert.equal(timestamp, new Date(epoch + minute).toISOString());
  await bench.close();
});

test("a function whose concurrency is 0 has its events sent on without a try, where there is a place for them", async () => {
  const functions = { zero: throttled };
  const bench = open({ functions, settings: { zero: { onFailure: sqs } }, deadLetterArn: `${sqs}-dead` });
  await bench.send("zero", 1);
  assert.equal(bench.runs.length, 0);
  const { requestContext, responseContext } = record(bench);
  assert.equal(requestContext.condition, "ZeroReservedConcurrency");
  assert.equal(requestContext.approximateInvokeCount, 0);
  assert.equal(responseContext, undefined);
  const letter = bench.deliveries[1];
  assert.ok(letter?.kind === "dead-letter");
  assert.equal(letter.attributes.ErrorCode, undefined);
  assert.match(letter.attributes.ErrorMessage ?? "", /zero reserved concurrent executions$/);
  await bench.close();
});

test("a function whose concurrency is 0 keeps its events where there is no place for them", async () => {
  const bench = open({ functions: { zero: throttled } });
  await bench.send("zero", 1);
  await bench.advance(5 * hour);
  assert.equal(waiting(bench), 1);
  await bench.advance(hour);
  assert.equal(waiting(bench), 0);
  await bench.close();
});

test("a destination that would run in a loop does not run, and its event fails", async () => {
  const onSuccess = "arn:aws:lambda:us-east-1:000000000000:function:looping";
  const settings = { f: { onSuccess }, looping: { onFailure: sqs } };
  const bench = open({ functions: { f: () => 1, looping: () => 2 }, settings });
  await bench.send("f");
  await bench.settle();
  assert.equal(bench.runs.length, 1);
  assert.equal(record(bench).requestContext.condition, "RecursiveInvocation");
  assert.equal(record(bench).responseContext.functionError, "RecursiveInvocationException");
  assert.equal(bench.queue.counts.recursiveInvocationsDropped, 1);
  await bench.close();
});

test("on a busy machine no more run at once than at first, on an idle one more and more", async () => {
  for (const [idle, least, most] of [
    [0, 4, 4],
    [1, 10, 50],
  ] as const) {
    let peak = 0;
    const end: (() => void)[] = [];
    const f = () => new Promise<void>((resolve) => end.push(resolve));
    const bench: Bench = openBench({ path: `${path}-${idle}`, idle: () => idle, functions: { f } });
    await Promise.all(Array.from({ length: 200 }, () => bench.send("f")));
    while (bench.queue.waiting() > 0) {
      peak = Math.max(peak, end.length);
      for (const resolve of end.splice(0)) resolve();
      await bench.advance(60);
    }
    assert.ok(peak >= least && peak <= most, `${peak} at once`);
    await bench.close();
  }
});

test("when a place is free again after a refusal, what waited runs at once", async () => {
  let busy = false;
  const done: (() => void)[] = [];
  const one = () => {
    if (busy) throttled();
    busy = true;
    return new Promise<void>((resolve) => {
      done.push(() => {
        busy = false;
        resolve();
      });
    });
  };
  const bench = open({ functions: { f: one } });
  await bench.send("f", 1);
  await bench.send("f", 2);
  await bench.settle();
  assert.equal(done.length, 1);
  done.shift()!();
  await bench.settle();
  assert.equal(done.length, 1, "the clock has not moved");
  done.shift()!();
  await bench.settle();
  assert.equal(waiting(bench), 0);
  await bench.close();
});

test("after a kill, what was accepted and not over runs again", async () => {
  const first = open({ functions: { f: () => new Promise(() => {}) } });
  const requestId = await first.send("f", 1);
  await first.settle();
  assert.equal(first.runs.length, 1);
  await first.kill();
  const second = open({ functions: { f: () => 1 } });
  await second.settle();
  assert.deepEqual(
    second.runs.map((run) => run.requestId),
    [requestId],
  );
  assert.equal(waiting(second), 0);
  await second.close();
});

test("a retry that was due while nobody ran comes after the next start, and attempts are not forgotten", async () => {
  const first = open({ functions: { f: fails } });
  await first.send("f");
  await first.advance(minute + 1000);
  assert.equal(first.runs.length, 2);
  await first.kill();
  const second = open({ functions: { f: fails }, from: epoch + hour });
  await second.advance(hour);
  assert.equal(second.runs.length, 1);
  assert.equal(waiting(second), 0);
  await second.close();
});

test("events of a deleted function are dropped, and none of them reaches a new one of that name", async () => {
  const bench = open({ functions: { f: throttled, g: () => 1 } });
  for (let event = 0; event < 5; event += 1) await bench.send("f", event);
  await bench.send("f", 9, "live");
  bench.queue.drop(owner, "f");
  assert.equal(waiting(bench), 0);
  assert.equal(bench.queue.counts.asyncEventsDropped, 6);
  const before = bench.runs.length;
  await bench.advance(hour);
  assert.equal(bench.runs.length, before);
  await bench.send("f", "new");
  assert.deepEqual(bench.runs.at(-1)!.event, "new");
  await bench.close();
});

test("an event that runs while its function is deleted is not counted twice, and its record is delivered", async () => {
  let end = () => {};
  const f = () =>
    new Promise<void>((resolve) => {
      end = resolve;
    });
  const bench = open({ functions: { f }, settings: { f: { onSuccess: sqs } } });
  await bench.send("f");
  bench.queue.drop(owner, "f");
  assert.equal(waiting(bench), 0);
  end();
  await bench.settle();
  assert.equal(bench.deliveries.length, 1);
  assert.equal(waiting(bench), 0);
  await bench.close();
});

test("an event whose function is gone when its turn comes is dropped", async () => {
  const bench = open({ functions: {} });
  await bench.send("nowhere");
  assert.equal(waiting(bench), 0);
  assert.equal(bench.queue.counts.asyncEventsDropped, 1);
  await bench.close();
});

test("a function with many slow events leaves places for another one's", async () => {
  const bench = open({ functions: { slow: () => new Promise(() => {}), quick: () => 1 }, places: 20 });
  const sent = Array.from({ length: 300 }, (_, event) => bench.send("slow", event));
  await Promise.all(sent);
  await bench.settle();
  const running = bench.queue.running();
  assert.ok(running > 0 && running <= 10, `${running} of 20 places`);
  await bench.send("quick");
  assert.equal(bench.runs.at(-1)!.name, "quick");
  assert.equal(bench.queue.running(), running);
  await bench.kill();
});

test("two functions with a backlog take turns", async () => {
  const ended: string[] = [];
  const works = async (name: string) => {
    await new Promise(setImmediate);
    ended.push(name);
  };
  const functions = { a: () => works("a"), b: () => works("b") };
  const bench = open({ functions, places: 4 });
  await Promise.all(Array.from({ length: 400 }, (_, event) => bench.send(event < 390 ? "a" : "b", event)));
  for (let turn = 0; turn < 100 && waiting(bench) > 0; turn += 1) await bench.settle();
  assert.equal(ended.length, 400);
  assert.ok(ended.indexOf("b") < 380, "b came before a's backlog was done");
  await bench.close();
});

test("more events than memory has a window for run once each, in the order they came", async () => {
  const bench = open({ functions: { f: () => 1 }, places: 2 });
  const numbers = Array.from({ length: 1500 }, (_, event) => event);
  await Promise.all(numbers.map((event) => bench.send("f", event)));
  for (let turn = 0; turn < 200 && waiting(bench) > 0; turn += 1) await bench.settle();
  assert.deepEqual(
    bench.runs.map(({ event }) => event),
    numbers,
  );
  await bench.close();
});

test("a long queue whose events are all over at once leaves the event loop to others", async () => {
  const first = open({ functions: { gone: throttled } });
  await Promise.all(Array.from({ length: 5000 }, () => first.send("gone")));
  await first.kill();
  const second = open({ functions: {} });
  let turns = 0;
  while (second.queue.waiting() > 0 && turns < 5000) {
    turns += 1;
    await new Promise(setImmediate);
  }
  assert.equal(second.queue.counts.asyncEventsDropped, 5000);
  assert.ok(turns > 10 && turns < 5000, `${turns} turns`);
  await second.close();
});

test("a drain lets what runs end, begins nothing new, and leaves the rest to the next process", async () => {
  const end: (() => void)[] = [];
  const functions = { f: () => new Promise<void>((resolve) => end.push(resolve)) };
  const first = open({ functions, places: 2 });
  await first.send("f", 1);
  await first.send("f", 2);
  await first.settle();
  assert.equal(end.length, 1);
  const drained = first.queue.drain(10_000);
  end[0]!();
  await drained;
  await first.queue.close();
  assert.equal(first.runs.length, 1);
  const second = open({ functions: { f: () => 1 } });
  await second.settle();
  assert.deepEqual(
    second.runs.map(({ event }) => event),
    [2],
  );
  await second.close();
});
