import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { BucketRecord, ObjectRecord, PartRecord, Segment, UploadRecord, Version } from "./records.ts";

/** Brings commits to the disk without holding up this thread (registry/sync.ts). */
export interface Syncer {
  committed(): void;
  synced(): Promise<void>;
  close(): void;
}

/** Where it is written down what there is. A change survives the process when `transaction` returns, and a power cut after `synced`. */
export interface ObjectStore {
  buckets(): BucketRecord[];
  putBucket(bucket: BucketRecord): void;
  removeBucket(name: string): void;
  /** Has it any version of any object? */
  isEmpty(bucket: string): boolean;

  latest(bucket: string, key: string): ObjectRecord | undefined;
  version(bucket: string, key: string, version: string): Version | undefined;
  /** Adds a version in front of all others of its key. */
  addVersion(record: ObjectRecord): void;
  /** Replaces what is written of a version; its content stays. */
  describe(record: ObjectRecord): void;
  /** Takes a version away; the one before it is then shown. */
  removeVersion(bucket: string, key: string, version: string): void;
  /** Objects that are shown, by the bytes of their keys: from `from` on, below `below`. */
  shown(bucket: string, from: Buffer, below: Buffer | undefined, limit: number): ObjectRecord[];
  /** All versions, by key, the newest first: from `from` on, below `below`. */
  versions(bucket: string, from: Buffer, below: Buffer | undefined, limit: number, offset: number): Version[];

  upload(id: string): UploadRecord | undefined;
  putUpload(upload: UploadRecord): void;
  removeUpload(id: string): void;
  /** By key, then by time. */
  uploads(bucket: string): UploadRecord[];
  part(upload: string, number: number): PartRecord | undefined;
  /** In order of their numbers. */
  parts(upload: string): PartRecord[];
  putPart(part: PartRecord): void;
  removePart(upload: string, number: number): void;

  /** Files that have an owner. */
  own(segments: readonly Segment[]): void;
  disown(segments: readonly Segment[]): void;
  isOwned(file: string): boolean;

  transaction<T>(writes: () => T): T;
  synced(): Promise<void>;
  close(): void;
}

/** Steps from one layout of the file to the next; a step is never changed once released, only added. */
const migrations: readonly string[] = [
  `CREATE TABLE buckets (name TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE objects (
     bucket TEXT NOT NULL,
     key BLOB NOT NULL,
     age INTEGER NOT NULL,
     version TEXT NOT NULL,
     latest INTEGER NOT NULL,
     marker INTEGER NOT NULL,
     document TEXT NOT NULL,
     PRIMARY KEY (bucket, key, age)
   ) STRICT, WITHOUT ROWID;
   CREATE UNIQUE INDEX objects_version ON objects (bucket, key, version);
   CREATE UNIQUE INDEX objects_shown ON objects (bucket, key) WHERE latest = 1 AND marker = 0;
   CREATE TABLE uploads (
     id TEXT PRIMARY KEY,
     bucket TEXT NOT NULL,
     key BLOB NOT NULL,
     initiated INTEGER NOT NULL,
     document TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX uploads_key ON uploads (bucket, key, initiated, id);
   CREATE TABLE parts (
     upload TEXT NOT NULL,
     number INTEGER NOT NULL,
     document TEXT NOT NULL,
     PRIMARY KEY (upload, number)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE files (file TEXT PRIMARY KEY) STRICT, WITHOUT ROWID`,
];

/** Above all keys: no byte of UTF-8 is 0xff. */
const highest = Buffer.from([0xff]);

