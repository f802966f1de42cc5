import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { startRegistry, type TestRegistry } from "../../../tests/e2e/images.ts";
import { createTrees } from "../trees.ts";
import { createEndpoints, type RegistrySettings } from "./endpoints.ts";
import { type ContainerImages, createContainerImages } from "./images.ts";
import type { ImageTrouble } from "./refused.ts";
import { archiveOf, type BuiltImage, buildImage, sha256Of, writeLayout } from "./testing.ts";

interface Place {
  readonly images: ContainerImages;
  readonly registry: TestRegistry;
  readonly folder: string;
  /** of the registry */
  readonly host: string;
  /** new ones over the same files */
  again(): ContainerImages;
}

async function withImages(body: (place: Place) => Promise<void>, settings: RegistrySettings = { logins: {} }) {
  const folder = mkdtempSync(join(tmpdir(), "thaw-containers-"));
  await using registry = await startRegistry();
  for (const name of ["unfinished", "roots", "allowed"]) mkdirSync(join(folder, name));
  const logins = Object.fromEntries(Object.entries(settings.logins).map(([, login]) => [registry.host, login]));
  const again = () =>
    createContainerImages({
      directory: join(folder, "data"),
      roots: createTrees(join(folder, "roots"), join(folder, "unfinished")),
      endpoints: createEndpoints({ ...settings, logins }),
      folders: [join(folder, "allowed")],
    });
  try {
    await body({ images: again(), registry, folder, host: registry.host, again });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const refusedAs = (trouble: ImageTrouble, message: RegExp) => (error: Error & { trouble?: string }) => {
  assert.equal(error.trouble, trouble, String(error.stack));
  assert.match(error.message, message);
  return true;
};

const bytes = (count: number) => Buffer.from(Array.from({ length: count }, (_, at) => (at * 7919) >> 3));

test("layers are unpacked whatever they are packed with, and a root is shared by images of the same layers", () =>
  withImages(async ({ images, registry, host, folder }) => {
    const layers = [[["a", "1"]], [["b", "2"]]] as const;
    const roots = new Set<string>();
    for (const compression of ["gzip", "zstd", "none"] as const) {
      registry.add("x", compression, await buildImage({ layers, compression, config: { Cmd: [compression] } }));
      const image = await images.get(await images.resolve(`${host}/x:${compression}`, "x86_64"));
      assert.deepEqual(image.config.command, [compression]);
      assert.equal(readFileSync(join(image.root, "b"), "utf8"), "2");
      roots.add(image.root);
    }
    assert.equal(roots.size, 1);
    assert.equal(readdirSync(join(folder, "roots")).filter((name) => !name.startsWith(".")).length, 1);
  }));

test("a pull that breaks off goes on where it was, and what is here is not pulled again", () =>
  withImages(async ({ images, registry, host, folder, again }) => {
    registry.add("x", "v1", await buildImage({ layers: [[["big", bytes(200_000)]]], compression: "none" }));
    const code = await images.resolve(`${host}/x:v1`, "x86_64");
    registry.stopAfter = 100_000;
    const got = images.get(code);
    const blobs = join(folder, "data", "blobs");
    const isPart = (name: string) => name.endsWith(".part") && statSync(join(blobs, name)).size > 0;
    while (!readdirSync(blobs).some(isPart)) await setImmediate();
    registry.breakOff?.();
    await got;
    const ranged = registry.requests.filter((request) => request.includes("bytes="));
    assert.equal(ranged.length, 1, registry.requests.join("\n"));
    assert.ok(Number(/bytes=(\d+)-/.exec(ranged[0]!)![1]) > 0);
    const before = registry.requests.length;
    await again().get(code);
    assert.equal(registry.requests.length, before);
  }));

test("a damaged blob is refused and not kept: the next pull gets it whole", () =>
  withImages(async ({ images, registry, host }) => {
    registry.add("x", "v1", await buildImage({ layers: [[["a", "1"]]] }));
    const code = await images.resolve(`${host}/x:v1`, "x86_64");
    registry.damage = true;
    await assert.rejects(images.get(code), refusedAs("damaged", /another digest/));
    registry.damage = false;
    assert.equal(readFileSync(join((await images.get(code)).root, "a"), "utf8"), "1");
  }));

test("a registry that wants a token gets one by the operator's login, and nobody else's", async () => {
  const image = await buildImage({ layers: [[["a", "1"]]] });
  await withImages(
    async ({ images, registry, host }) => {
      registry.login = "user:secret";
      registry.add("x", "v1", image);
      const code = await images.resolve(`${host}/x:v1`, "x86_64");
      assert.equal(code.digest, image.digest.slice(7));
      registry.login = "user:changed";
      await assert.rejects(images.resolve(`${host}/x:v1`, "x86_64"), refusedAs("denied", /permission to access/));
    },
    { logins: { it: "user:secret" } },
  );
  await withImages(async ({ images, registry, host }) => {
    registry.login = "user:secret";
    registry.add("x", "v1", image);
    await assert.rejects(images.resolve(`${host}/x:v1`, "x86_64"), refusedAs("denied", /permission to access/));
  });
});

test("an image of a registry that the operator has not allowed is never asked for", () =>
  withImages(
    async ({ images, registry, host }) => {
      registry.add("x", "v1", await buildImage({ layers: [[["a", "1"]]] }));
      const none = refusedAs("denied", /none of the registries .*THAW_IMAGE_REGISTRIES/);
      await assert.rejects(images.resolve(`${host}/x:v1`, "x86_64"), none);
      await assert.rejects(images.resolve("notexample.com/x:v1", "x86_64"), none);
      assert.deepEqual(registry.requests, []);
    },
    { logins: {}, allowed: ["*.example.com", "localhost:1"] },
  ));

test("of an index the image for the function's architecture is taken", () =>
  withImages(async ({ images, registry, host }) => {
    const [amd, arm] = await Promise.all(
      (["amd64", "arm64"] as const).map((architecture) =>
        buildImage({ layers: [[["a", architecture]]], architecture }),
      ),
    );
    const entry = ({ digest, manifest }: BuiltImage, architecture: string) => ({
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest,
      size: manifest.length,
      platform: { os: "linux", architecture },
    });
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const manifests = [entry(arm!, "arm64"), entry(amd!, "amd64")];
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
    for (const image of [amd!, arm!]) registry.add("x", image.digest, image);
    registry.add("x", "both", { manifest: index, digest: sha256Of(index), blobs: new Map() });
    assert.equal((await images.resolve(`${host}/x:both`, "x86_64")).digest, amd!.digest.slice(7));
    assert.equal((await images.resolve(`${host}/x:both`, "arm64")).digest, arm!.digest.slice(7));
    await assert.rejects(
      images.resolve(`${host}/x@${arm!.digest}`, "x86_64"),
      refusedAs("unsupported", /linux\/arm64/),
    );
  }));

test("hostile manifests are refused", () =>
  withImages(async ({ images, registry, host }) => {
    const good = await buildImage({ layers: [[["a", "1"]]] });
    const manifest = JSON.parse(good.manifest.toString());
    const cases: [string, unknown, ImageTrouble][] = [
      ["text", "no", "damaged"],
      ["null", null, "damaged"],
      ["schema", { ...manifest, schemaVersion: 1 }, "unsupported"],
      ["type", { ...manifest, mediaType: "application/vnd.wasm" }, "unsupported"],
      ["layer-type", { ...manifest, layers: [{ ...manifest.layers[0], mediaType: "text/plain" }] }, "unsupported"],
      ["digest", { ...manifest, layers: [{ ...manifest.layers[0], digest: "sha256:../../etc/passwd" }] }, "damaged"],
      ["size", { ...manifest, layers: [{ ...manifest.layers[0], size: -1 }] }, "damaged"],
      ["large", { ...manifest, layers: [{ ...manifest.layers[0], size: 11 * 1024 ** 3 }] }, "damaged"],
      ["many", { ...manifest, layers: Array(500).fill(manifest.layers[0]) }, "damaged"],
      ["config", { ...manifest, config: { ...manifest.config, size: 9 << 20 } }, "damaged"],
      ["more", { ...manifest, layers: [...manifest.layers, manifest.layers[0]] }, "damaged"],
      ["self", { schemaVersion: 2, manifests: [] }, "unsupported"],
    ];
    for (const [name, document, trouble] of cases) {
      const bytes = Buffer.from(JSON.stringify(document));
      const image = { manifest: bytes, digest: sha256Of(bytes), blobs: good.blobs };
      registry.add("x", name, { ...image, manifest: bytes });
      await assert.rejects(images.resolve(`${host}/x:${name}`, "x86_64"), refusedAs(trouble, /./), name);
    }
  }));

test("a layer that is not what the config names is refused, and leaves nothing", () =>
  withImages(async ({ images, registry, host, folder }) => {
    const other = await buildImage({ layers: [[["a", "2"]]] });
    const image = await buildImage({ layers: [[["a", "1"]]] });
    const manifest = JSON.parse(image.manifest.toString());
    manifest.layers = JSON.parse(other.manifest.toString()).layers;
    const bytes = Buffer.from(JSON.stringify(manifest));
    registry.add("x", "v1", {
      manifest: bytes,
      digest: sha256Of(bytes),
      blobs: new Map([...image.blobs, ...other.blobs]),
    });
    const code = await images.resolve(`${host}/x:v1`, "x86_64");
    await assert.rejects(images.get(code), refusedAs("damaged", /layer 1 of 1 .* not the tar/));
    assert.deepEqual(readdirSync(join(folder, "unfinished")), []);
    assert.deepEqual(
      readdirSync(join(folder, "roots")).filter((name) => !name.startsWith(".")),
      [],
    );
  }));

test("paths are for the operator's folders only, and no link leads out of them", () =>
  withImages(async ({ images, folder }) => {
    const image = await buildImage({ layers: [[["a", "1"]]] });
    writeLayout(join(folder, "allowed", "one"), image, "v1");
    writeLayout(join(folder, "elsewhere"), image, "v1");
    writeFileSync(join(folder, "allowed", "saved.tar"), await archiveOf(image, "x:v1"));
    symlinkSync(join(folder, "elsewhere"), join(folder, "allowed", "link"));
    assert.equal((await images.resolve(`oci:${folder}/allowed/one:v1`, "x86_64")).digest, image.digest.slice(7));
    const saved = await images.resolve(`docker-archive:${folder}/allowed/saved.tar`, "x86_64");
    assert.ok(existsSync(join((await images.get(saved)).root, "a")));
    for (const path of ["elsewhere", "allowed/link", "allowed/../elsewhere", "missing"]) {
      await assert.rejects(
        images.resolve(`oci:${folder}/${path}:v1`, "x86_64"),
        refusedAs("denied", /none of the folders/),
      );
    }
    await assert.rejects(
      images.resolve(`oci:${folder}/allowed/one:v9`, "x86_64"),
      refusedAs("missing", /does not exist/),
    );
  }));

test("what is no name of an image is not looked for", () =>
  withImages(async ({ images, registry, host }) => {
    const names = [
      "",
      "x",
      "x:v1",
      "x/y",
      "Upper.host/X",
      `${host}/a/../b`,
      `${host}/a:b:c`,
      `${host}/a@sha256:1`,
      `${host}/a b`,
      "oci:relative:v1",
      "http://x.y/z",
      `user@${host}/x`,
      `${host}/x?y`,
      `${host}/x#y`,
    ];
    for (const name of names) {
      await assert.rejects(images.resolve(name, "x86_64"), refusedAs("invalid", /is not valid/), name);
    }
    assert.deepEqual(registry.requests, []);
  }));

test("sweeping keeps what a function needs and deletes the rest", () =>
  withImages(async ({ images, registry, host, again }) => {
    registry.add("x", "v1", await buildImage({ layers: [[["shared", "1"]], [["one", "1"]]] }));
    registry.add("x", "v2", await buildImage({ layers: [[["shared", "1"]], [["two", "2"]]] }));
    const [one, two] = [await images.resolve(`${host}/x:v1`, "x86_64"), await images.resolve(`${host}/x:v2`, "x86_64")];
    const roots = [(await images.get(one)).root, (await images.get(two)).root];
    await images.sweep([two], -1000);
    assert.deepEqual(roots.map(existsSync), [false, true]);
    const before = registry.requests.length;
    await again().get(two);
    assert.equal(registry.requests.length, before, "nothing of it had to be pulled again");
    assert.ok(existsSync((await images.get(one)).root), "the other is pulled again where it is wanted");
    assert.ok(registry.requests.length > before);
  }));
