import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { createImages, type Image, type ImagesNeeds } from "./images.ts";

let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "thaw-images-")), "images");
});
afterEach(() => rmSync(join(directory, ".."), { recursive: true }));

const open = (changes: Partial<ImagesNeeds> = {}) =>
  createImages({ directory, machine: "this one", budgetBytes: 1000, ...changes });
const owner = { account: "000000000000", region: "us-east-1", name: "f", version: "1", key: "k" };
const facts = {
  pages: 1,
  threads: 1,
  copied: false,
  sockets: 0,
  via: "frames",
  drew: false,
  initMs: 1,
  dumpMs: 1,
} as const;
/** `a` and `a2` are of one version */
const about = (key: string, bytes: number): Omit<Image, "path"> => ({
  key,
  owner: { ...owner, key: key.slice(0, 1) },
  madeAt: 1,
  bytes,
  facts,
});

async function put(images: ReturnType<typeof open>, key: string, bytes = 100): Promise<Image> {
  const draft = images.draft();
  writeFileSync(draft, Buffer.alloc(bytes), { mode: 0o600 });
  return images.keep(draft, about(key, bytes));
}

test("an image that was kept is found, also after a restart, and nobody else may look into the directory", async () => {
  const images = open();
  const kept = await put(images, "a");
  assert.deepEqual(images.find("a"), kept);
  assert.deepEqual(open().find("a"), kept);
  assert.equal(images.find("b"), undefined);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  for (const name of readdirSync(directory)) assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
});

test("images of another machine, boot or agent are deleted at the next start", async () => {
  await put(open(), "a");
  assert.deepEqual(open({ machine: "another" }).list(), []);
  assert.deepEqual(readdirSync(directory), []);
});

test("what a crash left half-done is deleted: drafts, images without a note, notes of an image of another size", async () => {
  const images = open();
  await put(images, "whole");
  writeFileSync(images.draft(), "unfinished");
  writeFileSync(join(directory, "alone.image"), "x");
  await put(images, "short");
  writeFileSync(join(directory, "short.image"), "less");
  writeFileSync(join(directory, "garbage.json"), "{");
  assert.deepEqual(
    open()
      .list()
      .map(({ key }) => key),
    ["whole"],
  );
  assert.deepEqual(readdirSync(directory).sort(), ["whole.image", "whole.json"]);
});

test("beyond the budget the longest unused images go", async () => {
  const images = open({ budgetBytes: 250 });
  await put(images, "a");
  const b = await put(images, "b");
  images.find("a");
  await put(images, "c");
  assert.deepEqual(
    images
      .list()
      .map(({ key }) => key)
      .sort(),
    ["a", "c"],
  );
  assert.equal(existsSync(b.path), false);
  assert.equal(images.storedBytes(), 200);
});

test("a newer image takes the place of one with the same key", async () => {
  const images = open();
  await put(images, "a", 100);
  const again = await put(images, "a", 150);
  assert.deepEqual([images.find("a")?.bytes, statSync(again.path).size, images.storedBytes()], [150, 150, 150]);
});

test("an image with another key takes the place of its version's earlier one, which nothing asks for any more", async () => {
  const images = open();
  const first = await put(images, "a");
  await put(images, "b");
  await put(images, "a2");
  assert.deepEqual(
    images
      .list()
      .map(({ key }) => key)
      .sort(),
    ["a2", "b"],
  );
  assert.equal(existsSync(first.path), false);
});

test("sweeping drops the images of versions that are gone, and a draft given up leaves nothing", async () => {
  const images = open();
  await put(images, "a");
  await images.sweep(() => true);
  assert.equal(images.list().length, 1);
  await images.sweep(({ version }) => version !== "1");
  const draft = images.draft();
  writeFileSync(draft, "x");
  await images.discard(draft);
  assert.deepEqual(readdirSync(directory), []);
});

test("an image that is a directory is kept, counted, found again, replaced and dropped like a file", async () => {
  const make = (images: ReturnType<typeof open>, bytes: number) => {
    const draft = images.draft();
    mkdirSync(draft);
    writeFileSync(join(draft, "pages"), Buffer.alloc(bytes - 1));
    writeFileSync(join(draft, "facts"), "x");
    return draft;
  };
  const images = open();
  await images.keep(make(images, 100), about("a", 100));
  const kept = await images.keep(make(images, 150), about("a", 150));
  assert.deepEqual([images.storedBytes(), readdirSync(directory).length], [150, 2]);
  assert.deepEqual(open().find("a"), kept);
  await put(images, "a", 70);
  assert.equal(statSync(kept.path).isFile(), true);
  await images.keep(make(images, 150), about("a", 150));
  await images.discard(make(images, 10));
  truncateSync(join(kept.path, "pages"), 3);
  assert.deepEqual(open().list(), []);
  await images.drop("a");
  assert.deepEqual(readdirSync(directory), []);
});
