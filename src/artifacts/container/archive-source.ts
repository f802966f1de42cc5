import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, mkdirSync, readdirSync, statSync, utimesSync } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { hostile, imageLimits } from "./manifest.ts";
import { tarEntries } from "./tar.ts";

/** Files that `docker save` made, as directories in OCI image layout; each is opened once. */
export interface Archives {
  /** The directory. Rejects with ImageRefused. */
  opened(path: string, tag: string | undefined, uri: string): Promise<string>;
  /** Deletes what was opened before `before`, ms since 1970: the blobs are elsewhere by then. */
  sweep(before: number): Promise<void>;
}

/** Bytes and files that an archive may have. */
const most = { bytes: imageLimits.bytes, files: 1000 };

export function createArchives(directory: string): Archives {
  rmUnfinished(directory);
  mkdirSync(directory, { recursive: true });
  return {
    async opened(path, tag, uri) {
      const { size, mtimeMs, ino } = await stat(path);
      const key = createHash("sha256")
        .update(JSON.stringify([path, tag, size, mtimeMs, ino]))
        .digest("hex");
      const into = join(directory, key);
      if (existsSync(into)) {
        utimesSync(into, new Date(), new Date());
        return into;
      }
      const unfinished = join(directory, `.${randomUUID()}`);
      try {
        await open(path, tag, unfinished, uri);
        await rename(unfinished, into);
      } catch (error) {
        await rm(unfinished, { recursive: true, force: true });
        // Somebody else was as fast.
        if (!existsSync(into)) throw error;
      }
      return into;
    },
    async sweep(before) {
      for (const name of readdirSync(directory)) {
        const path = join(directory, name);
        if (statSync(path).mtimeMs <= before) await rm(path, { recursive: true, force: true });
      }
    },
  };
}

function rmUnfinished(directory: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    if (name.startsWith(".")) void rm(join(directory, name), { recursive: true, force: true });
  }
}

interface Saved {
  readonly Config: string;
  readonly RepoTags: readonly string[] | null;
  readonly Layers: readonly string[];
}

/** Copies the files out under names of our own, and writes a layout that leads to them. */
async function open(path: string, tag: string | undefined, into: string, uri: string): Promise<void> {
  const blobs = join(into, "blobs", "sha256");
  await mkdir(blobs, { recursive: true });
  /** name in the archive → digest and size */
  const files = new Map<string, { readonly digest: string; readonly size: number }>();
  const links = new Map<string, string>();
  let left = most.bytes;
  try {
    for await (const { header, body } of tarEntries(createReadStream(path, { highWaterMark: 256 << 10 }))) {
      const name = header.name.replace(/^\.\//, "");
      if (files.size + links.size > most.files) throw hostile(uri, "its archive has too many files");
      if (header.type === "symlink") links.set(name, join(name, "..", header.linkname ?? ""));
      if (header.type === "link") links.set(name, header.linkname ?? "");
      if (header.type !== "file") continue;
      left -= header.size;
      if (left < 0) throw hostile(uri, "it is larger than 10 GB");
      files.set(name, await kept(body, blobs));
    }
  } catch (error) {
    if (error instanceof Error && error.name === "ImageRefused") throw error;
    throw hostile(uri, "it is no archive of an image");
  }
  const find = (name: string) => files.get(name) ?? files.get(links.get(name) ?? "");
  const read = async (name: string): Promise<Buffer | undefined> => {
    const file = find(name);
    if (file === undefined || file.size > imageLimits.configBytes) return undefined;
    return readFile(join(blobs, file.digest));
  };
  const list = parse(await read("manifest.json"));
  const saved = tag === undefined ? list[0] : list.find(({ RepoTags }) => RepoTags?.includes(tag));
  if (saved === undefined) throw hostile(uri, "its archive has no image of that name");
  const config = find(saved.Config);
  const layers = saved.Layers.map(find);
  if (config === undefined || layers.some((layer) => layer === undefined)) {
    throw hostile(uri, "its archive lacks a part that its manifest names");
  }
  const gzip = await Promise.all(layers.map((layer) => isGzip(join(blobs, layer!.digest))));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "application/vnd.oci.image.config.v1+json", ...named(config) },
      layers: layers.map((layer, at) => ({
        mediaType: `application/vnd.oci.image.layer.v1.tar${gzip[at] ? "+gzip" : ""}`,
        ...named(layer!),
      })),
    }),
  );
  const digest = createHash("sha256").update(manifest).digest("hex");
  await writeFile(join(blobs, digest), manifest);
  const entry = {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    ...named({ digest, size: manifest.length }),
  };
  await writeFile(join(into, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
}

const named = ({ digest, size }: { digest: string; size: number }) => ({ digest: `sha256:${digest}`, size });

async function kept(body: AsyncIterable<Uint8Array>, blobs: string): Promise<{ digest: string; size: number }> {
  const hash = createHash("sha256");
  const unfinished = join(blobs, `.${randomUUID()}`);
  let size = 0;
  await pipeline(
    body,
    async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    },
    createWriteStream(unfinished),
  );
  const digest = hash.digest("hex");
  await rename(unfinished, join(blobs, digest));
  return { digest, size };
}

async function isGzip(path: string): Promise<boolean> {
  for await (const chunk of createReadStream(path, { end: 1 })) return (chunk as Buffer).readUInt16BE(0) === 0x1f8b;
  return false;
}

/** What is no list of images is an empty one. */
function parse(bytes: Buffer | undefined): readonly Saved[] {
  try {
    const list = JSON.parse(bytes?.toString() ?? "[]") as unknown;
    return Array.isArray(list) ? list.filter(isSaved) : [];
  } catch {
    return [];
  }
}

function isSaved(value: unknown): value is Saved {
  const { Config, Layers } = (value ?? {}) as Record<string, unknown>;
  return typeof Config === "string" && Array.isArray(Layers) && Layers.every((layer) => typeof layer === "string");
}
