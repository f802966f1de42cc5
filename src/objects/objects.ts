import { createHash, randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Algorithm, algorithms, type Checksum, digestOf } from "./checksums.ts";
import { noSuchBucket, noSuchKey, noSuchVersion, ObjectsError, preconditionFailed } from "./failure.ts";
import { createFiles, type Files } from "./files.ts";
import { listObjects, listVersions, type Page, type Wanted } from "./listing.ts";
import type { BucketRecord, Description, ObjectRecord, Segment, Version } from "./records.ts";
import { type ObjectStore, openObjectStore, type Syncer } from "./store.ts";
import { createUploads, type Uploads } from "./uploads.ts";

export interface ObjectsNeeds {
  /** files and metadata lie here; made if it is not there */
  readonly directory: string;
  /** of the write-ahead log at this path */
  syncer(log: string): Syncer;
  readonly clock: () => number;
}

/** Content that is on the disk and belongs to nothing yet: give it to put(), or to discard(). */
export interface Received {
  readonly segments: readonly Segment[];
  readonly size: number;
  /** hexadecimal MD5 */
  readonly md5: string;
  /** in base64 */
  readonly sums: Readonly<Partial<Record<Algorithm, string>>>;
}

/** What must be true of the object that is there, or nothing is written. ETags without quotes; `*` is any. */
export interface WriteCondition {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: "*" | undefined;
}

export interface NewObject extends Description {
  readonly bucket: string;
  readonly key: string;
  readonly owner: string;
  readonly etag: string;
  readonly size: number;
  readonly segments: readonly Segment[];
  readonly checksum?: Checksum | undefined;
  readonly parts?: ObjectRecord["parts"];
}

export interface Deleted {
  /** of the version that is gone, or of the delete marker that was made */
  readonly version?: string | undefined;
  readonly marker: boolean;
  /** something is no longer there, or hidden from now on */
  readonly changed: boolean;
  readonly created: boolean;
}

/** Buckets and objects. What is resolved is on the disk; rejects with ObjectsError. */
export interface Objects {
  bucket(name: string): BucketRecord | undefined;
  buckets(account: string): BucketRecord[];
  createBucket(bucket: Pick<BucketRecord, "name" | "account" | "region">): Promise<void>;
  changeBucket(name: string, change: (bucket: BucketRecord) => BucketRecord): Promise<void>;
  /** Rejects with BucketNotEmpty. */
  deleteBucket(name: string): Promise<void>;

  /** Takes content in, summing it in these ways beside MD5. */
  receive(source: AsyncIterable<Uint8Array>, sums: readonly Algorithm[]): Promise<Received>;
  discard(received: Pick<Received, "segments">): Promise<void>;
  put(object: NewObject, condition?: WriteCondition): Promise<ObjectRecord>;
  /** `version` undefined: the one that is shown. Throws NoSuchKey, NoSuchVersion; a delete marker is given. */
  find(bucket: string, key: string, version?: string): Version;
  read(record: ObjectRecord, start?: number, length?: number): AsyncGenerator<Buffer>;
  /** The same content for another object, without a byte copied. */
  duplicate(record: ObjectRecord): Promise<Segment[]>;
  describe(bucket: string, key: string, version: string, change: (record: ObjectRecord) => ObjectRecord): Promise<void>;
  delete(bucket: string, key: string, version?: string, condition?: WriteCondition): Promise<Deleted>;
  list(bucket: string, wanted: Wanted): Page<ObjectRecord>;
  listVersions(bucket: string, wanted: Wanted, afterVersion: string | undefined): Page<Version>;
  readonly uploads: Uploads;
  /** Takes away what an earlier process left behind. */
  sweep(): Promise<void>;
  close(): void;
}

export interface Inside {
  readonly store: ObjectStore;
  readonly files: Files;
  readonly clock: () => number;
  bucketNamed(name: string): BucketRecord;
  /** Adds a version, by the bucket's rules. Returns what is replaced. Within a transaction. */
  add(object: NewObject, condition: WriteCondition | undefined): { record: ObjectRecord; replaced: readonly Segment[] };
}

