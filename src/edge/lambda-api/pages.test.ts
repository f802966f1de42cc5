import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../tests/properties.ts";
import { pageOf } from "./pages.ts";

const key = (item: string) => item;

test("pages together are the whole list, whatever their size", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1 })), fc.integer({ min: 1, max: 10 }), (items, max) => {
      const sorted = items.filter((item) => item.isWellFormed()).sort();
      const seen: string[] = [];
      let marker: string | undefined;
      do {
        const page = pageOf(sorted, key, marker, max);
        assert.ok(page.items.length <= max);
        seen.push(...page.items);
        marker = page.nextMarker;
      } while (marker !== undefined);
      assert.deepEqual(seen, sorted);
    }),
  );
});

test("a list whose last shown item is deleted goes on with the next one", () => {
  const { nextMarker } = pageOf(["a", "b", "c", "d"], key, undefined, 2);
  assert.deepEqual(pageOf(["a", "c", "d"], key, nextMarker, 2).items, ["c", "d"]);
});

test("a marker that was never given out is refused", () => {
  assert.throws(() => pageOf(["a"], key, "not base64!"), { code: "InvalidParameterValueException" });
});
