import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../tests/properties.ts";
import { horizonMs, newArrivals, newPopulation, recordArrival, warmWindows } from "./arrivals.ts";

const minute = 60e3;
const hour = 60 * minute;

function after(gaps: readonly number[]) {
  const population = newPopulation();
  const arrivals = newArrivals(0);
  let now = 0;
  for (const gap of gaps) {
    now += gap;
    recordArrival(arrivals, now, population);
  }
  return { windows: (price: number, reopen = 0.2) => warmWindows(arrivals, population, price, reopen), arrivals };
}

/** a cold start is worth ten minutes */
const price = 1 / (10 * minute);
const warmMs = (windows: readonly { fromMs: number; toMs: number }[]) =>
  windows.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
const covers = (windows: readonly { fromMs: number; toMs: number }[], ms: number) =>
  windows.some(({ fromMs, toMs }) => fromMs <= ms && ms <= toMs);

test("where calls come at random it is warm from the call on for as long as it pays, and not again", () => {
  const gaps = Array.from({ length: 200 }, (_, index) => -8 * minute * Math.log((index + 0.5) / 200));
  const shuffled = gaps.map((_, index) => gaps[(index * 71) % 200]!);
  const windows = after(shuffled).windows(price);
  assert.equal(windows[0]!.fromMs, 0);
  assert.ok(windows[0]!.toMs > 8 * minute, JSON.stringify(windows));
  assert.ok(warmMs(after(shuffled).windows(10 * price)) < 2 * minute, "not at ten times the price");
});

test("a clock is met with a fraction of its period, whatever that is", () => {
  for (const period of [7 * minute, hour, 11 * hour]) {
    const windows = after(new Array<number>(10).fill(period)).windows(price);
    assert.ok(covers(windows, period), `${period}: ${JSON.stringify(windows)}`);
    assert.ok(!covers(windows, 0.5 * period) && warmMs(windows) < period / 4, JSON.stringify(windows));
  }
});

test("a clock that was changed is met at its new period after a few calls", () => {
  const { windows } = after([...new Array<number>(30).fill(hour), ...new Array<number>(6).fill(25 * minute)]);
  assert.ok(covers(windows(price), 25 * minute));
});

test("one surprise does not make a clock forgotten", () => {
  const { windows } = after([...new Array<number>(12).fill(hour), 17 * minute, 43 * minute, hour, hour]);
  assert.ok(covers(windows(price), hour));
});

test("a function called once is judged by what functions in general do", () => {
  const population = newPopulation();
  for (let index = 0; index < 50; index++) {
    const other = newArrivals(0);
    for (let call = 1; call <= 8; call++) recordArrival(other, call * 5 * minute, population);
  }
  const fresh = newArrivals(0);
  assert.ok(covers(warmWindows(fresh, population, price, 0.2), 5 * minute));
  assert.ok(!covers(warmWindows(fresh, newPopulation(), price, 0.2), 5 * minute));
});

const gaps = fc.array(fc.oneof(fc.nat(5 * minute), fc.nat(6 * hour), fc.nat(3 * horizonMs), fc.constant(hour)), {
  maxLength: 60,
});
const prices = fc.double({ min: 1e-9, max: 1e-3, noNaN: true });

test("law: windows are in order, apart, not empty, and before the horizon", () => {
  fc.assert(
    fc.property(gaps, prices, fc.double({ min: 0, max: 1, noNaN: true }), (past, each, reopen) => {
      let end = -1;
      for (const { fromMs, toMs } of after(past).windows(each, reopen)) {
        assert.ok(fromMs > end || (fromMs === 0 && end === -1));
        assert.ok(toMs > fromMs && toMs <= horizonMs);
        end = toMs;
      }
    }),
  );
});

test("law: dearer memory is never used more, and a dearer start of our own accord never opens more windows", () => {
  fc.assert(
    fc.property(gaps, prices, fc.double({ min: 1, max: 100, noNaN: true }), (past, each, times) => {
      const { windows } = after(past);
      assert.ok(warmMs(windows(each * times, 0)) <= warmMs(windows(each, 0)));
      const opened = (reopen: number) => windows(each, reopen).filter(({ fromMs }) => fromMs > 0).length;
      assert.ok(opened(0.5) <= opened(0.01));
    }),
  );
});
