import { lstatSync, mkdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** A path inside an image that cannot be: it would lead out of the image's root, or through a file. */
export class BadPath extends Error {
  override readonly name = "BadPath";
}

const mostLinks = 40;
const longest = 4096;

/**
 * Paths below the directory `root`, which nobody else changes meanwhile, as they would read for somebody whose root it is: a link on the way
 * is followed inside, never out of it (path_resolution(7)).
 */
export interface Rooted {
  /** The host's path of an entry whose directories are made where they are missing; the last part is not followed. Throws BadPath. */
  entry(name: string): { readonly path: string; readonly directory: string; readonly last: string };
  /** The host's path of something that is there; undefined: it is not. The last part is not followed. Throws BadPath. */
  find(name: string): string | undefined;
  /** A directory may have become something else. */
  changed(): void;
}

export function createRooted(root: string): Rooted {
  /** of names of directories, where they are */
  const known = new Map<string, string>();

  function directory(parts: readonly string[], make: boolean): string | undefined {
    const name = parts.join("/");
    const before = known.get(name);
    if (before !== undefined) return before;
    const rest = [...parts].reverse();
    const inside: string[] = [];
    let links = 0;
    while (rest.length > 0) {
      const part = rest.pop()!;
      if (part === "" || part === ".") continue;
      if (part === "..") {
        inside.pop();
        continue;
      }
      const path = join(root, ...inside, part);
      const found = lstatSync(path, { throwIfNoEntry: false });
      if (found === undefined) {
        if (!make) return undefined;
        mkdirSync(path, 0o755);
      } else if (found.isSymbolicLink()) {
        links += 1;
        if (links > mostLinks) throw new BadPath(`${name} leads through too many links`);
        const target = readlinkSync(path);
        if (target.startsWith("/")) inside.length = 0;
        rest.push(...target.split("/").reverse());
        continue;
      } else if (!found.isDirectory()) {
        if (!make) return undefined;
        throw new BadPath(`${name} leads through a file`);
      }
      inside.push(part);
    }
    const path = join(root, ...inside);
    known.set(name, path);
    return path;
  }

  return {
    entry(name) {
      const parts = partsOf(name);
      const last = parts.pop();
      if (last === undefined) return { path: root, directory: root, last: "" };
      const above = directory(parts, true)!;
      return { path: join(above, last), directory: above, last };
    },
    find(name) {
      const parts = partsOf(name);
      const last = parts.pop();
      if (last === undefined) return root;
      const above = directory(parts, false);
      if (above === undefined) return undefined;
      const path = join(above, last);
      return lstatSync(path, { throwIfNoEntry: false }) === undefined ? undefined : path;
    },
    changed: () => known.clear(),
  };
}

/** Parts of a name in a tar. Absolute ones and those with `..` do not occur in honest images, and are refused. */
function partsOf(name: string): string[] {
  if (name.startsWith("/")) throw new BadPath(`${name.slice(0, 200)} is an absolute path`);
  if (name.includes("\0") || Buffer.byteLength(name) > longest)
    throw new BadPath("a path is too long, or holds a NUL byte");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new BadPath(`${name.slice(0, 200)} leads upwards`);
  if (parts.some((part) => Buffer.byteLength(part) > 255)) throw new BadPath("a part of a path is too long");
  return parts;
}