export function createObjects({ directory, syncer, clock }: ObjectsNeeds): Objects {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const store = openObjectStore(join(directory, "objects.sqlite"), syncer);
  const files = createFiles(directory);
  const buckets = new Map(store.buckets().map((bucket) => [bucket.name, bucket]));

  function bucketNamed(name: string): BucketRecord {
    const bucket = buckets.get(name);
    if (bucket === undefined) throw noSuchBucket(name);
    return bucket;
  }

  function add(object: NewObject, condition: WriteCondition | undefined) {
    const { bucket, key } = object;
    const { versioning } = bucketNamed(bucket);
    checkCondition(store, bucket, key, condition);
    const version = versioning === "Enabled" ? newVersion() : "null";
    const before = version === "null" ? store.version(bucket, key, "null")?.record : undefined;
    if (before !== undefined) {
      store.removeVersion(bucket, key, "null");
      store.disown(before.segments);
    }
    const record: ObjectRecord = { ...object, version, marker: false, modified: clock() };
    store.addVersion(record);
    store.own(record.segments);
    return { record, replaced: before?.segments ?? [] };
  }

  async function write<T extends { replaced: readonly Segment[] }>(change: () => T): Promise<T> {
    const done = store.transaction(change);
    await store.synced();
    // Only now: what the disk still shows after a power cut must be there.
    await files.remove(done.replaced);
    return done;
  }

  const inside: Inside = { store, files, clock, bucketNamed, add };

  return {
    bucket: (name) => buckets.get(name),
    buckets: (account) => [...buckets.values()].filter((bucket) => bucket.account === account).sort(byName),
    async createBucket(given) {
      const there = buckets.get(given.name);
      if (there !== undefined) throw taken(there, given.account);
      const bucket: BucketRecord = { ...given, created: clock(), configurations: {} };
      store.transaction(() => store.putBucket(bucket));
      buckets.set(bucket.name, bucket);
      await store.synced();
    },
    async changeBucket(name, change) {
      const bucket = change(bucketNamed(name));
      store.transaction(() => store.putBucket(bucket));
      buckets.set(name, bucket);
      await store.synced();
    },
    async deleteBucket(name) {
      bucketNamed(name);
      if (!store.isEmpty(name)) {
        const why = "The bucket you tried to delete is not empty";
        throw new ObjectsError("BucketNotEmpty", why, { BucketName: name });
      }
      const { replaced } = store.transaction(() => {
        const parts = store.uploads(name).flatMap(({ id }) => store.parts(id));
        for (const { id } of store.uploads(name)) store.removeUpload(id);
        const segments = parts.flatMap((part) => part.segments);
        store.disown(segments);
        store.removeBucket(name);
        return { replaced: segments };
      });
      buckets.delete(name);
      await store.synced();
      await files.remove(replaced);
    },

    async receive(source, sums) {
      const md5 = createHash("md5");
      const digests = algorithms
        .filter((name) => sums.includes(name))
        .map((name) => ({ name, digest: digestOf(name) }));
      const segment = await files.receive(source, (chunk) => {
        md5.update(chunk);
        for (const { digest } of digests) digest.update(chunk);
      });
      const known = digests.map(({ name, digest }) => [name, digest.sum().toString("base64")]);
      return { segments: [segment], size: segment.size, md5: md5.digest("hex"), sums: Object.fromEntries(known) };
    },
    discard: ({ segments }) => files.remove(segments),
    async put(object, condition) {
      try {
        return (await write(() => add(object, condition))).record;
      } catch (error) {
        if (error instanceof ObjectsError) await files.remove(object.segments);
        throw error;
      }
    },
    find: (bucket, key, version) => {
      bucketNamed(bucket);
      return findVersion(store, bucket, key, version);
    },
    read: ({ segments, size }, start = 0, length = size) => files.read(segments, start, length),
    duplicate: ({ segments }) => Promise.all(segments.map(files.duplicate)),
    async describe(bucket, key, version, change) {
      const { record } = findVersion(store, bucket, key, version);
      store.transaction(() => store.describe(change(record)));
      await store.synced();
    },
    async delete(bucket, key, version, condition) {
      const done = await write(() => remove(store, bucketNamed(bucket), key, version, condition, clock));
      return done.deleted;
    },
    list: (bucket, wanted) => {
      bucketNamed(bucket);
      return listObjects(store, bucket, wanted);
    },
    listVersions: (bucket, wanted, afterVersion) => {
      bucketNamed(bucket);
      return listVersions(store, bucket, wanted, afterVersion);
    },
    uploads: createUploads(inside, write),
    sweep: () => files.sweep(store.isOwned),
    close: store.close,
  };
}

function findVersion(store: ObjectStore, bucket: string, key: string, version: string | undefined): Version {
  if (version === undefined) {
    const record = store.latest(bucket, key);
    if (record === undefined) throw noSuchKey(key);
    return { record, latest: true };
  }
  const found = store.version(bucket, key, version);
  if (found === undefined) throw noSuchVersion(key, version);
  return found;
}

/** Source: S3 User Guide, "Conditional writes". */
export function checkCondition(
  store: ObjectStore,
  bucket: string,
  key: string,
  condition: WriteCondition | undefined,
): void {
  if (condition === undefined) return;
  const latest = store.latest(bucket, key);
  const there = latest === undefined || latest.marker ? undefined : latest;
  if (condition.ifNoneMatch !== undefined && there !== undefined) throw preconditionFailed("If-None-Match");
  if (condition.ifMatch === undefined) return;
  if (there === undefined) throw noSuchKey(key);
  if (condition.ifMatch !== "*" && condition.ifMatch !== there.etag) throw preconditionFailed("If-Match");
}

function remove(
  store: ObjectStore,
  { name, versioning }: BucketRecord,
  key: string,
  version: string | undefined,
  condition: WriteCondition | undefined,
  clock: () => number,
): { deleted: Deleted; replaced: readonly Segment[] } {
  checkCondition(store, name, key, condition);
  if (version !== undefined || versioning === undefined) {
    const gone = store.version(name, key, version ?? "null");
    if (gone === undefined)
      return { deleted: { version, marker: false, changed: false, created: false }, replaced: [] };
    store.removeVersion(name, key, gone.record.version);
    store.disown(gone.record.segments);
    const { marker, segments } = gone.record;
    return { deleted: { version, marker, changed: true, created: false }, replaced: segments };
  }
  const id = versioning === "Enabled" ? newVersion() : "null";
  const before = id === "null" ? store.version(name, key, "null")?.record : undefined;
  if (before !== undefined) {
    store.removeVersion(name, key, "null");
    store.disown(before.segments);
  }
  const nothing = { headers: {}, metadata: {}, tags: {}, storageClass: "STANDARD", etag: "", size: 0, segments: [] };
  store.addVersion({ ...nothing, bucket: name, key, version: id, marker: true, modified: clock(), owner: "" });
  return { deleted: { version: id, marker: true, changed: true, created: true }, replaced: before?.segments ?? [] };
}

function taken(there: BucketRecord, account: string): ObjectsError {
  return there.account === account
    ? new ObjectsError(
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
        { BucketName: there.name },
      )
    : new ObjectsError(
        "BucketAlreadyExists",
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
        { BucketName: there.name },
      );
}

const newVersion = (): string => randomBytes(24).toString("base64url");
const byName = (one: BucketRecord, other: BucketRecord): number => (one.name < other.name ? -1 : 1);
