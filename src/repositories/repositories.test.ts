import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf } from "./content.ts";
import type { RepositoryError } from "./failure.ts";
import { createRepositories, type Documents } from "./repositories.ts";

function documents<T extends { readonly account: string; readonly name: string }>(): Documents<T> {
  const all = new Map<string, T>();
  const key = (account: string, name: string) => `${account}/${name}`;
  return {
    get: (account, name) => all.get(key(account, name)),
    put: (record) => void all.set(key(record.account, record.name), record),
    remove: (account, name) => void all.delete(key(account, name)),
    list: (account) => [...all.values()].filter((one) => one.account === account),
    everything: () => all.values(),
  };
}

function opened(clock: () => number = Date.now) {
  const directory = mkdtempSync(join(tmpdir(), "thaw-repositories-"));
  const repositories = createRepositories({
    directory,
    repositories: documents(),
    images: documents(),
    blobs: documents(),
    clock,
  });
  const create = (repository: string, mutability: "MUTABLE" | "IMMUTABLE_WITH_EXCLUSION" = "MUTABLE") =>
    repositories.create({
      account: "000000000000",
      region: "us-east-1",
      repository,
      host: "localhost",
      mutability,
      exclusions: mutability === "MUTABLE" ? [] : ["dev-*-x*"],
      scanOnPush: false,
      encryption: {},
      tags: {},
    });
  return {
    repositories,
    create,
    files: () => readdirSync(join(directory, "blobs")).length,
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

type Opened = ReturnType<typeof opened>;

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

async function pushBlob({ repositories }: Opened, to: ReturnType<Opened["create"]>, text: string) {
  const digest = digestOf(Buffer.from(text));
  const upload = await repositories.begin(to);
  await repositories.append(upload, once(text));
  await repositories.finish(to, upload, digest);
  return { mediaType: "application/octet-stream", digest, size: Buffer.byteLength(text) };
}

const manifestOf = (config: object, layers: object[]) =>
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config,
      layers,
    }),
  );

const refused = (code: RepositoryError["code"]) => (error: RepositoryError) => error.code === code;

test("content that two repositories have is there until neither has it", async () => {
  using house = opened();
  const [one, other] = [house.create("one"), house.create("other")];
  const layer = await pushBlob(house, one, "layer");
  assert.equal(house.repositories.blob(other, layer.digest), undefined);
  assert.ok(house.repositories.mount(one, other, layer.digest));
  house.repositories.remove(one, true);
  assert.ok(existsSync(house.repositories.path(layer.digest)));
  house.repositories.remove(other, true);
  assert.equal(existsSync(house.repositories.path(layer.digest)), false);
});

test("a layer of another digest than it was said to have leaves nothing behind", async () => {
  using house = opened();
  const to = house.create("one");
  const upload = await house.repositories.begin(to);
  await house.repositories.append(upload, once("sent"));
  const wrong = digestOf(Buffer.from("meant"));
  await assert.rejects(house.repositories.finish(to, upload, wrong), refused("InvalidLayerException"));
  assert.equal(house.repositories.blob(to, wrong), undefined);
  assert.equal(house.files(), 0);
  assert.throws(() => house.repositories.upload(to, upload.id), refused("UploadNotFoundException"));
});

test("an upload is its repository's alone", async () => {
  using house = opened();
  const upload = await house.repositories.begin(house.create("one"));
  assert.throws(() => house.repositories.upload(house.create("other"), upload.id), refused("UploadNotFoundException"));
});

test("a repository that was deleted while a layer came for it gets nothing", async () => {
  using house = opened();
  const to = house.create("one");
  const upload = await house.repositories.begin(to);
  await house.repositories.append(upload, once("late"));
  house.repositories.remove(to, true);
  const late = house.repositories.finish(to, upload, digestOf(Buffer.from("late")));
  await assert.rejects(late, refused("RepositoryNotFoundException"));
  house.repositories.sweep();
  assert.equal(house.files(), 0);
});

