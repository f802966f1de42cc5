import type { Entry, ZipFile } from "yauzl";
import { limits } from "../model/index.ts";
import { entryPath } from "./entry-path.ts";
import { badZip, emptyZip, unzippedTooLarge } from "./zip-errors.ts";

/** What an archive promises for one path. Sizes and the checksum hold only once its bytes were read (zip-data.ts). */
export interface ZipEntry {
  /** relative, clean (entry-path.ts) */
  readonly path: string;
  readonly kind: "file" | "directory" | "link";
  /** permission bits for the unpacked file */
  readonly mode: number;
  readonly deflated: boolean;
  readonly compressedSize: number;
  readonly size: number;
  readonly crc32: number;
  readonly headerOffset: number;
}

/** An archive's table of contents: every parent stands before its children, no path twice. */
export interface ZipDirectory {
  readonly entries: readonly ZipEntry[];
  /** of all entries, unzipped, as the archive says */
  readonly bytes: number;
}

/** Files and directories one archive may make: a bound on inodes, as the limit on unzipped bytes bounds blocks. */
const maxEntries = 100_000;

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;

/**
 * Reads the central directory and checks everything that can be known without inflating: names, kinds, sizes, count.
 * Throws the errors of zip-errors.ts.
 */
export async function readZipDirectory(bytes: Buffer): Promise<ZipDirectory> {
  if (bytes.length === 0) throw emptyZip();
  const zip = await open(bytes);
  if (zip.entryCount === 0) throw emptyZip();
  if (zip.entryCount > maxEntries) throw badZip(`more than ${maxEntries} entries`);
  const found = new Map<string, ZipEntry>();
  let total = 0;
  await eachEntry(zip, (raw) => {
    const entry = check(raw);
    total += entry.size;
    if (total > limits.unzippedCodeBytes) throw unzippedTooLarge();
    if (entry.path === "") return;
    // Of two entries with one name the later wins, as with unzip -o; but a directory may be named as often as it likes.
    if (found.get(entry.path)?.kind === "directory" && entry.kind !== "directory") {
      throw badZip(`${entry.path} is both a file and a directory`);
    }
    found.set(entry.path, entry);
  });
  return { entries: withParents(found), bytes: total };
}

async function open(bytes: Buffer): Promise<ZipFile> {
  // Loaded on demand: warm invocations never need it.
  const yauzl = await import("yauzl");
  return new Promise((resolve, reject) => {
    yauzl.fromBuffer(bytes, { lazyEntries: true }, (error, zip) => {
      if (error !== null) reject(badZip(error.message, error));
      else resolve(zip);
    });
  });
}

function eachEntry(zip: ZipFile, visit: (entry: Entry) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    zip.on("error", (error: Error) => reject(badZip(error.message, error)));
    zip.on("end", resolve);
    zip.on("entry", (entry: Entry) => {
      try {
        visit(entry);
        zip.readEntry();
      } catch (error) {
        reject(error);
      }
    });
    zip.readEntry();
  });
}

function check(raw: Entry): ZipEntry {
  if (raw.isEncrypted()) throw badZip(`entry ${raw.fileName} is encrypted`);
  if (raw.compressionMethod !== 0 && raw.compressionMethod !== 8) {
    throw badZip(
      `entry ${raw.fileName} uses compression method ${raw.compressionMethod}; only stored and deflated work`,
    );
  }
  const path = entryPath(raw.fileName);
  const kind = kindOf(raw);
  if (kind === "directory" && raw.uncompressedSize !== 0) throw badZip(`directory ${path} holds data`);
  if (kind === "link" && raw.uncompressedSize > 4096) throw badZip(`link ${path} is too long`);
  if (kind !== "directory" && path === "") throw badZip("an entry has no name");
  return {
    path,
    kind,
    mode: kind === "directory" ? 0o755 : fileMode(raw),
    deflated: raw.compressionMethod === 8,
    compressedSize: raw.compressedSize,
    size: raw.uncompressedSize,
    crc32: raw.crc32,
    headerOffset: raw.relativeOffsetOfLocalHeader,
  };
}

/** st_mode of the machine that made the archive: 0 where it kept none (APPNOTE 4.4.2.2: 3 is Unix, 19 is macOS). */
function unixMode(raw: Entry): number {
  const madeBy = raw.versionMadeBy >>> 8;
  return madeBy === 3 || madeBy === 19 ? raw.externalFileAttributes >>> 16 : 0;
}

function kindOf(raw: Entry): ZipEntry["kind"] {
  const type = unixMode(raw) & S_IFMT;
  if (raw.fileName.endsWith("/") || type === S_IFDIR) return "directory";
  if (type === S_IFLNK) return "link";
  if (type === S_IFREG || type === 0) return "file";
  throw badZip(`entry ${raw.fileName} is neither a file, a directory nor a symbolic link`);
}

/**
 * Executable bits are kept; everybody may read (the function runs as another user); nobody but the owner may write;
 * set-uid, set-gid and sticky are dropped. An archive without Unix permissions (made on Windows) cannot say which of its
 * files are programs: all are executable.
 */
function fileMode(raw: Entry): number {
  const mode = unixMode(raw);
  return mode === 0 ? 0o755 : (mode & 0o755) | 0o444;
}

/** Adds the directories that entries only imply, each before its children, and refuses files used as directories. */
function withParents(found: ReadonlyMap<string, ZipEntry>): ZipEntry[] {
  const ordered: ZipEntry[] = [];
  const directories = new Set<string>();
  const addDirectories = (path: string): void => {
    const missing: string[] = [];
    for (let at = path; at !== "" && !directories.has(at); at = parentOf(at)) missing.push(at);
    if (ordered.length + missing.length > maxEntries) throw badZip(`more than ${maxEntries} files and directories`);
    for (const at of missing.reverse()) {
      const kind = found.get(at)?.kind ?? "directory";
      if (kind !== "directory") throw badZip(`${at} is used as a directory but is a ${kind}`);
      directories.add(at);
      ordered.push(directory(at));
    }
  };
  for (const entry of found.values()) {
    addDirectories(entry.kind === "directory" ? entry.path : parentOf(entry.path));
    if (entry.kind !== "directory") ordered.push(entry);
  }
  return ordered;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function directory(path: string): ZipEntry {
  return {
    path,
    kind: "directory",
    mode: 0o755,
    deflated: false,
    compressedSize: 0,
    size: 0,
    crc32: 0,
    headerOffset: 0,
  };
}
