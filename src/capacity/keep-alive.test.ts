import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createKeepAlive, type KeepAlive } from "./keep-alive.ts";

const minute = 60e3;
const hour = 60 * minute;
const measured = { startMs: 100, memoryBytes: 64 * 2 ** 20 };
const unlimited = Number.POSITIVE_INFINITY;

function called(keepAlive: KeepAlive, key: string, times: readonly number[]): number {
  for (const at of times) keepAlive.observe(key, at, measured);
  return times.at(-1)!;
}

const every = (gapMs: number, count: number) => Array.from({ length: count }, (_, index) => index * gapMs);
const idle = (id: string, key: string, idleMs: number, megabytes = 64) => ({
  id,
  key,
  idleMs,
  memoryBytes: megabytes * 2 ** 20,
});

test("an hourly timer is let go soon and is back shortly before its next call", () => {
  const keepAlive = createKeepAlive({ keepAliveMs: 10 * minute });
  const last = called(keepAlive, "hourly", every(hour, 12));
  const { keepUntilMs, prewarmAtMs } = keepAlive.plan("hourly", last);
  assert.ok(keepUntilMs - last < 2 * minute, `kept ${keepUntilMs - last} ms`);
  assert.ok(prewarmAtMs !== undefined && prewarmAtMs < last + hour - 100, `prepared at ${prewarmAtMs! - last}`);
  assert.ok(prewarmAtMs > last + hour - 3 * minute, `prepared at ${prewarmAtMs - last}`);
  const then = keepAlive.plan("hourly", prewarmAtMs);
  assert.ok(then.keepUntilMs > last + hour, "the prepared one is still there when the call comes");
});

test("two timers of one function are both foreseen", () => {
  const keepAlive = createKeepAlive({ keepAliveMs: 10 * minute });
  // At 0, 20, 60, 80, 120, 140 … minutes: gaps of 20 and 40 take turns.
  const times = [...every(hour, 20), ...every(hour, 20).map((at) => at + 20 * minute)].sort((a, b) => a - b);
  const last = called(keepAlive, "two", times);
  const first = keepAlive.plan("two", last + 2 * minute);
  assert.ok(Math.abs(first.prewarmAtMs! - last - 20 * minute) < 2 * minute, `${first.prewarmAtMs! - last}`);
  const second = keepAlive.plan("two", last + 22 * minute);
  assert.ok(Math.abs(second.prewarmAtMs! - last - 40 * minute) < 2 * minute, `${second.prewarmAtMs! - last}`);
});

test("a daily call is foreseen too", () => {
  const keepAlive = createKeepAlive({ keepAliveMs: 10 * minute });
  const last = called(keepAlive, "daily", every(24 * hour, 8));
  const { prewarmAtMs } = keepAlive.plan("daily", last + hour);
  assert.ok(prewarmAtMs !== undefined && Math.abs(prewarmAtMs - last - 24 * hour) < 20 * minute);
});

test("a function called every few seconds is never let go between its calls", () => {
  const keepAlive = createKeepAlive({ keepAliveMs: 10 * minute });
  const last = called(keepAlive, "busy", every(15e3, 200));
  assert.ok(keepAlive.plan("busy", last).keepUntilMs >= last + 15e3);
});

test("a large environment is kept for a shorter time than a small one, a slow starter for a longer time", () => {
  const keep = (own: { startMs: number; memoryBytes: number }) => {
    const keepAlive = createKeepAlive({ keepAliveMs: 10 * minute });
    keepAlive.observe("f", 0, own);
    return keepAlive.plan("f", 0).keepUntilMs;
  };
  assert.ok(keep({ startMs: 100, memoryBytes: 8 * 2 ** 20 }) > keep({ startMs: 100, memoryBytes: 800 * 2 ** 20 }));
  assert.ok(keep({ startMs: 2000, memoryBytes: 64 * 2 ** 20 }) > keep({ startMs: 5, memoryBytes: 64 * 2 ** 20 }));
});

test("what is kept is left alone, what is past its time ends, and its next start is announced once", () => {
  const keepAlive = createKeepAlive({ keepAliveMs: 10 * minute });
  const last = called(keepAlive, "hourly", every(hour, 12));
  const now = last + 10 * minute;
  assert.deepEqual(keepAlive.reclaim([idle("a", "hourly", 5000)], 0, unlimited, last + 5000), []);
  assert.deepEqual(keepAlive.reclaim([idle("a", "hourly", 10 * minute)], 0, unlimited, now), ["a"]);
  assert.deepEqual(keepAlive.prewarms(now), []);
  assert.deepEqual(keepAlive.prewarms(last + hour), ["hourly"]);
  assert.deepEqual(keepAlive.prewarms(last + hour), []);
});

test("a call that comes earlier than foreseen cancels the announced start", () => {
  const keepAlive = createKeepAlive({ keepAliveMs: 10 * minute });
  const last = called(keepAlive, "hourly", every(hour, 12));
  keepAlive.reclaim([idle("a", "hourly", 10 * minute)], 0, unlimited, last + 10 * minute);
  keepAlive.observe("hourly", last + 11 * minute);
  assert.deepEqual(keepAlive.prewarms(last + hour), []);
});

