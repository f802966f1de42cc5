import type { ObjectRecord, Version } from "./records.ts";
import type { ObjectStore } from "./store.ts";

export interface Page<T> {
  readonly items: readonly T[];
  /** what stands before the delimiter, once for all keys that begin so */
  readonly prefixes: readonly string[];
  /** the last key or prefix given, if there is more */
  readonly next?: string | undefined;
  /** of a listing of versions, the last one's version; empty after a prefix */
  readonly nextVersion?: string | undefined;
}

export interface Wanted {
  readonly prefix: string;
  /** empty: none */
  readonly delimiter: string;
  /** the last key or prefix of the page before; empty: from the beginning */
  readonly after: string;
  /** most items and prefixes together */
  readonly max: number;
}

const batch = 1000;
const nul = Buffer.from([0]);

/** Objects that are shown, by the bytes of their keys. Source: S3 API Reference, ListObjectsV2. */
export function listObjects(store: ObjectStore, bucket: string, wanted: Wanted): Page<ObjectRecord> {
  const items: ObjectRecord[] = [];
  const found = walk(wanted, (from, below) => store.shown(bucket, from, below, batch), items);
  return { items, ...found };
}

/** All versions, by key, the newest first. `afterVersion`: of the key `after`, the last one given; undefined: all of it was. */
export function listVersions(
  store: ObjectStore,
  bucket: string,
  wanted: Wanted,
  afterVersion: string | undefined,
): Page<Version> {
  const { prefix, delimiter, after, max } = wanted;
  const below = beyond(Buffer.from(prefix));
  const items: Version[] = [];
  const prefixes: string[] = [];
  let from = Buffer.from(prefix);
  if (after !== "") {
    const past = isPrefixOf(wanted, after) ? beyond(Buffer.from(after))! : Buffer.concat([Buffer.from(after), nul]);
    const start = afterVersion === undefined ? past : Buffer.from(after);
    if (Buffer.compare(start, from) > 0) from = start;
  }
  let skipping = afterVersion;
  let offset = 0;
  let last: { key: string; version: string } | undefined;
  for (;;) {
    const rows = store.versions(bucket, from, below, batch, offset);
    let jumped = false;
    for (const row of rows) {
      const { key, version } = row.record;
      if (skipping !== undefined) {
        if (key !== after) skipping = undefined;
        else {
          if (version === skipping) skipping = undefined;
          continue;
        }
      }
      if (items.length + prefixes.length >= max) {
        return { items, prefixes, ...(last === undefined ? {} : { next: last.key, nextVersion: last.version }) };
      }
      const folded = prefixOf(key, prefix, delimiter);
      if (folded === undefined) {
        items.push(row);
        last = { key, version };
        continue;
      }
      prefixes.push(folded);
      last = { key: folded, version: "" };
      from = beyond(Buffer.from(folded))!;
      offset = 0;
      jumped = true;
      break;
    }
    if (jumped) continue;
    if (rows.length < batch) return { items, prefixes };
    offset += rows.length;
  }
}

function walk(
  { prefix, delimiter, after, max }: Wanted,
  read: (from: Buffer, below: Buffer | undefined) => ObjectRecord[],
  items: ObjectRecord[],
): { prefixes: string[]; next?: string } {
  const below = beyond(Buffer.from(prefix));
  const prefixes: string[] = [];
  let from = Buffer.from(prefix);
  if (after !== "") {
    const folded = isPrefixOf({ prefix, delimiter }, after);
    const start = folded ? beyond(Buffer.from(after))! : Buffer.concat([Buffer.from(after), nul]);
    if (Buffer.compare(start, from) > 0) from = start;
  }
  let last = "";
  for (;;) {
    const rows = read(from, below);
    let jumped = false;
    for (const row of rows) {
      if (items.length + prefixes.length >= max) return { prefixes, next: last };
      const folded = prefixOf(row.key, prefix, delimiter);
      if (folded === undefined) {
        items.push(row);
        last = row.key;
        continue;
      }
      prefixes.push(folded);
      last = folded;
      // All that begin so are done: on with what comes behind them.
      from = beyond(Buffer.from(folded))!;
      jumped = true;
      break;
    }
    if (jumped) continue;
    if (rows.length < batch) return { prefixes };
    from = Buffer.concat([Buffer.from(rows.at(-1)!.key), nul]);
  }
}

/** Undefined: the key is listed itself. */
function prefixOf(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === "") return undefined;
  const end = key.indexOf(delimiter, prefix.length);
  return end === -1 ? undefined : key.slice(0, end + delimiter.length);
}

/** Is it a common prefix that a page ended with? */
const isPrefixOf = ({ prefix, delimiter }: Pick<Wanted, "prefix" | "delimiter">, after: string): boolean =>
  after.startsWith(prefix) && prefixOf(after, prefix, delimiter) === after;

/** The first bytes behind all that begin with these. Undefined: there are none. */
function beyond(prefix: Buffer): Buffer<ArrayBuffer> | undefined {
  if (prefix.length === 0) return undefined;
  const next = Buffer.from(prefix);
  next[next.length - 1] = next[next.length - 1]! + 1;
  return next;
}
