import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { layDown } from "./lay.ts";

test("a program that is laid down is the same, may be run, and is where it was no more", async () => {
  const directory = mkdtempSync(join(tmpdir(), "thaw-lay-"));
  try {
    for (const bytes of [0, 1, 64 * 1024, 64 * 1024 * 3 + 5]) {
      const [from, to] = [join(directory, "from"), join(directory, `to-${bytes}`)];
      const content = randomBytes(bytes);
      writeFileSync(from, content);
      await layDown(from, to);
      assert.ok(readFileSync(to).equals(content));
      assert.equal(statSync(to).mode & 0o777, 0o755);
      assert.ok(!existsSync(from));
    }
    writeFileSync(join(directory, "again"), "x");
    await assert.rejects(layDown(join(directory, "again"), join(directory, "to-1")), { code: "EEXIST" });
    assert.ok(existsSync(join(directory, "again")), "nothing is lost");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
