import { createHash, type Hash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { link, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { createSingleFlight } from "../single-flight.ts";
import type { Descriptor } from "./manifest.ts";
import { ImageRefused } from "./refused.ts";
import type { ImageSource } from "./source.ts";

/** Parts of images as they were pulled, each under its digest, whole and true or not there. Durable: a registry may forget. */
export interface Blobs {
  /** Fetches a blob unless it is there. What an earlier try got of it is not fetched again. Rejects with ImageRefused. */
  fetch(source: ImageSource, descriptor: Descriptor, uri: string): Promise<void>;
  put(bytes: Buffer): Promise<string>;
  read(digest: string): Promise<Buffer>;
  path(digest: string): string;
  has(digest: string): boolean;
  list(): { readonly digest: string; readonly bytes: number; readonly storedAt: number }[];
  remove(digest: string): Promise<void>;
}

/** Tries of one blob, each where the one before broke off. */
const tries = 4;

export function createBlobs(directory: string): Blobs {
  mkdirSync(directory, { recursive: true });
  const flights = createSingleFlight<void>();
  const path = (digest: string) => join(directory, digest.slice("sha256:".length));

  async function download(source: ImageSource, descriptor: Descriptor, uri: string): Promise<void> {
    const whole = path(descriptor.digest);
    if (existsSync(whole)) return utimes(whole, new Date(), new Date());
    if (await linked(source.file?.(descriptor.digest), whole)) return;
    const part = `${whole}.part`;
    for (let left = tries; ; left--) {
      try {
        await append(source, descriptor, part, uri);
        break;
      } catch (error) {
        const broke = error instanceof ImageRefused && error.trouble === "unreachable";
        if (!broke || left <= 1) throw error;
      }
    }
    await rename(part, whole);
  }

  async function append(source: ImageSource, descriptor: Descriptor, part: string, uri: string): Promise<void> {
    let at = (await stat(part).catch(() => undefined))?.size ?? 0;
    if (at > descriptor.size) at = 0;
    const hash = createHash("sha256");
    const { whole, bytes } = at < descriptor.size || at === 0 ? await source.blob(descriptor, at) : nothing;
    if (whole) at = 0;
    if (at > 0) await addTo(hash, part, at);
    const file = await open(part, "a", 0o600);
    try {
      await file.truncate(at);
      for await (const chunk of bytes) {
        at += chunk.length;
        if (at > descriptor.size) throw await wrong(part, uri, "a blob of it is longer than its manifest says");
        hash.update(chunk);
        await file.appendFile(chunk);
      }
      if (at < descriptor.size)
        throw new ImageRefused("unreachable", `The image ${uri} broke off in the middle of a blob.`);
      if (`sha256:${hash.digest("hex")}` !== descriptor.digest) {
        throw await wrong(part, uri, "a blob of it has another digest than its manifest says");
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }

  return {
    async fetch(source, descriptor, uri) {
      await flights.get(descriptor.digest, () => download(source, descriptor, uri));
      flights.forget(descriptor.digest);
    },
    async put(bytes) {
      const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
      async function* once() {
        yield bytes;
      }
      const source = { manifest: async () => bytes, blob: async () => ({ whole: true, bytes: once() }) };
      await flights.get(digest, () => download(source, { mediaType: "", digest, size: bytes.length }, digest));
      flights.forget(digest);
      return digest;
    },
    read: (digest) => readFile(path(digest)),
    path,
    has: (digest) => existsSync(path(digest)),
    list: () =>
      readdirSync(directory).map((name) => {
        const { size, mtimeMs } = statSync(join(directory, name));
        return { digest: `sha256:${name}`, bytes: size, storedAt: mtimeMs };
      }),
    remove: (digest) => rm(path(digest), { force: true }),
  };
}

/** What is on this disk has two names from now on, and each store takes away its own. */
async function linked(file: string | undefined, whole: string): Promise<boolean> {
  if (file === undefined) return false;
  try {
    await link(file, whole);
  } catch {
    // It is on another file system, or gone: read like any other.
    return false;
  }
  // Its age here begins now.
  await utimes(whole, new Date(), new Date());
  return true;
}

const nothing = { whole: false, bytes: (async function* () {})() };

async function addTo(hash: Hash, path: string, bytes: number): Promise<void> {
  for await (const chunk of createReadStream(path, { end: bytes - 1, highWaterMark: 1 << 20 })) hash.update(chunk);
}

/** What was got is worthless: the next try begins anew. */
async function wrong(part: string, uri: string, what: string): Promise<ImageRefused> {
  await rm(part, { force: true });
  return new ImageRefused("damaged", `The image ${uri} cannot be used: ${what}.`);
}
