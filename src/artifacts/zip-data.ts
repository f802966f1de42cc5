import { setImmediate } from "node:timers/promises";
import { crc32, createInflateRaw, inflateRawSync } from "node:zlib";
import type { ZipEntry } from "./zip-directory.ts";
import { badZip } from "./zip-errors.ts";

/** Entries up to this size are inflated in one go on this thread; larger ones piecewise on zlib's own threads. */
export const smallEntryBytes = 512 * 1024;

/** Bytes of a local file header before the name (APPNOTE 4.3.7). */
const localHeaderBytes = 30;

/** An entry's compressed bytes, without copying. */
function compressedData(zip: Buffer, entry: ZipEntry): Buffer {
  const at = entry.headerOffset;
  if (at + localHeaderBytes > zip.length || zip.readUInt32LE(at) !== 0x04034b50) {
    throw badZip(`entry ${entry.path} has no local header`);
  }
  const start = at + localHeaderBytes + zip.readUInt16LE(at + 26) + zip.readUInt16LE(at + 28);
  if (start + entry.compressedSize > zip.length) throw badZip(`entry ${entry.path} is cut off`);
  return zip.subarray(start, start + entry.compressedSize);
}

/** The whole content of an entry of at most smallEntryBytes, checked against its promised size and CRC-32. */
export function readSmall(zip: Buffer, entry: ZipEntry): Buffer {
  const raw = compressedData(zip, entry);
  let data = raw;
  if (entry.deflated) {
    try {
      // Stops inflating where the promised size is passed, whatever the archive still holds.
      data = inflateRawSync(raw, { maxOutputLength: Math.max(1, entry.size) });
    } catch (error) {
      throw badZip(`entry ${entry.path}: ${(error as Error).message}`, error);
    }
  }
  checkContent(entry, data.length, crc32(data));
  return data;
}

/** The content of an entry in pieces; throws after the last (or as soon as there is too much) if it breaks its promises. */
export async function* readLarge(zip: Buffer, entry: ZipEntry): AsyncGenerator<Buffer> {
  const raw = compressedData(zip, entry);
  let length = 0;
  let sum = 0;
  for await (const chunk of entry.deflated ? inflated(raw, entry) : slices(raw)) {
    length += chunk.length;
    if (length > entry.size) throw badZip(`entry ${entry.path} is larger than it says`);
    sum = crc32(chunk, sum);
    yield chunk;
  }
  checkContent(entry, length, sum);
}

async function* inflated(raw: Buffer, entry: ZipEntry): AsyncGenerator<Buffer> {
  const inflate = createInflateRaw({ chunkSize: 128 * 1024 });
  inflate.end(raw);
  try {
    yield* inflate as AsyncIterable<Buffer>;
  } catch (error) {
    throw badZip(`entry ${entry.path}: ${(error as Error).message}`, error);
  } finally {
    inflate.destroy();
  }
}

async function* slices(raw: Buffer): AsyncGenerator<Buffer> {
  const step = 1024 * 1024;
  for (let at = 0; at < raw.length; at += step) {
    yield raw.subarray(at, at + step);
    await setImmediate(); // others use this thread too
  }
}

function checkContent(entry: ZipEntry, length: number, sum: number): void {
  if (length !== entry.size) throw badZip(`entry ${entry.path} is ${length} bytes long but says ${entry.size}`);
  if (sum !== entry.crc32) throw badZip(`entry ${entry.path} fails its checksum`);
}
