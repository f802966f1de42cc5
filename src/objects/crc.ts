/** A cyclic redundancy check, reflected, that begins and ends with all ones. Sums are unsigned, of `width` bits. */
export interface Crc {
  readonly width: 32 | 64;
  /** the polynomial, lowest power in the highest bit */
  readonly polynomial: bigint;
}

export const crc32: Crc = { width: 32, polynomial: 0xedb88320n };
/** Castagnoli's. Source: RFC 3720, appendix B.4. */
export const crc32c: Crc = { width: 32, polynomial: 0x82f63b78n };
/** Source: NVM Express NVM Command Set Specification, "64b CRC". */
export const crc64nvme: Crc = { width: 64, polynomial: 0x9a6c9329ac4bc9b5n };

/** Sums bytes as they come. */
export interface RunningCrc {
  update(bytes: Uint8Array): void;
  /** of all bytes until now, big-endian */
  sum(): Buffer;
}

/** Eight bytes at a time, by eight tables. Source: Kounavis and Berry, "A Systematic Approach to Building High Performance, Software-based, CRC generators". */
export function runningCrc(crc: Crc): RunningCrc {
  return crc.width === 32 ? running32(tablesOf(crc)) : running64(tablesOf(crc));
}

interface Tables {
  readonly low: Uint32Array;
  readonly high: Uint32Array;
}

const known = new Map<Crc, Tables>();

function tablesOf(crc: Crc): Tables {
  const made = known.get(crc);
  if (made !== undefined) return made;
  const low = new Uint32Array(8 * 256);
  const high = new Uint32Array(8 * 256);
  const sums: bigint[] = [];
  for (let byte = 0; byte < 256; byte += 1) {
    let sum = BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1n ? (sum >> 1n) ^ crc.polynomial : sum >> 1n;
    sums.push(sum);
  }
  for (let byte = 0; byte < 256; byte += 1) {
    let sum = sums[byte]!;
    for (let table = 0; table < 8; table += 1) {
      low[table * 256 + byte] = Number(sum & 0xffffffffn);
      high[table * 256 + byte] = Number(sum >> 32n);
      sum = (sum >> 8n) ^ sums[Number(sum & 0xffn)]!;
    }
  }
  const tables = { low, high };
  known.set(crc, tables);
  return tables;
}

function running32({ low: t }: Tables): RunningCrc {
  let crc = -1;
  return {
    update(bytes) {
      let at = 0;
      const whole = bytes.length - 7;
      let sum = crc;
      for (; at < whole; at += 8) {
        sum ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
        sum =
          t[1792 + (sum & 255)]! ^
          t[1536 + ((sum >>> 8) & 255)]! ^
          t[1280 + ((sum >>> 16) & 255)]! ^
          t[1024 + (sum >>> 24)]! ^
          t[768 + bytes[at + 4]!]! ^
          t[512 + bytes[at + 5]!]! ^
          t[256 + bytes[at + 6]!]! ^
          t[bytes[at + 7]!]!;
      }
      for (; at < bytes.length; at += 1) sum = (sum >>> 8) ^ t[(sum ^ bytes[at]!) & 255]!;
      crc = sum;
    },
    sum() {
      const sum = Buffer.alloc(4);
      sum.writeUInt32BE(~crc >>> 0);
      return sum;
    },
  };
}

function running64({ low: tl, high: th }: Tables): RunningCrc {
  let low = -1;
  let high = -1;
  return {
    update(bytes) {
      let at = 0;
      const whole = bytes.length - 7;
      let l = low;
      let h = high;
      for (; at < whole; at += 8) {
        l ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
        h ^= bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
        const a = 1792 + (l & 255);
        const b = 1536 + ((l >>> 8) & 255);
        const c = 1280 + ((l >>> 16) & 255);
        const d = 1024 + (l >>> 24);
        const e = 768 + (h & 255);
        const f = 512 + ((h >>> 8) & 255);
        const g = 256 + ((h >>> 16) & 255);
        const i = h >>> 24;
        l = tl[a]! ^ tl[b]! ^ tl[c]! ^ tl[d]! ^ tl[e]! ^ tl[f]! ^ tl[g]! ^ tl[i]!;
        h = th[a]! ^ th[b]! ^ th[c]! ^ th[d]! ^ th[e]! ^ th[f]! ^ th[g]! ^ th[i]!;
      }
      for (; at < bytes.length; at += 1) {
        const index = (l ^ bytes[at]!) & 255;
        l = ((l >>> 8) | (h << 24)) ^ tl[index]!;
        h = (h >>> 8) ^ th[index]!;
      }
      low = l;
      high = h;
    },
    sum() {
      const sum = Buffer.alloc(8);
      sum.writeUInt32BE(~high >>> 0, 0);
      sum.writeUInt32BE(~low >>> 0, 4);
      return sum;
    },
  };
}

/**
 * The sum of two runs of bytes, one after the other, of the sum of each and the second one's length: the first is multiplied
 * by x to the power of the bits that follow. Source: zlib, "crc32_combine".
 */
export function combined(crc: Crc, first: bigint, second: bigint, secondLength: number): bigint {
  return multiplied(crc, first, powerOfX(crc, secondLength)) ^ second;
}

const powers = new Map<string, bigint>();

/** x to the power of `bytes` times eight. Parts are mostly of one size: the last ones are remembered. */
function powerOfX(crc: Crc, bytes: number): bigint {
  const name = `${crc.polynomial}/${bytes}`;
  const made = powers.get(name);
  if (made !== undefined) return made;
  const one = 1n << BigInt(crc.width - 1);
  let power = one;
  let square = one >> 8n;
  for (let left = BigInt(bytes); left > 0n; left >>= 1n) {
    if (left & 1n) power = multiplied(crc, power, square);
    square = multiplied(crc, square, square);
  }
  if (powers.size >= 100) powers.clear();
  powers.set(name, power);
  return power;
}

function multiplied({ width, polynomial }: Crc, a: bigint, b: bigint): bigint {
  let product = 0n;
  let shifted = b;
  for (let bit = BigInt(width - 1); bit >= 0n; bit -= 1n) {
    if ((a >> bit) & 1n) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ polynomial : shifted >> 1n;
  }
  return product;
}
