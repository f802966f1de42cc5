import { createReadStream } from "node:fs";
import { readFile, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { type Descriptor, hostile, imageLimits, readManifest } from "./manifest.ts";
import { ImageRefused } from "./refused.ts";
import type { ImageSource } from "./source.ts";

/** The real path of a file that lies in one of the operator's folders. Throws ImageRefused. */
export async function withinFolders(path: string, folders: readonly string[], uri: string): Promise<string> {
  // Said alike for what is there and what is not: nobody is to find out what this machine has.
  const refused = () =>
    new ImageRefused(
      "denied",
      `Source image ${uri} names a path of the server's machine, and it is in none of the folders that its operator has allowed (THAW_IMAGE_FOLDERS).`,
    );
  if (folders.length === 0) throw refused();
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) throw refused();
  for (const folder of folders) {
    const allowed = await realpath(folder).catch(() => undefined);
    if (allowed !== undefined && (real === allowed || real.startsWith(allowed + sep))) return real;
  }
  throw refused();
}

/**
 * An image in a directory in OCI image layout. `tag` is its `org.opencontainers.image.ref.name`; undefined: there is one only, or one
 * for each architecture.
 */
export function folderSource(folder: string, tag: string | undefined, uri: string): ImageSource {
  const missing = (cause?: unknown) =>
    new ImageRefused("missing", `Source image ${uri} does not exist. Provide a valid source image.`, { cause });
  const pathOf = (digest: string) => join(folder, "blobs", ...digest.split(":"));

  return {
    async manifest(digest) {
      if (digest !== undefined)
        return small(pathOf(digest), uri).catch((error) => Promise.reject(asMissing(error, missing)));
      const bytes = await small(join(folder, "index.json"), uri).catch((error) =>
        Promise.reject(asMissing(error, missing)),
      );
      if (tag === undefined) return bytes;
      const read = readManifest(bytes, uri);
      const found = "index" in read ? read.index.find((entry) => entry.tag === tag) : undefined;
      if (found === undefined) throw missing();
      return small(pathOf(found.digest), uri).catch((error) => Promise.reject(asMissing(error, missing)));
    },
    async blob({ digest }: Descriptor, from) {
      const path = pathOf(digest);
      if (!(await stat(path).catch(() => undefined))?.isFile()) throw hostile(uri, "a blob of it is missing");
      return { whole: false, bytes: createReadStream(path, { start: from, highWaterMark: 1 << 20 }) };
    },
  };
}

const asMissing = (error: unknown, missing: (cause: unknown) => ImageRefused): unknown =>
  error instanceof ImageRefused ? error : missing(error);

async function small(path: string, uri: string): Promise<Buffer> {
  const { size } = await stat(path);
  if (size > imageLimits.manifestBytes) throw hostile(uri, "its manifest is too large");
  return readFile(path);
}
