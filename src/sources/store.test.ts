import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openCheckpoints } from "./store.ts";

function folder(): { path: string; [Symbol.dispose](): void } {
  const directory = mkdtempSync(join(tmpdir(), "thaw-sources-"));
  return {
    path: join(directory, "sources.sqlite"),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

test("what was written is there when the store is opened again, each mapping's for itself", async () => {
  using place = folder();
  const store = openCheckpoints(place.path);
  const one = store.of("one");
  await Promise.all([
    one.write(
      new Map([
        ["a", "1"],
        ["b", "2"],
      ]),
    ),
    store.of("two").write(new Map([["a", "3"]])),
  ]);
  await one.write(
    new Map([
      ["a", undefined],
      ["c", "4"],
    ]),
  );
  await store.close();
  const again = openCheckpoints(place.path);
  assert.deepEqual(
    new Map(again.of("one").all()),
    new Map([
      ["b", "2"],
      ["c", "4"],
    ]),
  );
  assert.deepEqual(new Map(again.of("two").all()), new Map([["a", "3"]]));
  again.keep(new Set(["two"]));
  assert.equal(again.of("one").all().size, 0);
  await again.close();
  const third = openCheckpoints(place.path);
  assert.equal(third.of("one").all().size, 0);
  assert.equal(third.of("two").all().size, 1);
  await third.close();
});

test("a write that the store is too late for is refused, not lost in silence", async () => {
  using place = folder();
  const store = openCheckpoints(place.path);
  const writing = store.of("one").write(new Map([["a", "1"]]));
  const closing = store.close();
  await writing;
  await closing;
  await assert.rejects(store.of("one").write(new Map([["a", "2"]])), /closed/);
});
