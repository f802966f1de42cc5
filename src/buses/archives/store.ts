import { openDatabase } from "../database.ts";

/** An event in an archive. Times are milliseconds since the epoch. */
export interface Archived {
  readonly id: number;
  /** the event's own time */
  readonly at: number;
  /** JSON, to the letter */
  readonly text: string;
}

/** Where a reader of an archive has come to: events are read by their times, those of one time in the order they came. */
export type Cursor = Pick<Archived, "at" | "id">;

/**
 * Archived events on the disk; memory knows of none of them. A write that returned outlives the process, and a power cut after
 * `synced`. `archive`: its ARN.
 */
export interface ArchiveStore {
  /** `expires`: undefined: never */
  add(archive: string, event: Omit<Archived, "id">, expires: number | undefined): void;
  /** Events of a time, after the cursor, that are still there at `now`. */
  read(archive: string, after: Cursor, until: number, now: number, limit: number): Archived[];
  totals(archive: string, now: number): { readonly events: number; readonly bytes: number };
  /** Events will go so many milliseconds after their time; undefined: never. */
  retain(archive: string, ms: number | undefined): void;
  /** Removes some of what is of no archive or past its time. False: there are no more. */
  removeSome(archive: string, limit: number): boolean;
  expire(now: number, limit: number): boolean;
  synced(): Promise<void>;
  close(): void;
}

/** Steps from one layout of the file to the next; a step is never changed once released, only added. */
const migrations: readonly string[] = [
  `CREATE TABLE archived (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     archive TEXT NOT NULL,
     at INTEGER NOT NULL,
     expires INTEGER,
     bytes INTEGER NOT NULL,
     text TEXT NOT NULL
   ) STRICT;
   CREATE INDEX archived_at ON archived (archive, at, id, expires, bytes);
   CREATE INDEX archived_expires ON archived (expires) WHERE expires IS NOT NULL`,
];

/** Opens (and makes or migrates) the database at `path`. */
export function openArchiveStore(path: string): ArchiveStore {
  const { database, committed, synced, close } = openDatabase(path, migrations, "archives");

  const insert = database.prepare("INSERT INTO archived (archive, at, expires, bytes, text) VALUES (?, ?, ?, ?, ?)");
  const page = database.prepare(
    `SELECT id, at, text FROM archived WHERE archive = ? AND (at, id) > (?, ?) AND at <= ?
     AND (expires IS NULL OR expires > ?) ORDER BY at, id LIMIT ?`,
  );
  const total = database.prepare(
    `SELECT count(*) AS events, coalesce(sum(bytes), 0) AS bytes FROM archived
     WHERE archive = ? AND (expires IS NULL OR expires > ?)`,
  );
  const keep = database.prepare("UPDATE archived SET expires = at + ? WHERE archive = ?");
  const ofArchive = database.prepare(
    "DELETE FROM archived WHERE id IN (SELECT id FROM archived WHERE archive = ? LIMIT ?)",
  );
  const past = database.prepare(
    "DELETE FROM archived WHERE id IN (SELECT id FROM archived WHERE expires <= ? LIMIT ?)",
  );

  return {
    add(archive, { at, text }, expires) {
      committed(insert.run(archive, at, expires ?? null, Buffer.byteLength(text), text));
    },
    read: (archive, after, until, now, limit) =>
      page
        .all(archive, after.at, after.id, until, now, limit)
        .map(({ id, at, text }) => ({ id: Number(id), at: Number(at), text: String(text) })),
    totals(archive, now) {
      const { events, bytes } = total.get(archive, now)!;
      return { events: Number(events), bytes: Number(bytes) };
    },
    retain(archive, ms) {
      committed(keep.run(ms ?? null, archive));
    },
    removeSome: (archive, limit) => committed(ofArchive.run(archive, limit)).changes > 0,
    expire: (now, limit) => committed(past.run(now, limit)).changes > 0,
    synced,
    close,
  };
}
