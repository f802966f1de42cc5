import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../../tests/properties.ts";
import { isFilterPattern } from "./filter-pattern.ts";

const taken = [
  {},
  { a: ["b"] },
  { a: { b: { c: [null, 1, true, ""] } } },
  { a: [{ prefix: "x" }, { suffix: "y" }, "z"] },
  { a: [{ "equals-ignore-case": "" }] },
  { a: [{ exists: true }], b: [{ exists: false }] },
  { a: [{ numeric: ["=", -1.5] }], b: [{ numeric: [">=", 0, "<", 9] }] },
  { a: [{ "anything-but": "x" }], b: [{ "anything-but": ["x", 1] }], c: [{ "anything-but": { prefix: "p" } }] },
  { $or: [{ a: ["b"] }, { c: { d: ["e"] } }], f: ["g"] },
];

const refused = [
  [],
  "text",
  null,
  { a: "b" },
  { a: [] },
  { a: {} },
  { a: [["b"]] },
  { a: [{}] },
  { a: [{ prefix: "x", suffix: "y" }] },
  { a: [{ prefix: "" }] },
  { a: [{ prefix: 1 }] },
  { a: [{ exists: "yes" }] },
  { a: [{ numeric: [] }] },
  { a: [{ numeric: ["=", "1"] }] },
  { a: [{ numeric: [">", 9, "<", 0] }] },
  { a: [{ numeric: ["<", 0, ">", 9] }] },
  { a: [{ "anything-but": [] }] },
  { a: [{ "anything-but": null }] },
  { a: [{ constructor: 1 }] },
  { $or: [{ a: ["b"] }] },
  { $or: { a: ["b"] } },
];

test("patterns of every rule are taken", () => {
  for (const pattern of taken) assert.equal(isFilterPattern(JSON.stringify(pattern)), true, JSON.stringify(pattern));
});

test("what no rule allows is refused", () => {
  for (const pattern of refused) assert.equal(isFilterPattern(JSON.stringify(pattern)), false, JSON.stringify(pattern));
  for (const text of ["", "{", "{'a': ['b']}", '{"a":["b"]} x']) assert.equal(isFilterPattern(text), false, text);
});

test("any text is either a pattern or none", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      assert.equal(typeof isFilterPattern(text), "boolean");
    }),
  );
});
