import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Ordered } from "./ordered.ts";

const name = fc.string({ maxLength: 3 });
const change = fc.record({ kind: fc.constantFrom("set", "delete", "list", "from"), name });

test("whatever comes and goes, and whenever it is asked for, all is in the order of names", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const ordered = new Ordered<string>();
      const plain = new Map<string, string>();
      const sorted = (from = "") =>
        [...plain.keys()]
          .filter((each) => each >= from)
          .sort((one, other) => (one < other ? -1 : 1))
          .map((each) => plain.get(each));
      for (const [index, { kind, name }] of changes.entries()) {
        if (kind === "set") {
          ordered.set(name, `${name}${index}`);
          plain.set(name, `${name}${index}`);
        } else if (kind === "delete") {
          ordered.delete(name);
          plain.delete(name);
        } else if (kind === "list") assert.deepEqual(ordered.list(), sorted());
        else assert.deepEqual([...ordered.from(name)], sorted(name));
        assert.equal(ordered.get(name), plain.get(name));
      }
      assert.deepEqual(ordered.list(), sorted());
      assert.deepEqual([...ordered.values()].sort(), [...plain.values()].sort());
    }),
  );
});

test("a list that was given does not change", () => {
  const ordered = new Ordered<number>();
  ordered.set("b", 2);
  const before = ordered.list();
  ordered.set("a", 1);
  ordered.set("b", 3);
  ordered.delete("b");
  assert.deepEqual(before, [2]);
  assert.deepEqual(ordered.list(), [1]);
});
