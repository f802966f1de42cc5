import { badZip } from "./zip-errors.ts";

/** Linux: NAME_MAX and PATH_MAX, less what our own directories in front may need. */
const maxNameBytes = 255;
const maxPathBytes = 3500;

/**
 * An entry's name as a path relative to the tree, without `.` and empty parts. Throws for anything that could name a
 * place outside of it (absolute, `..`, NUL) and for names no Linux file system can hold.
 */
export function entryPath(name: string): string {
  if (name.includes("\0")) throw badZip("an entry's name holds a NUL byte");
  if (name.startsWith("/")) throw badZip(`entry ${name} is absolute`);
  if (Buffer.byteLength(name) > maxPathBytes) throw badZip("an entry's name is too long");
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") throw badZip(`entry ${name} leaves the archive`);
    if (part.length > maxNameBytes / 4 && Buffer.byteLength(part) > maxNameBytes) {
      throw badZip("an entry's name is too long");
    }
    parts.push(part);
  }
  return parts.join("/");
}

/** Linux follows at most this many links in one path (include/linux/namei.h, MAXSYMLINKS). */
const maxHops = 40;

/**
 * Refuses symbolic links that lead out of the tree, also by way of other links: `s -> ../..` is harmless where it
 * stands deep enough, and `e -> deep/s/../x` then leaves all the same, so every step is walked as the kernel would.
 * Absolute targets are refused too. Links that lead nowhere, or in circles, stay inside and are kept.
 *
 * @param links path of each link in the tree → its target
 */
export function checkLinks(links: ReadonlyMap<string, string>): void {
  // Bytes of paths looked at, over all links: hostile archives must not buy more than a moment of CPU.
  let budget = 32 * 1024 * 1024;
  for (const [path, target] of links) {
    let at = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
    const todo = parts(target, path);
    for (let hops = 0; todo.length > 0; ) {
      const part = todo.pop();
      if (part === "..") {
        if (at === "") throw badZip(`link ${path} leaves the archive`);
        at = at.includes("/") ? at.slice(0, at.lastIndexOf("/")) : "";
        continue;
      }
      const next = at === "" ? part! : `${at}/${part}`;
      budget -= next.length + 16;
      if (budget < 0) throw badZip("too many symbolic links");
      const through = links.get(next);
      if (through === undefined) {
        at = next;
        continue;
      }
      if (++hops > maxHops) break;
      todo.push(...parts(through, path));
    }
  }
}

/** A link's target as a stack of parts, the first on top. */
function parts(target: string, link: string): string[] {
  if (target.startsWith("/")) throw badZip(`link ${link} is absolute`);
  return target
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .reverse();
}
