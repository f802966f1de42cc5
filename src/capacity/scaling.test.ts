import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../tests/properties.ts";
import { combined, type TrackedMetric, trackTarget, warmUpStarts, withBounds } from "./scaling.ts";

const policy = { targetValue: 0.7 };
const ten = { capacity: 10, min: 1, max: 100 };
const minutes = (value: number, count: number): TrackedMetric => ({ minutes: new Array<number>(count).fill(value) });

test("three minutes above the target scale out in proportion to the latest, rounded up", () => {
  assert.equal(trackTarget(policy, ten, minutes(0.9, 3), 0), 13);
  assert.equal(trackTarget(policy, ten, { minutes: [0.8, 0.8, 1] }, 0), 15);
  assert.equal(trackTarget(policy, ten, minutes(0.9, 2), 0), undefined);
  assert.equal(trackTarget(policy, ten, { minutes: [0.9, 0.7, 0.9] }, 0), undefined, "at the target is not above it");
  assert.equal(trackTarget(policy, ten, { minutes: [0.9, undefined, 0.9] }, 0), undefined, "no data, no alarm");
});

test("fifteen minutes below nine tenths of the target scale in, as far as the busiest of them allows", () => {
  assert.equal(trackTarget(policy, ten, minutes(0.35, 15), 0), 5);
  assert.equal(trackTarget(policy, ten, { minutes: [0.5, ...new Array<number>(14).fill(0.1)] }, 0), 8);
  assert.equal(trackTarget(policy, ten, minutes(0.35, 14), 0), undefined);
  assert.equal(trackTarget(policy, ten, { minutes: [0.63, ...new Array<number>(14).fill(0.1)] }, 0), undefined);
  assert.equal(trackTarget({ ...policy, disableScaleIn: true }, ten, minutes(0.1, 15), 0), undefined);
});

test("nobody calling scales in to the minimum when it is reported as 0, and not at all when it is not reported", () => {
  assert.equal(trackTarget(policy, ten, minutes(0, 15), 0), 1);
  assert.equal(trackTarget(policy, ten, { minutes: new Array<undefined>(15).fill(undefined) }, 0), undefined);
});

test("minimum and maximum are kept", () => {
  assert.equal(trackTarget(policy, { capacity: 90, min: 1, max: 100 }, minutes(1, 3), 0), 100);
  assert.equal(trackTarget(policy, { capacity: 100, min: 1, max: 100 }, minutes(1, 3), 0), undefined);
  assert.equal(trackTarget(policy, { capacity: 10, min: 8, max: 100 }, minutes(0, 15), 0), 8);
});

test("in the scale-out cooldown only what goes beyond the change before is added", () => {
  const cooling = { ...policy, scaleOutCooldown: 60 };
  const latest = { atMs: 0, from: 8, to: 10 };
  // 15 are wanted: 5 more than there are, of which 2 have just been added.
  assert.equal(trackTarget(cooling, ten, { ...minutes(1, 3), latest }, 30_000), 13);
  assert.equal(trackTarget(cooling, ten, { ...minutes(1, 3), latest }, 60_000), 15);
  assert.equal(trackTarget(cooling, ten, { ...minutes(0.8, 3), latest }, 30_000), undefined);
});

test("scaling in waits for its cooldown; scaling out does not wait for that of scaling in", () => {
  const cooling = { ...policy, scaleInCooldown: 600 };
  const latest = { atMs: 0, from: 20, to: 10 };
  assert.equal(trackTarget(cooling, ten, { ...minutes(0.1, 15), latest }, 599_999), undefined);
  assert.equal(trackTarget(cooling, ten, { ...minutes(0.1, 15), latest }, 600_000), 2);
  assert.equal(trackTarget(cooling, ten, { ...minutes(1, 3), latest }, 1000), 15);
});

test("of several policies the one that asks for the most decides, and all must agree to less", () => {
  assert.equal(combined([{ asked: 12 }, { asked: 15 }, { asked: 5 }], 10), 15);
  assert.equal(combined([{ asked: 5 }, { asked: 8 }], 10), 8);
  assert.equal(combined([{ asked: 5 }, { asked: undefined }], 10), undefined);
  assert.equal(combined([{ asked: 5 }, { asked: undefined, disableScaleIn: true }], 10), 5);
  assert.equal(combined([], 10), undefined);
});

test("a scheduled action moves the bounds, and the capacity into them", () => {
  assert.deepEqual(withBounds(ten, { min: 20 }), { min: 20, max: 100, capacity: 20 });
  assert.deepEqual(withBounds(ten, { max: 5 }), { min: 1, max: 5, capacity: 5 });
  assert.deepEqual(withBounds(ten, { min: 2, max: 50 }), { min: 2, max: 50, capacity: 10 });
  assert.deepEqual(withBounds(ten, { max: 0 }), { min: 0, max: 0, capacity: 0 });
  assert.deepEqual(withBounds(ten, { min: 200 }), { min: 200, max: 200, capacity: 200 });
});

test("an allocation grows by two starts a CPU, and never by more than is missing, than memory holds or AWS would allow", () => {
  const view = {
    wanted: 100,
    ready: 0,
    starting: 0,
    startedLastMinute: 0,
    cpus: 2,
    freeBytes: 1e9,
    bytesEach: 1e6,
  };
  assert.equal(warmUpStarts(view), 4);
  assert.equal(warmUpStarts({ ...view, starting: 3 }), 1);
  assert.equal(warmUpStarts({ ...view, ready: 99 }), 1);
  assert.equal(warmUpStarts({ ...view, ready: 100 }), 0);
  assert.equal(warmUpStarts({ ...view, ready: 120 }), 0);
  assert.equal(warmUpStarts({ ...view, freeBytes: 2.5e6 }), 2);
  assert.equal(warmUpStarts({ ...view, freeBytes: 2.5e6, starting: 2 }), 0);
  assert.equal(warmUpStarts({ ...view, startedLastMinute: 5999 }), 1);
});

test("law: what is asked for lies within the bounds, and repeating it until nothing is asked for ends near the target", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10, max: 90 }),
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 0, max: 400 }),
      (target, start, busy) => {
        const own = { targetValue: target / 100 };
        let current = { capacity: start, min: 1, max: 5000 };
        for (let round = 0; round < 100; round++) {
          const use = Math.min(1, busy / current.capacity);
          const asked = trackTarget(own, current, minutes(use, 15), round);
          if (asked === undefined) {
            assert.ok(use <= own.targetValue || current.capacity === 5000);
            const fewer = current.capacity - 1;
            assert.ok(fewer < 1 || Math.min(1, busy / fewer) >= 0.85 * own.targetValue || use >= 0.9 * own.targetValue);
            return;
          }
          assert.ok(asked >= current.min && asked <= current.max && asked !== current.capacity);
          current = { ...current, capacity: asked };
        }
        assert.fail("it never comes to rest");
      },
    ),
  );
});
