import assert from "node:assert/strict";
import { test } from "node:test";
import { createLingering } from "./lingering.ts";

test("what is not used any more is kept for its time, which begins anew when it was used again", () => {
  let now = 0;
  const keep = createLingering({ keepMs: 100, clock: () => now });
  assert.equal(keep("one", true), true);
  now = 500;
  assert.equal(keep("one", false), true, "it was used until now, as far as anybody knows");
  now = 599;
  assert.equal(keep("one", false), true);
  assert.equal(keep("other", false), true, "each has its own time");
  now = 600;
  assert.equal(keep("one", false), false);
  assert.equal(keep("one", true), true);
  assert.equal(keep("one", false), true);
  now = 699;
  assert.equal(keep("one", false), true);
  assert.equal(keep("other", false), false);
});
