import { createHash } from "node:crypto";
import { crc32 as nativeCrc32 } from "node:zlib";
import { type Crc, combined, crc32, crc32c, crc64nvme, runningCrc } from "./crc.ts";

export const algorithms = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const;
/** As S3 calls them. */
export type Algorithm = (typeof algorithms)[number];

/** Of the whole object, or of its parts' checksums. */
export type ChecksumType = "FULL_OBJECT" | "COMPOSITE";

/** One checksum in base64, as headers carry it. */
export interface Checksum {
  readonly algorithm: Algorithm;
  readonly value: string;
  readonly type: ChecksumType;
}

/** Sums bytes as they come. */
export interface Digest {
  update(bytes: Uint8Array): void;
  sum(): Buffer;
}

export function digestOf(algorithm: Algorithm | "MD5"): Digest {
  if (algorithm === "CRC32") return runningCrc32();
  if (algorithm === "CRC32C") return runningCrc(crc32c);
  if (algorithm === "CRC64NVME") return runningCrc(crc64nvme);
  const hash = createHash(algorithm.toLowerCase());
  return { update: (bytes) => void hash.update(bytes), sum: () => hash.digest() };
}

function runningCrc32(): Digest {
  let crc = 0;
  return {
    update(bytes) {
      crc = nativeCrc32(bytes, crc);
    },
    sum() {
      const sum = Buffer.alloc(4);
      sum.writeUInt32BE(crc);
      return sum;
    },
  };
}

/** Bytes of a sum. */
export const sumBytes: Readonly<Record<Algorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
};

/** Is it base64 of as many bytes as such a sum has? */
export function isSum(algorithm: Algorithm, text: string): boolean {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && Buffer.from(text, "base64").length === sumBytes[algorithm];
}

/** The type an upload in parts gets unless it asks. Source: S3 User Guide, "Checking object integrity". */
export const usualType = (algorithm: Algorithm): ChecksumType =>
  algorithm === "CRC64NVME" ? "FULL_OBJECT" : "COMPOSITE";

/** Can an object in parts have this type? CRC64NVME has no composite one, digests have no full one. */
export const canBe = (algorithm: Algorithm, type: ChecksumType): boolean =>
  type === "COMPOSITE" ? algorithm !== "CRC64NVME" : algorithm.startsWith("CRC");

/** The checksum of an object in parts, of those of its parts. A composite one has `-N` behind it. */
export function ofParts(
  algorithm: Algorithm,
  type: ChecksumType,
  parts: readonly { readonly value: string; readonly size: number }[],
): string {
  const sums = parts.map(({ value }) => Buffer.from(value, "base64"));
  if (type === "COMPOSITE") {
    const digest = digestOf(algorithm);
    for (const sum of sums) digest.update(sum);
    return `${digest.sum().toString("base64")}-${parts.length}`;
  }
  const crc = crcs[algorithm]!;
  let whole = 0n;
  for (const [index, { size }] of parts.entries()) {
    whole = combined(crc, whole, BigInt(`0x${sums[index]!.toString("hex")}`), size);
  }
  const digits = whole.toString(16).padStart(crc.width / 4, "0");
  return Buffer.from(digits, "hex").toString("base64");
}

const crcs: Readonly<Partial<Record<Algorithm, Crc>>> = { CRC32: crc32, CRC32C: crc32c, CRC64NVME: crc64nvme };
