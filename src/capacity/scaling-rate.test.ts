import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../tests/properties.ts";
import { createScalingRate } from "./scaling-rate.ts";

test("a function gets its share at once, then a tenth of it every second", () => {
  const rate = createScalingRate({ perTenSeconds: 1000 });
  for (let start = 0; start < 1000; start++) assert.equal(rate.take("f", 0), undefined);
  assert.equal(rate.take("f", 0), "FunctionInvocationRateLimitExceeded");
  for (let start = 0; start < 100; start++) assert.equal(rate.take("f", 1000), undefined);
  assert.equal(rate.take("f", 1000), "FunctionInvocationRateLimitExceeded");
});

test("functions do not share, and a share unused for long is one share only", () => {
  const rate = createScalingRate({ perTenSeconds: 2 });
  assert.equal(rate.take("a", 0), undefined);
  assert.equal(rate.take("a", 0), undefined);
  assert.equal(rate.take("b", 0), undefined);
  for (const at of [1e6, 1e6]) assert.equal(rate.take("a", at), undefined);
  assert.equal(rate.take("a", 1e6), "FunctionInvocationRateLimitExceeded");
});

test("it is off unless configured, and forgets functions whose share is full", () => {
  const off = createScalingRate({ perTenSeconds: undefined });
  for (let start = 0; start < 5000; start++) assert.equal(off.take("f", 0), undefined);
  const rate = createScalingRate({ perTenSeconds: 10 });
  for (let index = 0; index < 100; index++) rate.take(`f${index}`, index);
  rate.take("last", 20_000);
  assert.equal(rate.size, 1);
});

test("law: no ten seconds see more than twice the share, and none less than was asked for up to it", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3000), { maxLength: 200 }), fc.integer({ min: 1, max: 20 }), (pauses, share) => {
      const rate = createScalingRate({ perTenSeconds: share });
      const taken: number[] = [];
      let now = 0;
      for (const pause of pauses) {
        now += pause;
        const lately = taken.filter((at) => at > now - 10_000).length;
        if (rate.take("f", now) === undefined) taken.push(now);
        else assert.ok(lately >= share, "turned away below the share");
        assert.ok(taken.filter((at) => at > now - 10_000).length <= 2 * share);
      }
    }),
  );
});