test("an image needs its layers, and takes them along unless another has them", async () => {
  using house = opened();
  const { repositories } = house;
  const to = house.create("one");
  const config = await pushBlob(house, to, "{}");
  const [shared, own] = [await pushBlob(house, to, "shared"), await pushBlob(house, to, "own")];
  const missing = { ...own, digest: digestOf(Buffer.from("never sent")) };
  const lacking = repositories.putImage(to, { manifest: manifestOf(config, [missing]), tag: "v1" });
  await assert.rejects(lacking, refused("LayersNotFoundException"));
  const { image } = await repositories.putImage(to, { manifest: manifestOf(config, [shared, own]), tag: "v1" });
  await repositories.putImage(to, { manifest: manifestOf(config, [shared]), tag: "v2" });
  assert.ok(repositories.removeImage(to, image));
  const left = [config, shared, own].map(({ digest }) => repositories.blob(to, digest) !== undefined);
  assert.deepEqual(left, [true, true, false]);
});

test("an image that an index names stays as long as the index", async () => {
  using house = opened();
  const { repositories } = house;
  const to = house.create("one");
  const { image } = await repositories.putImage(to, { manifest: manifestOf(await pushBlob(house, to, "{}"), []) });
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const index = { schemaVersion: 2, mediaType, manifests: [{ digest: image.digest, size: 1, mediaType: "x" }] };
  const pushed = await repositories.putImage(to, { manifest: Buffer.from(JSON.stringify(index)), tag: "both" });
  assert.equal(repositories.removeImage(to, image), false);
  assert.ok(repositories.removeImage(to, pushed.image));
  assert.ok(repositories.removeImage(to, image));
});

test("a tag moves from image to image, unless it must not", async () => {
  using house = opened();
  const { repositories } = house;
  const push = async (to: ReturnType<Opened["create"]>, text: string, tag: string) => {
    const config = await pushBlob(house, to, text);
    return (await repositories.putImage(to, { manifest: manifestOf(config, []), tag })).image.digest;
  };
  const free = house.create("free");
  const first = await push(free, "1", "latest");
  const second = await push(free, "2", "latest");
  assert.equal(repositories.image(free, "latest")?.digest, second);
  assert.deepEqual(repositories.image(free, first)?.tags, []);

  const fixed = house.create("fixed", "IMMUTABLE_WITH_EXCLUSION");
  await push(fixed, "1", "v1");
  await push(fixed, "1", "v1");
  await assert.rejects(push(fixed, "2", "v1"), refused("ImageTagAlreadyExistsException"));
  for (const [tag, moves] of [
    ["dev-1-x", true],
    ["dev--x2", true],
    ["dev-x", false],
    ["xdev-1-x", false],
  ] as const) {
    await push(fixed, "1", tag);
    const again = push(fixed, "2", tag);
    if (moves) await again;
    else await assert.rejects(again, refused("ImageTagAlreadyExistsException"), tag);
  }
});

test("a layer that no image wants goes after a day, and not before", async () => {
  let now = 1e12;
  using house = opened(() => now);
  const to = house.create("one");
  await pushBlob(house, to, "forgotten");
  now += 23 * 3600_000;
  house.repositories.sweep();
  assert.equal(house.files(), 1);
  now += 2 * 3600_000;
  house.repositories.sweep();
  assert.equal(house.files(), 0);
});

test("what is no manifest is refused and changes nothing", async () => {
  using house = opened();
  const to = house.create("one");
  const config = await pushBlob(house, to, "{}");
  const layer = { digest: "sha256:../../../etc/passwd", size: 1 };
  const bad = [
    "",
    "null",
    "[]",
    "{}",
    '{"schemaVersion":1}',
    '{"schemaVersion":2}',
    JSON.stringify({ schemaVersion: 2, mediaType: "text/plain", config, layers: [] }),
    JSON.stringify({ schemaVersion: 2, config, layers: [null] }),
    JSON.stringify({ schemaVersion: 2, config, layers: [layer] }),
    JSON.stringify({ schemaVersion: 2, config: { ...config, size: -1 }, layers: [] }),
  ];
  for (const text of bad) {
    const put = house.repositories.putImage(to, { manifest: Buffer.from(text), tag: "v1" });
    await assert.rejects(put, refused("InvalidParameterException"), text);
  }
  assert.deepEqual(house.repositories.images(to), []);
  assert.equal(house.files(), 1);
});
