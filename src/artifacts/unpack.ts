import { chmodSync, closeSync, fchmodSync, mkdirSync, openSync, symlinkSync, writeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { checkLinks } from "./entry-path.ts";
import { readLarge, readSmall, smallEntryBytes } from "./zip-data.ts";
import type { ZipEntry } from "./zip-directory.ts";
import { readZipDirectory } from "./zip-directory.ts";
import { badZip } from "./zip-errors.ts";

/** How long unpacking may hold the event loop, which invocations share. */
const sliceMs = 4;

/**
 * Unpacks an archive into `into`, which must not exist and is made. Nothing is written outside of it whatever the
 * archive says: names are checked first, links are made last, and no file is opened that exists already. When it throws,
 * `into` holds rubbish for the caller to remove.
 *
 * System calls are synchronous (a small file costs about 30 µs so, ten times that through promises), in slices.
 */
export async function unpack(zip: Buffer, into: string): Promise<void> {
  const { entries } = await readZipDirectory(zip);
  const links = new Map<string, string>();
  makeDirectory(into);
  let sliceEnd = performance.now() + sliceMs;
  for (const entry of entries) {
    const path = `${into}/${entry.path}`;
    if (entry.kind === "directory") make(entry, () => makeDirectory(path));
    else if (entry.kind === "link") links.set(entry.path, linkTarget(zip, entry));
    else await unpackFile(zip, entry, path);
    if (performance.now() > sliceEnd) {
      await setImmediate();
      sliceEnd = performance.now() + sliceMs;
    }
  }
  checkLinks(links);
  for (const [path, target] of links) symlinkSync(target, `${into}/${path}`);
}

function makeDirectory(path: string): void {
  mkdirSync(path);
  chmodSync(path, 0o755); // whatever the umask is
}

async function unpackFile(zip: Buffer, entry: ZipEntry, path: string): Promise<void> {
  const small = entry.size <= smallEntryBytes ? readSmall(zip, entry) : undefined;
  // "wx": O_EXCL never opens what is there already and never follows a link.
  const fd = make(entry, () => openSync(path, "wx", entry.mode));
  try {
    fchmodSync(fd, entry.mode); // whatever the umask is
    if (small !== undefined) {
      writeAll(fd, small);
      return;
    }
    for await (const chunk of readLarge(zip, entry)) writeAll(fd, chunk);
  } finally {
    closeSync(fd);
  }
}

function writeAll(fd: number, data: Buffer): void {
  for (let at = 0; at < data.length; ) at += writeSync(fd, data, at);
}

/** What exists already although no path occurs twice: a file system that knows no case (macOS). */
function make<T>(entry: ZipEntry, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw badZip(`${entry.path} differs from another entry only in case, which this file system cannot hold`, error);
  }
}

function linkTarget(zip: Buffer, entry: ZipEntry): string {
  const target = readSmall(zip, entry).toString();
  if (target === "" || target.includes("\0")) throw badZip(`link ${entry.path} has no usable target`);
  return target;
}
