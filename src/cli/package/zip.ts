import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { dirname, join, normalize, relative, resolve, sep } from "node:path";
import ignore, { type Ignore } from "ignore";
import { ZipFile } from "yazl";
import { CommandFailure } from "../failure.ts";

/** A deployment package. The same files make the same bytes, so that an unchanged folder is recognised as unchanged. */
export interface Package {
  readonly zip: Buffer;
  /** CodeSha256 as Lambda would answer it: base64 of the zip's SHA-256 */
  readonly sha256: string;
  readonly files: number;
}

/** Bytes of a zip that CreateFunction takes inside the request. Source: Lambda quotas, "Deployment package". */
const maxZipBytes = 50 * 1024 * 1024;

/**
 * What never belongs into a package. `__pycache__`: its files name their source's modification time, which a package
 * does not keep, so Python would only throw them away.
 */
const alwaysIgnored = [".git", "node_modules/.cache", "__pycache__", ".DS_Store", ".thawignore"];

const ignoreFile = ".thawignore";

/** A file that is on no disk. */
export interface MemoryFile {
  readonly name: string;
  readonly bytes: Buffer;
}

interface FoundFile {
  /** with `/`, as in the zip */
  readonly name: string;
  readonly path: string;
  readonly stats: Stats;
}

/**
 * Zips a folder: sorted, without times, with modes and with symbolic links that stay inside; `.thawignore` (the syntax of
 * .gitignore) says what to leave out. Files in memory go along.
 */
export async function zipFolder(folder: string, more: readonly MemoryFile[] = []): Promise<Package> {
  const found: FoundFile[] = [];
  await walk(folder, "", await readIgnoreFile(folder), found);
  if (found.length === 0) {
    throw new CommandFailure(`${folder} has no files to deploy.`, { next: `check the folder and its ${ignoreFile}` });
  }
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  const archive = new ZipFile();
  for (const file of found) {
    const options = { mtime: epoch, forceDosTimestamp: true, mode: file.stats.mode };
    archive.addBuffer(await content(file, folder), file.name, options);
  }
  for (const { name, bytes } of more) {
    archive.addBuffer(bytes, name, { mtime: epoch, forceDosTimestamp: true, mode: 0o100644 });
  }
  return finish(archive, found.length + more.length, folder);
}

/** Zips one file made of text, as CloudFormation does with `ZipFile`. */
export async function zipText(name: string, text: string): Promise<Package> {
  const archive = new ZipFile();
  archive.addBuffer(Buffer.from(text), name, { mtime: epoch, forceDosTimestamp: true, mode: 0o100644 });
  return finish(archive, 1, name);
}

/** Zips files that are in memory, in the order given. */
export async function zipFiles(files: readonly MemoryFile[]): Promise<Package> {
  const archive = new ZipFile();
  for (const { name, bytes } of files) {
    archive.addBuffer(bytes, name, { mtime: epoch, forceDosTimestamp: true, mode: 0o100644 });
  }
  return finish(archive, files.length, files[0]?.name ?? "the bundle");
}

/** A folder is zipped, an archive is taken as it is, and any other file becomes a zip of that one file. */
export async function packageFrom(path: string): Promise<Package> {
  const stats = await lstat(path);
  if (stats.isDirectory()) return await zipFolder(path);
  const bytes = await readFile(path);
  if (/\.(zip|jar)$/i.test(path)) return checked({ zip: bytes, sha256: sha256(bytes), files: 1 }, path);
  const archive = new ZipFile();
  const name = path.split(sep).at(-1) ?? path;
  archive.addBuffer(bytes, name, { mtime: epoch, forceDosTimestamp: true, mode: stats.mode });
  return finish(archive, 1, path);
}

/** Zip stores local time without a zone; the constructor with numbers makes the same digits everywhere. */
const epoch = new Date(1980, 0, 1, 0, 0, 0);

async function walk(folder: string, prefix: string, ignored: Ignore, found: FoundFile[]): Promise<void> {
  for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
    const name = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (ignored.ignores(entry.isDirectory() ? `${name}/` : name)) continue;
    if (entry.isDirectory()) await walk(folder, name, ignored, found);
    // sockets, pipes and devices have no content to deploy
    else if (entry.isFile() || entry.isSymbolicLink()) {
      const path = join(folder, name);
      found.push({ name, path, stats: await lstat(path) });
    }
  }
}

async function readIgnoreFile(folder: string): Promise<Ignore> {
  const rules = ignore().add(alwaysIgnored);
  try {
    return rules.add(await readFile(join(folder, ignoreFile), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return rules;
    throw error;
  }
}

/** A link's content is its target (as Info-ZIP stores it); one that leaves the folder would dangle in the sandbox. */
async function content(file: FoundFile, folder: string): Promise<Buffer> {
  if (!file.stats.isSymbolicLink()) return await readFile(file.path);
  const target = await readlink(file.path);
  const place = relative(resolve(folder), resolve(dirname(file.path), target));
  if (target.startsWith("/") || normalize(place).split(sep)[0] === "..") {
    throw new CommandFailure(
      `${file.path} is a link that leaves the folder (to ${target}); the function would not find it.`,
      {
        next: `copy what it points to into the folder, or name the link in ${join(folder, ignoreFile)}`,
      },
    );
  }
  return Buffer.from(target);
}

async function finish(archive: ZipFile, files: number, origin: string): Promise<Package> {
  archive.end();
  const chunks: Buffer[] = [];
  for await (const chunk of archive.outputStream) chunks.push(chunk as Buffer);
  const zip = Buffer.concat(chunks);
  return checked({ zip, sha256: sha256(zip), files }, origin);
}

function checked(made: Package, origin: string): Package {
  if (made.zip.length <= maxZipBytes) return made;
  throw new CommandFailure(
    `${origin} zips to ${made.zip.length} bytes; a request takes at most ${maxZipBytes} (50 MB).`,
    { next: `leave out what the function does not need with ${ignoreFile}, or move dependencies into a layer` },
  );
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("base64");
}
