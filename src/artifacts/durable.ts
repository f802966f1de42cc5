import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * Writes a file so that it is either whole or absent whatever happens, power loss included, once this resolves: a
 * temporary name, fsync(2) of the file, rename(2), fsync of the directory (and of its parent, where it is new).
 *
 * @param temporary directory on the same file system for the unfinished file
 */
export async function writeDurably(path: string, bytes: Uint8Array, temporary: string): Promise<void> {
  const unfinished = join(temporary, randomUUID());
  try {
    const file = await open(unfinished, "wx", 0o644);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    const directory = dirname(path);
    const made = await mkdir(directory, { recursive: true });
    await rename(unfinished, path);
    await syncDirectory(directory);
    if (made !== undefined) await syncDirectory(dirname(directory));
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
