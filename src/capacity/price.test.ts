import assert from "node:assert/strict";
import { test } from "node:test";
import { createPrice } from "./price.ts";

const minute = 60e3;

test("at first a usual environment is worth holding for the fixed time in the hope of one start", () => {
  assert.equal(createPrice(10 * minute).perMs, 1 / (10 * minute));
});

test("the price rises until no more is spent than may be, and falls when less is", () => {
  const price = createPrice(10 * minute);
  /** what is spent falls as the price rises; it is 400 at the first price */
  const spending = () => 400 / (price.perMs * 10 * minute);
  for (let call = 0; call < 20_000; call++) price.account(spending(), 100, 1);
  assert.ok(Math.abs(spending() - 97) < 5, String(spending()));
  for (let call = 0; call < 40_000; call++) price.account(spending(), 800, 1);
  assert.ok(Math.abs(spending() - 776) < 40, String(spending()));
});

test("it stays within a hundredth and a hundred times the first price, so that no stretch of odd traffic runs away with it", () => {
  const price = createPrice(1000);
  for (let call = 0; call < 5000; call++) price.account(0, 100, 1);
  assert.equal(price.perMs, 0.01 / 1000);
  for (let call = 0; call < 50_000; call++) price.account(1e6, 1, 1);
  assert.equal(price.perMs, 100 / 1000);
});
