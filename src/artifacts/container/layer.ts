import {
  chmodSync,
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { TarHeader } from "modern-tar";
import { BadPath, createRooted } from "./rooted.ts";
import type { TarEntry } from "./tar.ts";

/** What may still be unpacked of an image. */
export interface Allowance {
  entries: number;
  /** of files */
  bytes: number;
}

const whiteout = ".wh.";
const opaque = ".wh..wh..opq";

/**
 * Lays a layer over those below it (image-spec, layer.md): later entries take the place of earlier ones, `.wh.NAME` deletes
 * NAME of the layers below, `.wh..wh..opq` all that they have in its directory. Devices and pipes are left out. What the
 * owner may read or run, everybody may: a sandbox has no user of the image's. Set-user-id bits mean nothing there.
 * Rejects with BadPath.
 *
 * @param root directory that nobody else changes meanwhile
 */
export async function applyLayer(root: string, entries: AsyncIterable<TarEntry>, left: Allowance): Promise<void> {
  const rooted = createRooted(root);
  /** paths of the host that are of this layer: not its whiteouts' concern */
  const own = new Set<string>();

  async function put({ header, body }: TarEntry): Promise<void> {
    const { path, directory, last } = rooted.entry(header.name);
    if (last === opaque) return clear(directory);
    // Others that begin so are notes of the storage that wrote the layer.
    if (last.startsWith(`${whiteout}${whiteout}`)) return;
    if (last.startsWith(whiteout)) return hide(join(directory, plain(last.slice(whiteout.length))));
    const there = lstatSync(path, { throwIfNoEntry: false });
    for (let at = path; at.length > root.length && !own.has(at); at = dirname(at)) own.add(at);
    if (header.type === "directory") {
      if (there !== undefined && !there.isDirectory()) remove(path);
      if (!there?.isDirectory()) mkdirSync(path);
      chmodSync(path, 0o700 | shared(header));
      return;
    }
    if (path === root) throw new BadPath("the root is something else than a directory");
    if (header.type === "link") {
      const target = rooted.find(header.linkname ?? "");
      if (target === undefined || lstatSync(target).isDirectory())
        throw new BadPath(`${header.name} links to what is not there`);
      if (target === path) return;
      if (there !== undefined) remove(path);
      return linkSync(target, path);
    }
    if (there !== undefined) remove(path);
    if (header.type === "symlink") return symlink(header, path);
    if (header.type !== "file" && header.type !== undefined) return;
    await write(path, header, body, left);
  }

  function hide(path: string): void {
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (there === undefined) return;
    if (!own.has(path)) remove(path);
    else if (there.isDirectory()) clear(path);
  }

  /** Takes away what the layers below have in a directory. */
  function clear(directory: string): void {
    rooted.changed();
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (!own.has(path)) rmSync(path, { recursive: true, force: true });
      else if (entry.isDirectory()) clear(path);
    }
  }

  function remove(path: string): void {
    rooted.changed();
    rmSync(path, { recursive: true, force: true });
  }

  for await (const entry of entries) {
    left.entries -= 1;
    if (left.entries < 0) throw new BadPath("it has more files than an image may have");
    await put(entry);
    // A link may stand where a directory of that name was known.
    if (entry.header.type === "symlink") rooted.changed();
  }
}

async function write(path: string, header: TarHeader, body: TarEntry["body"], left: Allowance): Promise<void> {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    for await (const chunk of body) {
      left.bytes -= chunk.length;
      if (left.bytes < 0) throw new BadPath("it is larger than 10 GB unpacked");
      for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
    }
  } finally {
    closeSync(file);
  }
  chmodSync(path, shared(header));
}

function symlink({ name, linkname = "" }: TarHeader, path: string): void {
  if (linkname === "" || linkname.includes("\0") || linkname.length > 4095)
    throw new BadPath(`${name} is a link to nowhere`);
  symlinkSync(linkname, path);
}

/** Permissions, with the owner's rights to read and to run for everybody. */
function shared({ mode = 0o644 }: TarHeader): number {
  const owner = mode & 0o500;
  return (mode & 0o777) | (owner >> 3) | (owner >> 6) | 0o400;
}

function plain(name: string): string {
  if (name === "" || name === "." || name === "..") throw new BadPath("a whiteout names no file");
  return name;
}
