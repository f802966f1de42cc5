import type { CodeRef } from "../model/index.ts";
import type { Trees } from "./trees.ts";
import type { ZipStore } from "./zip-store.ts";

/**
 * Deletes zips, unpacked trees and merged layers that none of `live` needs and that are older than `graceMs`.
 * Trees whose making was interrupted need no sweeping: they are in the temporary directory, emptied at every start.
 */
export async function sweep(
  stores: { readonly zips: ZipStore; readonly unpacked: Trees; readonly merged: Trees },
  live: readonly CodeRef[],
  graceMs: number,
): Promise<{ readonly removed: number; readonly bytes: number }> {
  const needed = new Set(live.map((code) => code.digest));
  const neededParts = new Set(live.map((code) => code.digest.slice(0, keyDigits)));
  const before = Date.now() - graceMs;
  let removed = 0;
  let bytes = 0;
  for (const zip of stores.zips.list()) {
    if (needed.has(zip.digest) || zip.storedAt > before) continue;
    await stores.zips.remove(zip.digest);
    removed += 1;
    bytes += zip.bytes;
  }
  for (const { key, madeAt } of stores.unpacked.list()) {
    if (!needed.has(key) && madeAt <= before && !stores.zips.has(key)) await stores.unpacked.remove(key);
  }
  for (const { key, madeAt } of stores.merged.list()) {
    const isNeeded = key.split("-").every((part) => neededParts.has(part));
    if (madeAt <= before && !isNeeded) await stores.merged.remove(key);
  }
  return { removed, bytes };
}

/** Hex digits of a digest in a merge key: 192 bits, so that five fit the 255 bytes of a file name. */
const keyDigits = 48;

/** Key of merged layers: their digests in order. */
export function mergeKey(layers: readonly CodeRef[]): string {
  return layers.map((layer) => layer.digest.slice(0, keyDigits)).join("-");
}
