import assert from "node:assert/strict";
import { test } from "node:test";
import type { Delivery } from "rhea";
import { createCredits } from "./credits.ts";

test("what is over behind a message that is not gives no room, and all of it once that one is over", () => {
  const given: number[] = [];
  const credits = createCredits({ add_credit: (count) => given.push(count) });
  const [one, two, three] = [{}, {}, {}] as [Delivery, Delivery, Delivery];
  for (const delivery of [one, two, three]) credits.taken(delivery);
  credits.over(two);
  assert.deepEqual(given, []);
  credits.over(one);
  assert.deepEqual(given, [2]);
  credits.over(three);
  assert.deepEqual(given, [2, 1]);
});
