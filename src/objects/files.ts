import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { type FileHandle, link, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Segment } from "./records.ts";

/** Content of objects on disk. A file's name is ours and says nothing: keys never become paths. */
export interface Files {
  /** Writes what comes, as fast as the disk takes it, tells `see` of every chunk, and resolves when it is on the disk. */
  receive(source: AsyncIterable<Uint8Array>, see: (chunk: Uint8Array) => void): Promise<Segment>;
  /** The same content under another name, without a byte copied. */
  duplicate(segment: Segment): Promise<Segment>;
  /** The bytes from `start` on, `length` of them. Nothing of it goes away until it has been read to its end or let go. */
  read(segments: readonly Segment[], start: number, length: number): AsyncGenerator<Buffer>;
  /** Removes what nobody has any more; what is being read, afterwards. */
  remove(segments: readonly Segment[]): Promise<void>;
  /** Removes what an earlier process left behind: half-written, or known to nobody. */
  sweep(isKnown: (file: string) => boolean): Promise<void>;
}

const chunkBytes = 256 * 1024;

export function createFiles(directory: string): Files {
  const content = join(directory, "content");
  const incoming = join(directory, "incoming");
  for (const path of [directory, content, incoming]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const began = Date.now();
  const readers = new Map<string, number>();
  const doomed = new Set<string>();
  const folders = new Set<string>();

  const pathOf = (file: string): string => join(content, file.slice(0, 2), file);

  async function folderOf(file: string): Promise<string> {
    const folder = join(content, file.slice(0, 2));
    if (folders.has(folder)) return folder;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await syncFolder(content);
    folders.add(folder);
    return folder;
  }

  async function receive(source: AsyncIterable<Uint8Array>, see: (chunk: Uint8Array) => void): Promise<Segment> {
    const file = randomUUID();
    const draft = join(incoming, file);
    let size = 0;
    try {
      const handle = await open(draft, "wx", 0o600);
      try {
        for await (const chunk of source) {
          see(chunk);
          await writeAll(handle, chunk);
          size += chunk.length;
        }
        await handle.datasync();
      } finally {
        await handle.close();
      }
      const folder = await folderOf(file);
      await rename(draft, join(folder, file));
      await syncFolder(folder);
      return { file, size };
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  async function duplicate({ file, size }: Segment): Promise<Segment> {
    const copy = randomUUID();
    const folder = await folderOf(copy);
    hold([file]);
    try {
      await link(pathOf(file), join(folder, copy));
    } finally {
      await letGo([file]);
    }
    await syncFolder(folder);
    return { file: copy, size };
  }

  function hold(files: readonly string[]): void {
    for (const file of files) readers.set(file, (readers.get(file) ?? 0) + 1);
  }

  async function letGo(files: readonly string[]): Promise<void> {
    for (const file of files) {
      const left = (readers.get(file) ?? 1) - 1;
      if (left > 0) readers.set(file, left);
      else readers.delete(file);
      if (left <= 0 && doomed.delete(file)) await rm(pathOf(file), { force: true });
    }
  }

  function read(segments: readonly Segment[], start: number, length: number): AsyncGenerator<Buffer> {
    const pieces: { file: string; from: number; size: number }[] = [];
    let offset = 0;
    for (const { file, size } of segments) {
      const from = Math.max(start - offset, 0);
      const until = Math.min(start + length - offset, size);
      if (until > from) pieces.push({ file, from, size: until - from });
      offset += size;
    }
    const files = pieces.map(({ file }) => file);
    // Now, not when the first byte is asked for: in between it could be overwritten.
    hold(files);
    let held = true;
    const release = async () => {
      if (held) {
        held = false;
        await letGo(files);
      }
    };
    const bytes = bytesOf(pieces, release);
    // A generator that was never asked for anything does not run its `finally`.
    const end = bytes.return.bind(bytes);
    bytes.return = async (value) => {
      await release();
      return end(value);
    };
    return bytes;
  }

  async function* bytesOf(
    pieces: readonly { file: string; from: number; size: number }[],
    release: () => Promise<void>,
  ): AsyncGenerator<Buffer> {
    try {
      for (const { file, from, size } of pieces) yield* pieceOf(pathOf(file), from, size);
    } finally {
      await release();
    }
  }

  async function remove(segments: readonly Segment[]): Promise<void> {
    for (const { file } of segments) {
      if (readers.has(file)) doomed.add(file);
      else await rm(pathOf(file), { force: true });
    }
  }

  async function sweep(isKnown: (file: string) => boolean): Promise<void> {
    const removeOld = async (path: string) => {
      const facts = await stat(path).catch(() => undefined);
      // What this process is writing is not known yet, and not old.
      if (facts !== undefined && facts.ctimeMs < began) await rm(path, { force: true });
    };
    for (const file of await readdir(incoming)) await removeOld(join(incoming, file));
    for (const folder of await readdir(content)) {
      for (const file of await readdir(join(content, folder))) {
        if (!isKnown(file)) await removeOld(join(content, folder, file));
      }
    }
  }

  return { receive, duplicate, read, remove, sweep };
}

async function* pieceOf(path: string, from: number, size: number): AsyncGenerator<Buffer> {
  const handle = await open(path, "r");
  try {
    let position = from;
    const end = from + size;
    while (position < end) {
      const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, end - position));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) throw new Error(`content of an object is shorter than it was written: ${path}`);
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let written = 0;
  while (written < chunk.length) {
    const { bytesWritten } = await handle.write(chunk, written, chunk.length - written);
    written += bytesWritten;
  }
}

/** A name is on the disk when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