/** Opens (and makes or migrates) the database at `path`. `syncerOf` is given the path of its write-ahead log. */
export function openObjectStore(path: string, syncerOf: (log: string) => Syncer): ObjectStore {
  const database = new DatabaseSync(path);
  chmodSync(path, 0o600);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000");
  migrate(database);
  const syncer = syncerOf(`${path}-wal`);

  const sql = (text: string) => database.prepare(text);
  const allBuckets = sql("SELECT document FROM buckets ORDER BY name");
  const putBucket = sql("INSERT INTO buckets VALUES (?, ?) ON CONFLICT DO UPDATE SET document = excluded.document");
  const removeBucket = sql("DELETE FROM buckets WHERE name = ?");
  const anyObject = sql("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1");
  const newest = sql("SELECT age, document FROM objects WHERE bucket = ? AND key = ? ORDER BY age LIMIT 1");
  const byVersion = sql("SELECT latest, document FROM objects WHERE bucket = ? AND key = ? AND version = ?");
  const unshow = sql("UPDATE objects SET latest = 0 WHERE bucket = ? AND key = ? AND latest = 1");
  const show = sql("UPDATE objects SET latest = 1 WHERE bucket = ? AND key = ? AND age = ?");
  const addObject = sql("INSERT INTO objects VALUES (?, ?, ?, ?, 1, ?, ?)");
  const describe = sql("UPDATE objects SET document = ? WHERE bucket = ? AND key = ? AND version = ?");
  const removeObject = sql("DELETE FROM objects WHERE bucket = ? AND key = ? AND version = ?");
  const shown = sql(
    "SELECT document FROM objects WHERE bucket = ? AND key >= ? AND key < ? AND latest = 1 AND marker = 0 ORDER BY key LIMIT ?",
  );
  const versions = sql(
    "SELECT latest, document FROM objects WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key, age LIMIT ? OFFSET ?",
  );
  const upload = sql("SELECT document FROM uploads WHERE id = ?");
  const putUpload = sql("INSERT INTO uploads VALUES (?, ?, ?, ?, ?)");
  const removeUpload = sql("DELETE FROM uploads WHERE id = ?");
  const removeParts = sql("DELETE FROM parts WHERE upload = ?");
  const uploads = sql("SELECT document FROM uploads WHERE bucket = ? ORDER BY key, initiated, id");
  const part = sql("SELECT document FROM parts WHERE upload = ? AND number = ?");
  const parts = sql("SELECT document FROM parts WHERE upload = ? ORDER BY number");
  const putPart = sql("INSERT INTO parts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document");
  const removePart = sql("DELETE FROM parts WHERE upload = ? AND number = ?");
  const own = sql("INSERT INTO files VALUES (?)");
  const disown = sql("DELETE FROM files WHERE file = ?");
  const owned = sql("SELECT 1 FROM files WHERE file = ?");

  type Row = Record<string, unknown>;
  const parsed = <T>(row: Row | undefined): T | undefined =>
    row === undefined ? undefined : (JSON.parse(String(row.document)) as T);
  const all = <T>(rows: readonly Row[]): T[] => rows.map((row) => JSON.parse(String(row.document)) as T);
  const versionOf = (row: Row): Version => ({
    record: JSON.parse(String(row.document)) as ObjectRecord,
    latest: row.latest === 1,
  });

  return {
    buckets: () => all<BucketRecord>(allBuckets.all()),
    putBucket: (bucket) => void putBucket.run(bucket.name, JSON.stringify(bucket)),
    removeBucket: (name) => void removeBucket.run(name),
    isEmpty: (bucket) => anyObject.get(bucket) === undefined,

    latest: (bucket, key) => parsed<ObjectRecord>(newest.get(bucket, Buffer.from(key))),
    version(bucket, key, version) {
      const row = byVersion.get(bucket, Buffer.from(key), version);
      return row === undefined ? undefined : versionOf(row);
    },
    addVersion(record) {
      const { bucket, version, marker } = record;
      const key = Buffer.from(record.key);
      const before = newest.get(bucket, key);
      const age = before === undefined ? 0 : Number(before.age) - 1;
      unshow.run(bucket, key);
      addObject.run(bucket, key, age, version, marker ? 1 : 0, JSON.stringify(record));
    },
    describe: (record) =>
      void describe.run(JSON.stringify(record), record.bucket, Buffer.from(record.key), record.version),
    removeVersion(bucket, key, version) {
      const bytes = Buffer.from(key);
      removeObject.run(bucket, bytes, version);
      const before = newest.get(bucket, bytes);
      if (before !== undefined) show.run(bucket, bytes, Number(before.age));
    },
    shown: (bucket, from, below, limit) => all<ObjectRecord>(shown.all(bucket, from, below ?? highest, limit)),
    versions: (bucket, from, below, limit, offset) =>
      versions.all(bucket, from, below ?? highest, limit, offset).map(versionOf),

    upload: (id) => parsed<UploadRecord>(upload.get(id)),
    putUpload: (record) =>
      void putUpload.run(record.id, record.bucket, Buffer.from(record.key), record.initiated, JSON.stringify(record)),
    removeUpload(id) {
      removeUpload.run(id);
      removeParts.run(id);
    },
    uploads: (bucket) => all<UploadRecord>(uploads.all(bucket)),
    part: (id, number) => parsed<PartRecord>(part.get(id, number)),
    parts: (id) => all<PartRecord>(parts.all(id)),
    putPart: (record) => void putPart.run(record.upload, record.number, JSON.stringify(record)),
    removePart: (id, number) => void removePart.run(id, number),

    own(segments) {
      for (const { file } of segments) own.run(file);
    },
    disown(segments) {
      for (const { file } of segments) disown.run(file);
    },
    isOwned: (file) => owned.get(file) !== undefined,

    transaction(writes) {
      database.exec("BEGIN IMMEDIATE");
      try {
        const result = writes();
        database.exec("COMMIT");
        syncer.committed();
        return result;
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    },
    synced: syncer.synced,
    close() {
      syncer.close();
      database.close();
    },
  };
}

function migrate(database: DatabaseSync): void {
  const row = database.prepare("PRAGMA user_version").get();
  const version = Number(row?.user_version ?? 0);
  if (version > migrations.length) {
    throw new Error(
      `the objects were written by a newer Thaw (layout ${version}, this one knows ${migrations.length}); upgrade Thaw or choose another data directory`,
    );
  }
  for (const [index, step] of migrations.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}
