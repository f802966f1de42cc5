/**
 * Concise Binary Object Representation, as much of it as Smithy's RPC v2 protocol uses: numbers, texts, bytes, lists, maps,
 * booleans, null, and moments (tag 1: seconds since the epoch). Sources: RFC 8949; Smithy, "RPC v2 CBOR protocol".
 */

/** What is no CBOR, or deeper than any request. */
export class CborError extends Error {
  override readonly name = "CborError";
}

const deepest = 32;

interface Reader {
  readonly bytes: Buffer;
  at: number;
}

/** A document: moments are numbers, seconds since the epoch. Throws CborError. */
export function decodeCbor(bytes: Buffer): unknown {
  const reader: Reader = { bytes, at: 0 };
  try {
    const value = read(reader, 0);
    if (reader.at !== bytes.length) throw new CborError("There is more than one document.");
    return value;
  } catch (error) {
    // Node's, of a read beyond the end.
    throw error instanceof RangeError ? new CborError("The document is cut off.") : error;
  }
}

/** Ends a list, map or text of unknown length. */
const stop = Symbol("stop");

function read(reader: Reader, depth: number): unknown {
  const value = readOrStop(reader, depth);
  if (value === stop) throw new CborError("There is an end without a beginning.");
  return value;
}

function readOrStop(reader: Reader, depth: number): unknown {
  if (depth > deepest) throw new CborError(`The document is deeper than ${deepest}.`);
  const first = reader.bytes.readUInt8(reader.at++);
  const [major, info] = [first >> 5, first & 31];
  if (major === 7) return simple(reader, info);
  const length = info === 31 ? undefined : argument(reader, info);
  switch (major) {
    case 0:
      return definite(length);
    case 1:
      return -1 - definite(length);
    case 2:
      return length === undefined ? Buffer.concat(pieces(reader, depth) as Buffer[]) : take(reader, length);
    case 3:
      return length === undefined ? pieces(reader, depth).join("") : take(reader, length).toString("utf8");
    case 4:
      return elements(reader, depth, length);
    case 5:
      return entries(reader, depth, length);
    default:
      // Of all tags only moments are of any use here, and they are what they tag.
      definite(length);
      return read(reader, depth + 1);
  }
}

function argument(reader: Reader, info: number): number {
  const { bytes, at } = reader;
  if (info < 24) return info;
  if (info > 27) throw new CborError(`There is a length of kind ${info}.`);
  const size = 2 ** (info - 24);
  reader.at += size;
  if (size < 8) return bytes.readUIntBE(at, size);
  const value = Number(bytes.readBigUInt64BE(at));
  return value;
}

function definite(length: number | undefined): number {
  if (length === undefined) throw new CborError("There is no length where one must be.");
  return length;
}

function take(reader: Reader, length: number): Buffer {
  const end = reader.at + length;
  if (end > reader.bytes.length) throw new CborError("The document is cut off.");
  const bytes = reader.bytes.subarray(reader.at, end);
  reader.at = end;
  return bytes;
}

function pieces(reader: Reader, depth: number): unknown[] {
  const list = elements(reader, depth, undefined);
  if (list.every((one) => typeof one === "string") || list.every((one) => Buffer.isBuffer(one))) return list;
  throw new CborError("A text has pieces that are none.");
}

function elements(reader: Reader, depth: number, length = Number.POSITIVE_INFINITY): unknown[] {
  const list: unknown[] = [];
  while (list.length < length) {
    const value = readOrStop(reader, depth + 1);
    if (value === stop) {
      if (length === Number.POSITIVE_INFINITY) break;
      throw new CborError("A list ends before its end.");
    }
    list.push(value);
  }
  return list;
}

function entries(reader: Reader, depth: number, length = Number.POSITIVE_INFINITY): Record<string, unknown> {
  const found: [string, unknown][] = [];
  while (found.length < length) {
    const key = readOrStop(reader, depth + 1);
    if (key === stop && length === Number.POSITIVE_INFINITY) break;
    if (typeof key !== "string") throw new CborError("A key is no text.");
    found.push([key, read(reader, depth + 1)]);
  }
  return Object.fromEntries(found);
}

function simple(reader: Reader, info: number): unknown {
  const { bytes, at } = reader;
  switch (info) {
    case 20:
      return false;
    case 21:
      return true;
    case 22:
    case 23:
      return null;
    case 25:
      reader.at += 2;
      return half(bytes.readUInt16BE(at));
    case 26:
      reader.at += 4;
      return bytes.readFloatBE(at);
    case 27:
      reader.at += 8;
      return bytes.readDoubleBE(at);
    case 31:
      return stop;
    default:
      throw new CborError(`There is a simple value ${info}.`);
  }
}

/** RFC 8949, appendix D. */
function half(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** A document of plain values and Dates; members that are undefined are left out. */
export function encodeCbor(value: unknown): Buffer {
  const parts: Buffer[] = [];
  write(value, parts);
  return Buffer.concat(parts);
}

function write(value: unknown, parts: Buffer[]): void {
  if (typeof value === "number") parts.push(numberBytes(value));
  else if (typeof value === "string") {
    const text = Buffer.from(value);
    parts.push(head(3, text.length), text);
  } else if (value instanceof Date) parts.push(Buffer.of(0xc1), double(value.getTime() / 1e3));
  else if (Array.isArray(value)) {
    parts.push(head(4, value.length));
    for (const one of value) write(one, parts);
  } else if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).filter(([, inner]) => inner !== undefined);
    parts.push(head(5, members.length));
    for (const [key, inner] of members) {
      write(key, parts);
      write(inner, parts);
    }
  } else parts.push(Buffer.of(value === true ? 0xf5 : value === false ? 0xf4 : 0xf6));
}

function numberBytes(value: number): Buffer {
  if (!Number.isSafeInteger(value) || Object.is(value, -0) || Math.abs(value) > 2 ** 32) return double(value);
  return value >= 0 ? head(0, value) : head(1, -1 - value);
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = 0xfb;
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function head(major: number, length: number): Buffer {
  const first = major << 5;
  if (length < 24) return Buffer.of(first | length);
  const size = length < 2 ** 8 ? 1 : length < 2 ** 16 ? 2 : 4;
  const bytes = Buffer.alloc(1 + size);
  bytes[0] = first | (size === 1 ? 24 : size === 2 ? 25 : 26);
  bytes.writeUIntBE(length, 1, size);
  return bytes;
}
