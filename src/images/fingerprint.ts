import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** Files larger than this are told apart by size, inode and time: bootstraps are small, interpreters are not. Bytes. */
const readBelow = 256 * 1024;

/** Lower-case hex SHA-256 of any JSON value: the key of an image is that of all that decides the process. */
export function digestOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

/**
 * Digest of a directory's files that changes when any of them does; a large tree, such as a language's library, by what its
 * root says of itself. Rejects when it is not there.
 *
 * @param deep look into every file
 */
export async function treeDigest(path: string, deep: boolean): Promise<string> {
  const root = await stat(path);
  const hash = createHash("sha256").update(`${root.dev} ${root.ino} ${root.size} ${root.mtimeMs}`);
  if (!deep || !root.isDirectory()) return hash.digest("hex");
  const names = await readdir(path, { recursive: true });
  for (const name of names.sort()) {
    const file = join(path, name);
    const found = await stat(file);
    if (!found.isFile()) continue;
    hash.update(`\0${name}\0${found.size}\0`);
    if (found.size < readBelow) hash.update(await readFile(file));
    else hash.update(`${found.ino} ${found.mtimeMs}`);
  }
  return hash.digest("hex");
}
