import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fromBuffer } from "yauzl";
import { CommandFailure } from "../failure.ts";
import { packageFrom, zipFolder, zipText } from "./zip.ts";

/** A folder of files; a value that starts with `->` is a symbolic link. */
function folderOf(t: { after(done: () => void): void }, files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "thaw-zip-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    if (content.startsWith("->")) symlinkSync(content.slice(2), join(folder, name));
    else writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** Names of a zip's entries with their Unix modes. */
function entriesOf(zip: Buffer): Promise<Map<string, number>> {
  return new Promise((resolve, reject) => {
    fromBuffer(zip, (error, archive) => {
      if (error) return reject(error);
      const entries = new Map<string, number>();
      archive.on("entry", (entry) => entries.set(entry.fileName, entry.externalFileAttributes >>> 16));
      archive.once("error", reject);
      archive.once("end", () => resolve(entries));
    });
  });
}

test("the same files make the same bytes, whenever and in whatever order they were written", async (t) => {
  const first = folderOf(t, { "a.js": "1", "lib/b.js": "2", "z.js": "3" });
  const second = folderOf(t, { "z.js": "3", "lib/b.js": "2", "a.js": "1" });
  utimesSync(join(second, "a.js"), 1e9, 1e9);
  const [one, two] = await Promise.all([zipFolder(first), zipFolder(second)]);
  assert.equal(one.sha256, two.sha256);
  assert.deepEqual(one.zip, two.zip);
  assert.equal(one.files, 3);
});

test("a changed byte or a changed mode changes the package", async (t) => {
  const folder = folderOf(t, { bootstrap: "#!/bin/sh" });
  const before = await zipFolder(folder);
  chmodSync(join(folder, "bootstrap"), 0o755);
  const executable = await zipFolder(folder);
  assert.notEqual(before.sha256, executable.sha256);
  assert.equal((await entriesOf(executable.zip)).get("bootstrap")! & 0o777, 0o755);
});

test("version control, caches and what .thawignore names stay out; a ! lets back in", async (t) => {
  const folder = folderOf(t, {
    ".git/HEAD": "x",
    "node_modules/.cache/x": "x",
    "node_modules/dep/index.js": "x",
    "__pycache__/a.pyc": "x",
    ".thawignore": "# notes\n*.md\n!KEEP.md\n/test/\n",
    "README.md": "x",
    "KEEP.md": "x",
    "test/a.js": "x",
    "lib/test/a.js": "x",
    "index.js": "x",
  });
  const { zip } = await zipFolder(folder);
  assert.deepEqual(
    [...(await entriesOf(zip)).keys()],
    ["KEEP.md", "index.js", "lib/test/a.js", "node_modules/dep/index.js"],
  );
});

test("links that stay inside are kept as links, links that leave are refused by name", async (t) => {
  const inside = folderOf(t, { "lib/real.js": "x", "lib/link.js": "->real.js", "up.js": "->lib/real.js" });
  const entries = await entriesOf((await zipFolder(inside)).zip);
  assert.equal(entries.get("lib/link.js")! & 0o170000, 0o120000);
  assert.equal(entries.get("up.js")! & 0o170000, 0o120000);

  for (const target of ["../outside.js", "/etc/passwd", "lib/../../x"]) {
    const leaving = folderOf(t, { "bad.js": `->${target}` });
    await assert.rejects(zipFolder(leaving), (error: CommandFailure) => {
      assert.ok(error instanceof CommandFailure);
      assert.match(error.message, /bad\.js is a link that leaves the folder/);
      assert.match(error.next ?? "", /\.thawignore/);
      return true;
    });
  }
});

test("an empty folder is refused", async (t) => {
  await assert.rejects(zipFolder(folderOf(t, { ".thawignore": "x" })), /has no files to deploy/);
});

test("an archive is taken as it is, a single file is zipped under its own name", async (t) => {
  const { zip } = await zipText("index.js", "1");
  const folder = folderOf(t, { "one.py": "x" });
  writeFileSync(join(folder, "code.zip"), zip);
  assert.deepEqual((await packageFrom(join(folder, "code.zip"))).zip, zip);
  assert.deepEqual([...(await entriesOf((await packageFrom(join(folder, "one.py"))).zip)).keys()], ["one.py"]);
});
