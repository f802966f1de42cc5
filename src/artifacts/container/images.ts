import { createHash } from "node:crypto";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { CodeRef } from "../../model/index.ts";
import type { Trees } from "../trees.ts";
import { createArchives } from "./archive-source.ts";
import { createBlobs } from "./blobs.ts";
import type { Endpoints } from "./endpoints.ts";
import { flatten } from "./flatten.ts";
import { folderSource, withinFolders } from "./folder-source.ts";
import {
  choose,
  goArchitecture,
  hostile,
  type ImageConfig,
  type Manifest,
  readConfig,
  readManifest,
} from "./manifest.ts";
import { type FindOwn, ownSource, type Puller } from "./own-source.ts";
import { parseReference, type Reference, resolvedUri } from "./reference.ts";
import { registrySource } from "./registry-source.ts";
import type { ImageSource } from "./source.ts";

/** An image that is ready to run. */
export interface ReadyImage {
  /** directory that is to be the root, read-only */
  readonly root: string;
  readonly config: Pick<ImageConfig, "env" | "entryPoint" | "command" | "workingDirectory">;
}

/** Container images: pulled, checked and unpacked once for all functions that share their layers. */
export interface ContainerImages {
  /** Looks an image up, and settles which it is for good. Rejects with ImageRefused. */
  resolve(uri: string, architecture: "x86_64" | "arm64", puller?: Puller): Promise<CodeRef>;
  /** Pulls and unpacks what is not here yet. Rejects with ImageRefused. */
  get(code: CodeRef): Promise<ReadyImage>;
  /** Deletes what none of `live` needs and what is older than `graceMs` (an hour). Not while a sandbox may have a root that is not live. */
  sweep(live: readonly CodeRef[], graceMs?: number): Promise<void>;
}

export interface ImagesNeeds {
  /** theirs alone */
  readonly directory: string;
  /** unpacked roots, by the chain of their layers */
  readonly roots: Trees;
  readonly endpoints: Endpoints;
  /** folders of this machine from which images may be named by path */
  readonly folders: readonly string[];
  /** repositories of this platform's own; absent: it has none */
  readonly own?: FindOwn | undefined;
}

/** Blobs of one image that are fetched at once. */
const atOnce = 4;

export function createContainerImages(needs: ImagesNeeds): ContainerImages {
  const blobs = createBlobs(join(needs.directory, "blobs"));
  const archives = createArchives(join(needs.directory, "archives"));
  /** by the manifest's digest */
  const ready = new Map<string, ReadyImage>();

  async function sourceOf(reference: Reference, uri: string, puller?: Puller): Promise<ImageSource> {
    if (reference.kind === "registry") {
      const own = needs.own?.(reference, puller);
      if (own !== undefined) return ownSource(own, reference.reference, uri);
      return registrySource(needs.endpoints.of(reference, uri), { ...reference, uri });
    }
    const path = await withinFolders(reference.path, needs.folders, uri);
    if (reference.kind === "oci") return folderSource(path, reference.tag, uri);
    return folderSource(await archives.opened(path, reference.tag, uri), undefined, uri);
  }

  async function resolve(uri: string, architecture: "x86_64" | "arm64", puller?: Puller): Promise<CodeRef> {
    const reference = parseReference(uri);
    const source = await sourceOf(reference, uri, puller);
    let bytes = await source.manifest();
    const named = readManifest(bytes, uri);
    if ("index" in named) {
      bytes = await source.manifest(choose(named.index, architecture, uri).digest);
      if ("index" in readManifest(bytes, uri)) throw hostile(uri, "its index leads to another index");
    }
    const manifest = readManifest(bytes, uri) as Manifest;
    await blobs.fetch(source, manifest.config, uri);
    const config = readConfig(await blobs.read(manifest.config.digest), manifest, uri);
    if (config.os !== "linux" || config.architecture !== goArchitecture[architecture]) {
      const made = `${config.os}/${config.architecture}`.slice(0, 60);
      throw hostile(
        uri,
        `it is made for ${made}, and the function for linux/${goArchitecture[architecture]}`,
        "unsupported",
      );
    }
    const digest = await blobs.put(bytes);
    return {
      digest: digest.slice("sha256:".length),
      size: 0,
      image: { uri, resolved: resolvedUri(uri, reference, digest) },
    };
  }

  async function get(code: CodeRef): Promise<ReadyImage> {
    const known = ready.get(code.digest);
    if (known !== undefined) return known;
    const uri = code.image?.uri ?? "";
    const bytes = blobs.has(`sha256:${code.digest}`) ? await blobs.read(`sha256:${code.digest}`) : await again(code);
    const manifest = readManifest(bytes, uri) as Manifest;
    const missing = [manifest.config, ...manifest.layers].filter(({ digest }) => !blobs.has(digest));
    if (missing.length > 0) {
      const source = await sourceOf(parseReference(uri), uri);
      await eachOf(missing, (blob) => blobs.fetch(source, blob, uri));
    }
    const config = readConfig(await blobs.read(manifest.config.digest), manifest, uri);
    const root = await needs.roots.get(chainOf(config.diffIds), (into) => flatten(blobs, manifest, config, into, uri));
    const { env, entryPoint, command, workingDirectory } = config;
    const image: ReadyImage = { root, config: { env, entryPoint, command, workingDirectory } };
    ready.set(code.digest, image);
    return image;
  }

  /** A manifest that was lost here. */
  async function again({ digest, image }: CodeRef): Promise<Buffer> {
    const uri = image?.uri ?? "";
    const source = await sourceOf(parseReference(uri), uri);
    const bytes = await source.manifest(`sha256:${digest}`);
    await blobs.put(bytes);
    return bytes;
  }

  return {
    resolve,
    get,
    async sweep(live, graceMs = 60 * 60 * 1000) {
      const needed = new Set<string>();
      const chains = new Set<string>();
      for (const { digest, image } of live) {
        const name = `sha256:${digest}`;
        if (image === undefined || !blobs.has(name)) continue;
        const manifest = readManifest(await blobs.read(name), image.uri) as Manifest;
        for (const { digest: blob } of [{ digest: name }, manifest.config, ...manifest.layers]) needed.add(blob);
        if (!blobs.has(manifest.config.digest)) continue;
        chains.add(chainOf(readConfig(await blobs.read(manifest.config.digest), manifest, image.uri).diffIds));
      }
      const before = Date.now() - graceMs;
      for (const { digest, storedAt } of blobs.list()) {
        if (!needed.has(digest) && storedAt <= before) await blobs.remove(digest);
      }
      for (const { key, madeAt } of needs.roots.list()) {
        if (!chains.has(key) && madeAt <= before) await needs.roots.remove(key);
      }
      const kept = new Set(live.map(({ digest }) => digest));
      for (const digest of ready.keys()) if (!kept.has(digest)) ready.delete(digest);
      await archives.sweep(before);
    },
  };
}

/** Names a stack of layers (image-spec, config.md, ChainID), in hex. */
export function chainOf(diffIds: readonly string[]): string {
  const [first, ...rest] = diffIds;
  let chain = first ?? `sha256:${createHash("sha256").digest("hex")}`;
  for (const id of rest) chain = `sha256:${createHash("sha256").update(`${chain} ${id}`).digest("hex")}`;
  return chain.slice("sha256:".length);
}

/** A few at once; the first failure ends it. */
async function eachOf<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  await Readable.from(items).forEach(action, { concurrency: atOnce });
}
