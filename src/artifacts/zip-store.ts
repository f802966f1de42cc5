import { createHash, subtle } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { readFile, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { ServiceError } from "../model/index.ts";
import { writeDurably } from "./durable.ts";

/** Zip archives under their SHA-256: DIRECTORY/ab/ab….zip. What is there is whole (durable.ts). */
export interface ZipStore {
  has(digest: string): boolean;
  /** Durable when it resolves. */
  put(digest: string, bytes: Uint8Array): Promise<void>;
  /** ServiceException when it is not there or was damaged on disk. */
  get(digest: string): Promise<Buffer>;
  /** Makes it count as stored just now, for sweeping. */
  touch(digest: string): Promise<void>;
  list(): { readonly digest: string; readonly bytes: number; readonly storedAt: number }[];
  remove(digest: string): Promise<void>;
  /** bytes of all */
  size(): number;
}

export function createZipStore(directory: string, temporary: string): ZipStore {
  mkdirSync(directory, { recursive: true });
  const pathOf = (digest: string): string => join(directory, digest.slice(0, 2), `${digest}.zip`);
  const sizes = new Map<string, number>();
  let total = 0;

  const note = (digest: string, bytes: number): void => {
    total += bytes - (sizes.get(digest) ?? 0);
    sizes.set(digest, bytes);
  };

  const list = () =>
    readdirSync(directory).flatMap((shelf) =>
      readdirSync(join(directory, shelf))
        .filter((name) => name.endsWith(".zip"))
        .map((name) => {
          const { size, mtimeMs } = statSync(join(directory, shelf, name));
          return { digest: name.slice(0, -".zip".length), bytes: size, storedAt: mtimeMs };
        }),
    );
  for (const { digest, bytes } of list()) note(digest, bytes);

  return {
    has: (digest) => existsSync(pathOf(digest)),
    async put(digest, bytes) {
      await writeDurably(pathOf(digest), bytes, temporary);
      note(digest, bytes.length);
    },
    async get(digest) {
      const bytes = await readFile(pathOf(digest)).catch((error: Error) => {
        throw new ServiceError("ServiceException", `The code ${digest} is not in the store.`, {}, { cause: error });
      });
      if ((await sha256(bytes)) !== digest) {
        throw new ServiceError("ServiceException", `The stored code ${digest} is damaged.`);
      }
      return bytes;
    },
    async touch(digest) {
      const now = new Date();
      await utimes(pathOf(digest), now, now);
    },
    list,
    async remove(digest) {
      await rm(pathOf(digest), { force: true });
      total -= sizes.get(digest) ?? 0;
      sizes.delete(digest);
    },
    size: () => total,
  };
}

/** Lower-case hex. Large inputs are hashed on another thread: they take about a millisecond a megabyte. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  if (bytes.length < 256 * 1024) return createHash("sha256").update(bytes).digest("hex");
  return Buffer.from(await subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)).toString("hex");
}
