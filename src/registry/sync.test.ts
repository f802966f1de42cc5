import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createSyncer } from "./sync.ts";

test("what was committed is flushed before anybody hears of it, and nothing twice", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "thaw-sync-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "log");
  writeFileSync(path, "x");
  const syncer = createSyncer(path);
  await syncer.synced();
  syncer.committed();
  const first = syncer.synced();
  assert.equal(syncer.synced(), first, "one flush for all who wait");
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
  syncer.committed();
  const second = syncer.synced();
  assert.notEqual(second, first, "a flush that has begun does not count for what came later");
  await Promise.all([first, second]);
  await syncer.synced();
  syncer.close();
  await syncer.synced();
});

test("without a file there is nothing to flush", async () => {
  const syncer = createSyncer(undefined);
  syncer.committed();
  await syncer.synced();
  syncer.close();
});

test("after a failure nothing is safe any more, whatever is flushed", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "thaw-sync-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "log");
  writeFileSync(path, "x");
  const syncer = createSyncer(path);
  syncer.fail(new Error("the disk is full"));
  assert.equal(syncer.behind(), true);
  syncer.committed();
  await assert.rejects(syncer.synced(), /the disk is full/);
  await assert.rejects(syncer.synced(), /the disk is full/);
  syncer.close();
});