test("a prepared environment is not ended again before its call can come", () => {
  const keepAlive = createKeepAlive({ keepAliveMs: 10 * minute });
  const last = called(keepAlive, "hourly", every(hour, 12));
  const { prewarmAtMs } = keepAlive.plan("hourly", last + 10 * minute);
  for (let at = prewarmAtMs!; at <= last + hour + 1000; at += 1000) {
    assert.deepEqual(keepAlive.reclaim([idle("p", "hourly", at - prewarmAtMs!)], 0, unlimited, at), []);
  }
});

test("nothing is prepared for which there is no memory, nor for a call that must have been missed", () => {
  const gone = (budgetBytes: number) => {
    const keepAlive = createKeepAlive({ keepAliveMs: 10 * minute });
    const last = called(keepAlive, "hourly", every(hour, 12));
    const used = 200 * 2 ** 20;
    keepAlive.reclaim([idle("a", "hourly", 10 * minute)], used, budgetBytes, last + 10 * minute);
    return { keepAlive, last };
  };
  const roomy = gone(200 * 2 ** 20);
  assert.deepEqual(roomy.keepAlive.prewarms(roomy.last + hour), ["hourly"]);
  const tight = gone(199 * 2 ** 20);
  assert.deepEqual(tight.keepAlive.prewarms(tight.last + hour), []);
  const late = gone(200 * 2 ** 20);
  assert.deepEqual(late.keepAlive.prewarms(late.last + hour + 30 * minute), []);
});

test("of several idle environments of one function those unused for long end, the one in use stays", () => {
  const keepAlive = createKeepAlive({ keepAliveMs: 10 * minute });
  const last = called(keepAlive, "f", every(20e3, 100));
  const rows = [idle("deep", "f", 11 * minute), idle("deeper", "f", 12 * minute), idle("top", "f", 20e3)];
  assert.deepEqual(keepAlive.reclaim(rows, 0, unlimited, last + 20e3).sort(), ["deep", "deeper"]);
});

test("short of memory, what is called rarely, starts quickly and is large goes first", () => {
  const keepAlive = createKeepAlive({ keepAliveMs: 10 * minute });
  keepAlive.observe("rare", 0, { startMs: 4, memoryBytes: 256 * 2 ** 20 });
  for (let at = 0; at <= 5000; at += 100) keepAlive.observe("often", at, measured);
  const rows = [idle("often", "often", 100), idle("rare", "rare", 5000, 256)];
  const used = 320 * 2 ** 20;
  assert.deepEqual(keepAlive.reclaim(rows, used, used - 1, 5100), ["rare"]);
  assert.deepEqual(keepAlive.reclaim(rows, used, 0, 5100).sort(), ["often", "rare"]);
});

test("environments of a version that was never observed live for the fixed time", () => {
  const keepAlive = createKeepAlive({ keepAliveMs: 10 * minute });
  assert.deepEqual(keepAlive.reclaim([idle("a", "x", 9 * minute)], 0, unlimited, hour), []);
  assert.deepEqual(keepAlive.reclaim([idle("a", "x", 10 * minute)], 0, unlimited, hour), ["a"]);
});

test("functions not called for long are forgotten while others go on, and forget() forgets at once", () => {
  const keepAlive = createKeepAlive({ keepAliveMs: 10 * minute, forgetAfterMs: 24 * hour });
  for (let index = 0; index < 50; index++) keepAlive.observe(`old${index}`, index);
  for (let at = 0; at < 48 * hour; at += 10 * minute) keepAlive.observe("going on", at);
  assert.equal(keepAlive.size, 1);
  keepAlive.forget("going on");
  assert.equal(keepAlive.size, 0);
  assert.deepEqual(keepAlive.plan("going on", 48 * hour), { keepUntilMs: 48 * hour, prewarmAtMs: undefined });
});

test("however many functions fall idle at once, one look ends a thousand at most, and the next the next", () => {
  const keepAlive = createKeepAlive({ keepAliveMs: 10 * minute });
  const rows = Array.from({ length: 1500 }, (_, index) => idle(`e${index}`, `f${index}`, 3 * hour));
  for (const { key } of rows) keepAlive.observe(key, 0, measured);
  const first = keepAlive.reclaim(rows, 0, unlimited, 3 * hour);
  assert.equal(first.length, 1000);
  const rest = rows.filter(({ id }) => !first.includes(id));
  assert.equal(keepAlive.reclaim(rest, 0, unlimited, 3 * hour).length, 500);
});

test("what is known of a function fits in a kilobyte", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const bytes = () => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const keepAlive = createKeepAlive({ keepAliveMs: 10 * minute });
  const count = 20_000;
  const before = bytes();
  for (let call = 0; call < 3; call++) {
    for (let index = 0; index < count; index++) keepAlive.observe(`a-function-version-${index}`, call * hour, measured);
  }
  const each = (bytes() - before) / count;
  assert.equal(keepAlive.size, count);
  assert.ok(each <= 1024, `${each} bytes`);
});
