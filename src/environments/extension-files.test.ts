import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { extensionVariables, externalExtensions } from "./extension-files.ts";

test("extensions are what is no folder in the folder of that name, and no link leads out of the tree on the way there", async () => {
  const root = mkdtempSync(join(tmpdir(), "thaw-extension-files-"));
  try {
    mkdirSync(join(root, "own/extensions/folder"), { recursive: true });
    writeFileSync(join(root, "own/extensions/b"), "");
    symlinkSync("b", join(root, "own/extensions/a"));
    assert.deepEqual(await externalExtensions(join(root, "own")), ["a", "b"]);
    assert.deepEqual(await externalExtensions(root, "own"), ["a", "b"]);
    assert.deepEqual(await externalExtensions(join(root, "none")), []);
    mkdirSync(join(root, "sly"));
    symlinkSync("../own/extensions", join(root, "sly/extensions"));
    symlinkSync("own", join(root, "opt"));
    assert.deepEqual(await externalExtensions(join(root, "sly")), []);
    assert.deepEqual(await externalExtensions(root, "opt"), []);
    writeFileSync(join(root, "file"), "");
    assert.deepEqual(await externalExtensions(root, "file"), []);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("they have the function's variables, without those of the runtime and of the platform's own", () => {
  const env = { OWN: "1", AWS_REGION: "r", _HANDLER: "h", LAMBDA_TASK_ROOT: "/var/task", _THAW_COMPILE_CACHE: "/c" };
  assert.deepEqual(extensionVariables(env), { OWN: "1", AWS_REGION: "r" });
});
