import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionVersion } from "../../model/index.ts";
import { traced } from "./lineage.ts";

const requestId = "0a1b2c3d-4e5f-4789-8abc-def012345678";
const named = (name: string) => ({ account: "000000000000", region: "us-east-1", name }) as FunctionVersion;

/** Lets functions call each other in this order, again and again, until one is stopped or `most` ran; gives the number that ran. */
function runs(names: readonly string[], most: number, allowed: readonly string[] = [], lead: readonly string[] = []) {
  let header: string | undefined;
  for (let count = 0; count < most; count += 1) {
    const name = lead[count] ?? (names[(count - lead.length) % names.length] as string);
    const next = traced(header, requestId, named(name));
    if (next.looping && !allowed.includes(name)) return count;
    header = next.header;
  }
  return most;
}

test("a request without a trace begins one that is not sampled, with the function as the first of its chain", () => {
  const { header, looping } = traced(undefined, requestId, named("a"));
  assert.match(
    header,
    /^Root=1-[0-9a-f]{8}-0a1b2c3d4e5f47898abcdef0;Parent=8abcdef012345678;Sampled=0;Lineage=1:[0-9a-f]{8}:0$/,
  );
  assert.equal(looping, false);
});

test("what a trace says otherwise is kept", () => {
  const given = "Root=1-65f0a1b2-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=1;Data=x";
  const first = traced(given, requestId, named("a")).header;
  assert.match(
    first,
    /^Root=1-65f0a1b2-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=1;Data=x;Lineage=1:[0-9a-f]{8}:0$/,
  );
  const second = traced(first, requestId, named("a")).header;
  assert.equal(second, first.replace(/Lineage=1:(.{8}):0$/, "Lineage=2:$1:1"));
});

test("a function that calls itself runs 16 times", () => {
  assert.equal(runs(["a"], 100), 16);
});

test("loops of several functions are found wherever they begin", () => {
  for (const length of [2, 3, 5, 9, 33, 100]) {
    const loop = Array.from({ length }, (_, index) => `f${index}`);
    const ran = runs(loop, 10_000);
    assert.ok(ran >= 16 * length && ran <= 20 * length + 256, `${length}: ${ran}`);
  }
  const late = runs(
    ["a", "b"],
    10_000,
    [],
    Array.from({ length: 21 }, (_, index) => `once-${index}`),
  );
  assert.ok(late < 120, String(late));
});

test("a function that may recurse does, and the others of its loop are still stopped", () => {
  assert.equal(runs(["a"], 1000, ["a"]), 1000);
  const mixed = runs(["a", "b"], 1000, ["a"]);
  assert.ok(mixed > 32 && mixed < 100, String(mixed));
});

test("who is called once by a function that recursed long is not taken for a loop", () => {
  const long = Array.from({ length: 40 }, () => "a");
  assert.equal(runs(["other"], 41, ["a"], long), 41);
});

test("a chain without a cycle goes on however long it is", () => {
  assert.equal(
    runs(
      Array.from({ length: 2000 }, (_, index) => `f${index}`),
      2000,
    ),
    2000,
  );
});

test("a lineage that is none is not believed", () => {
  for (const bad of [
    "Lineage=1:zz:0",
    "Lineage=1:0123456789:0",
    "Lineage=a:01234567:999999",
    "xLineage=1:01234567:99",
  ]) {
    assert.match(traced(`Root=1;${bad}`, requestId, named("a")).header, /;Lineage=1:[0-9a-f]{8}:0$/);
  }
});
