import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import type { Allowance } from "./layer.ts";
import { applyLayer } from "./layer.ts";
import { tarEntries } from "./tar.ts";
import { type LayerEntry, tarOf } from "./testing.ts";

/** Lays layers over each other, lets `look` see the result, and what is beside the root. */
async function unpacked(
  layers: readonly (readonly LayerEntry[])[],
  look: (root: string, beside: string) => void | Promise<void>,
  left: Allowance = { entries: 1000, bytes: 1 << 20 },
): Promise<void> {
  const beside = mkdtempSync(join(tmpdir(), "thaw-layers-"));
  const root = join(beside, "root");
  mkdirSync(root);
  try {
    for (const layer of layers) await applyLayer(root, tarEntries(Readable.from(await tarOf(layer))), left);
    await look(root, beside);
    assert.deepEqual(readdirSync(beside), ["root"], "nothing is written beside the root");
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

const refused = (layers: readonly (readonly LayerEntry[])[], why: RegExp, left?: Allowance) =>
  unpacked([], async (root, beside) => {
    const all = async () => {
      for (const layer of layers) {
        await applyLayer(root, tarEntries(Readable.from(await tarOf(layer))), left ?? { entries: 100, bytes: 1 << 20 });
      }
    };
    await assert.rejects(all(), why);
    assert.deepEqual(readdirSync(beside), ["root"]);
  });

const folder = (name: string, mode = 0o755): LayerEntry => [`${name}/`, "", { type: "directory", mode }];
const link = (name: string, to: string): LayerEntry => [name, "", { type: "symlink", linkname: to }];
const hard = (name: string, to: string): LayerEntry => [name, "", { type: "link", linkname: to }];
const text = (root: string, name: string) => readFileSync(join(root, name), "utf8");

test("a later layer's files take the place of earlier ones, directories of both are one", () =>
  unpacked(
    [
      [folder("a"), ["a/one", "1"], ["a/two", "2"], ["thing", "a file"]],
      [["a/two", "II"], ["a/three", "3"], folder("thing"), ["thing/inside", "x"]],
    ],
    (root) => {
      assert.deepEqual(
        ["one", "two", "three"].map((name) => text(root, `a/${name}`)),
        ["1", "II", "3"],
      );
      assert.equal(text(root, "thing/inside"), "x");
    },
  ));

test("whiteouts delete what is below, not what their own layer brings", () =>
  unpacked(
    [
      [["keep", "1"], ["gone", "1"], folder("tree"), ["tree/leaf", "1"]],
      [
        [".wh.gone", ""],
        [".wh.tree", ""],
        ["again", "new"],
        [".wh.again", ""],
        [".wh.never-there", ""],
      ],
    ],
    (root) => assert.deepEqual(readdirSync(root).sort(), ["again", "keep"]),
  ));

test("an opaque directory shows its own layer's files only, wherever its mark stands", () =>
  unpacked(
    [
      [folder("d"), ["d/old", "1"], folder("d/sub"), ["d/sub/old", "1"]],
      [folder("d"), ["d/sub/new", "2"], ["d/new", "2"], ["d/.wh..wh..opq", ""]],
    ],
    (root) => {
      assert.deepEqual(readdirSync(join(root, "d")).sort(), ["new", "sub"]);
      assert.deepEqual(readdirSync(join(root, "d/sub")), ["new"]);
    },
  ));

test("a whiteout of a directory leaves what its own layer has in it", () =>
  unpacked(
    [
      [folder("d"), ["d/old", "1"]],
      [
        ["d/new", "2"],
        [".wh.d", ""],
      ],
    ],
    (root) => assert.deepEqual(readdirSync(join(root, "d")), ["new"]),
  ));

test("hard links share a file, also with one of a layer below", () =>
  unpacked([[["file", "1"], hard("twin", "file")], [hard("third", "twin")]], (root) => {
    assert.equal(statSync(join(root, "third")).ino, statSync(join(root, "file")).ino);
    assert.equal(statSync(join(root, "file")).nlink, 3);
  }));

test("a replaced hard link leaves its twin as it was", () =>
  unpacked([[["file", "old"], hard("twin", "file")], [["twin", "new"]]], (root) =>
    assert.deepEqual([text(root, "file"), text(root, "twin")], ["old", "new"]),
  ));

test("directories that are links are followed inside the root", () =>
  unpacked(
    [
      [folder("usr"), folder("usr/lib"), link("lib", "usr/lib")],
      [["lib/a", "1"]],
      [link("abs", "/usr/lib"), ["abs/b", "2"]],
    ],
    (root) => {
      assert.deepEqual(readdirSync(join(root, "usr/lib")).sort(), ["a", "b"]);
      assert.ok(lstatSync(join(root, "lib")).isSymbolicLink());
    },
  ));

test("links that lead out of the root lead back into it", () =>
  unpacked(
    [
      [link("up", "../../../../.."), link("etc", "/"), link("chain", "up/up")],
      [
        ["up/in-root", "1"],
        ["etc/also", "2"],
        ["chain/third", "3"],
      ],
    ],
    (root) =>
      assert.deepEqual(
        ["in-root", "also", "third"].map((name) => text(root, name)),
        ["1", "2", "3"],
      ),
  ));

test("a link is replaced, never written through", () =>
  unpacked([[["target", "safe"], link("name", "target")], [["name", "own"]]], (root) => {
    assert.equal(text(root, "target"), "safe");
    assert.equal(text(root, "name"), "own");
  }));

test("a directory that becomes a link within a layer is looked up anew", () =>
  unpacked(
    [
      [folder("a"), ["a/x", "1"], folder("b")],
      [["a/y", "2"], link("a", "b"), ["a/z", "3"]],
    ],
    (root) => assert.equal(text(root, "b/z"), "3"),
  ));

test("absolute names, names that lead upwards, and links to what is not there are refused", async () => {
  await refused([[["/etc/passwd", "x"]]], /absolute/);
  await refused([[["../beside", "x"]]], /upwards/);
  await refused([[["a/../../beside", "x"]]], /upwards/);
  await refused([[hard("twin", "../../etc/passwd")]], /upwards/);
  await refused([[hard("twin", "/etc/passwd")]], /absolute/);
  await refused([[hard("twin", "missing")]], /not there/);
  await refused([[link("up", ".."), hard("twin", "up/up/etc/passwd")]], /not there/);
  await refused(
    [
      [
        ["file", "x"],
        ["file/inside", "y"],
      ],
    ],
    /through a file/,
  );
  await refused([[link("a", "b"), link("b", "a"), ["a/x", "1"]]], /too many links/);
  await refused([[["d/.wh...", ""]]], /whiteout/);
});

test("what the owner may read or run everybody may, devices are left out, set-user-id bits too", () =>
  unpacked(
    [
      [
        ["secret", "1", { mode: 0o600 }],
        ["tool", "1", { mode: 0o4700 }],
        folder("closed", 0o700),
        ["closed/inside", "1"],
        ["null", "", { type: "character-device", mode: 0o666 }],
        ["pipe", "", { type: "fifo" }],
      ],
    ],
    (root) => {
      const mode = (name: string) => (statSync(join(root, name)).mode & 0o7777).toString(8);
      assert.deepEqual(["secret", "tool", "closed"].map(mode), ["644", "755", "755"]);
      assert.equal(existsSync(join(root, "null")) || existsSync(join(root, "pipe")), false);
    },
  ));

test("more bytes or files than are allowed are refused", async () => {
  await refused([[["big", Buffer.alloc(5000)]]], /larger/, { entries: 10, bytes: 4999 });
  await refused(
    [
      [
        ["a", ""],
        ["b", ""],
        ["c", ""],
      ],
    ],
    /more files/,
    { entries: 2, bytes: 1 },
  );
});
