import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type CompiledOwner, CompiledRefused, createArtifacts } from "./index.ts";

const root = mkdtempSync(join(tmpdir(), "thaw-compiled-"));
after(() => rmSync(root, { recursive: true }));
const open = (dataDir = join(root, "data")) => createArtifacts({ dataDir, log: () => {} }).compiled;
const owner = (key: string, account = "000000000000"): CompiledOwner => ({
  account,
  region: "us-east-1",
  name: "f",
  version: "1",
  key,
});
const files = (...names: string[]) => new Map(names.map((name) => [name, Buffer.from(`bytes of ${name}`)]));

test("compiled code is found by its own version alone, started in the same way, and after a restart", async () => {
  const compiled = open();
  await compiled.keep(owner("a"), "form", files("one", "v24-x64/0123.cache"));
  for (const store of [compiled, open()]) {
    const folder = store.find(owner("a"), "form")!;
    assert.deepEqual(readdirSync(folder, { recursive: true }).sort(), ["one", "v24-x64", "v24-x64/0123.cache"]);
    assert.equal(readFileSync(join(folder, "one"), "utf8"), "bytes of one");
    assert.equal(statSync(join(folder, "one")).mode & 0o777, 0o444);
    assert.equal(store.find(owner("b"), "form"), undefined);
    assert.equal(store.find(owner("a"), "of another runtime"), undefined);
    assert.equal(store.storedBytes(), 39);
  }
});

test("what is kept again replaces what was there, and what is dropped is gone", async () => {
  const directory = join(root, "again");
  const compiled = open(directory);
  await compiled.keep(owner("a"), "form", files("one"));
  await compiled.keep(owner("a"), "form", files("two"));
  assert.deepEqual(readdirSync(compiled.find(owner("a"), "form")!), ["two"]);
  await compiled.keep(owner("b"), "form", files("three"));
  await compiled.sweep(({ key }) => key === "b");
  assert.equal(compiled.find(owner("a"), "form"), undefined);
  await compiled.drop(owner("b"));
  assert.equal(compiled.storedBytes(), 0);
  assert.deepEqual(
    readdirSync(join(directory, "compiled")).filter((name) => name !== ".boot"),
    [],
  );
});

for (const name of [
  "",
  ".",
  "..",
  "../x",
  "/x",
  "x/",
  "a/b/c",
  "a//b",
  ".hidden",
  "a/.b",
  "a\0b",
  "a b",
  "x".repeat(101),
]) {
  test(`a file is not called ${JSON.stringify(name.slice(0, 20))}`, async () => {
    const compiled = open(join(root, "names"));
    await assert.rejects(compiled.keep(owner("n"), "form", files("fine", name)), CompiledRefused);
    assert.equal(compiled.find(owner("n"), "form"), undefined);
  });
}

test("a file cannot be a folder as well, and nothing is left of the attempt", async () => {
  const directory = join(root, "both");
  const compiled = open(directory);
  await assert.rejects(compiled.keep(owner("a"), "form", files("x", "x/y")));
  assert.equal(compiled.find(owner("a"), "form"), undefined);
  assert.deepEqual(readdirSync(join(directory, "unfinished")), []);
});

test("more than 64 MiB of one version are not kept", async () => {
  const large = new Map([["x", Buffer.alloc(64 * 2 ** 20 + 1)]]);
  await assert.rejects(open(join(root, "large")).keep(owner("a"), "form", large), /67108865 bytes; 67108864 are taken/);
});

test("a folder without a readable note is nobody's and goes", async () => {
  const directory = join(root, "note");
  const compiled = open(directory);
  await compiled.keep(owner("a"), "form", files("one"));
  writeFileSync(join(compiled.find(owner("a"), "form")!, "..", "note.json"), "{");
  const again = open(directory);
  assert.equal(again.find(owner("a"), "form"), undefined);
  assert.equal(again.storedBytes(), 0);
});
