import { chmodSync, closeSync, fdatasync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Change, QueuedEvent } from "./events.ts";

/**
 * Where events wait. What is written survives the process when `write` returns, and a power cut after `synced`. Another
 * implementation (several nodes) needs only these functions.
 */
export interface QueueStore {
  /** Queues that have events, and how many. */
  queues(): { readonly key: string; readonly events: number }[];
  /** How many events there are, of all queues. */
  waiting(): number;
  /** Events of a queue that are due, the one that waits longest first. */
  due(key: string, now: number, limit: number): number[];
  /** When the next event of a queue is due, after `now`. */
  nextDue(key: string, now: number): number | undefined;
  event(id: number): QueuedEvent | undefined;
  /** All of it or nothing. Returns the numbers of the events that were added, by change. */
  write(changes: readonly Change[]): readonly (readonly number[])[];
  /** Forgets a queue at once; its rows go with `sweep`. Returns how many events it had. */
  drop(key: string): number;
  /** Removes rows of dropped queues, at most `limit`. False: there are no more. */
  sweep(limit: number): boolean;
  /** The queues there are rows for whose names begin with this. */
  named(prefix: string): string[];
  /** Resolves when all that was written is on the disk. */
  synced(): Promise<void>;
  close(): void;
}

/** Steps from one layout of the file to the next; a step is never changed once released, only added. */
const migrations: readonly string[] = [
  `CREATE TABLE queues (
     id INTEGER PRIMARY KEY,
     key TEXT NOT NULL,
     dropped INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE UNIQUE INDEX queues_key ON queues (key) WHERE dropped = 0;
   CREATE TABLE events (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     queue INTEGER NOT NULL,
     due INTEGER NOT NULL,
     accepted INTEGER NOT NULL,
     tries INTEGER NOT NULL,
     delays INTEGER NOT NULL,
     head TEXT NOT NULL,
     payload BLOB NOT NULL,
     response BLOB
   ) STRICT;
   CREATE INDEX events_due ON events (queue, due)`,
];

/**
 * Opens (and makes or migrates) the database at `path`. The log is not flushed by each commit (synchronous=FULL), which
 * would stop the platform's one thread for the time a disk takes, but beside the thread, by one flush for many.
 * Source: sqlite.org/pragma.html#pragma_synchronous, sqlite.org/wal.html.
 */
export function openQueueStore(path: string): QueueStore {
  const database = new DatabaseSync(path);
  // Payloads are their owners' alone.
  chmodSync(path, 0o600);
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000; PRAGMA wal_autocheckpoint = 8000",
  );
  migrate(database);
  const ids = new Map<string, number>();
  /** the numbers of the queues that are not dropped */
  const live = new Set<number>();
  for (const row of database.prepare("SELECT id, key FROM queues WHERE dropped = 0").all()) {
    ids.set(String(row.key), Number(row.id));
    live.add(Number(row.id));
  }
  // What a long backlog took is given back when there is none left.
  const empty = database.prepare("SELECT 1 FROM events LIMIT 1").get() === undefined;
  if (empty && Number(database.prepare("PRAGMA page_count").get()?.page_count) > 1000) database.exec("VACUUM");
  // The log is there as long as the database is open: it is emptied, but never replaced.
  const log = openSync(`${path}-wal`, "r+");

  const newQueue = database.prepare("INSERT INTO queues (key) VALUES (?)");
  const dropQueue = database.prepare("UPDATE queues SET dropped = 1 WHERE id = ?");
  const counts = database.prepare(
    "SELECT q.key AS key, count(*) AS events FROM events e JOIN queues q ON q.id = e.queue WHERE q.dropped = 0 GROUP BY e.queue",
  );
  let waiting = counts.all().reduce((sum, { events }) => sum + Number(events), 0);
  const countOf = database.prepare("SELECT count(*) AS events FROM events WHERE queue = ?");
  const dueBy = database.prepare("SELECT id FROM events WHERE queue = ? AND due <= ? ORDER BY due, id LIMIT ?");
  const dueAfter = database.prepare("SELECT min(due) AS due FROM events WHERE queue = ? AND due > ?");
  const byId = database.prepare(
    `SELECT e.id, q.key, e.due, e.accepted, e.tries, e.delays, e.head, e.payload, e.response
     FROM events e JOIN queues q ON q.id = e.queue WHERE e.id = ? AND q.dropped = 0`,
  );
  const insert = database.prepare(
    "INSERT INTO events (queue, due, accepted, tries, delays, head, payload) VALUES (?, ?, ?, 0, 0, ?, ?)",
  );
  const remove = database.prepare("DELETE FROM events WHERE id = ? RETURNING queue");
  const putOff = database.prepare("UPDATE events SET due = ?, tries = ?, delays = ?, response = ? WHERE id = ?");
  const dropped = database.prepare("SELECT id FROM queues WHERE dropped = 1 LIMIT 1");
  const removeSome = database.prepare("DELETE FROM events WHERE id IN (SELECT id FROM events WHERE queue = ? LIMIT ?)");
  const removeQueue = database.prepare("DELETE FROM queues WHERE id = ?");

  /** Inside of a transaction; `made` learns of queues that go again if it fails. */
  function queueId(key: string, made: string[]): number {
    const known = ids.get(key);
    if (known !== undefined) return known;
    const id = Number(newQueue.run(key).lastInsertRowid);
    ids.set(key, id);
    live.add(id);
    made.push(key);
    return id;
  }

  function apply({ add = [], remove: gone, later }: Change, made: string[]): number[] {
    if (gone !== undefined && live.has(Number(remove.get(gone)?.queue))) waiting -= 1;
    if (later !== undefined) putOff.run(later.due, later.tries, later.delays, later.response ?? null, later.id);
    waiting += add.length;
    return add.map(({ queue, due, accepted, head, payload }) =>
      Number(insert.run(queueId(queue, made), due, accepted, head, payload).lastInsertRowid),
    );
  }

  return {
    queues: () => counts.all().map((row) => ({ key: String(row.key), events: Number(row.events) })),
    due(key, now, limit) {
      const id = ids.get(key);
      return id === undefined ? [] : dueBy.all(id, now, limit).map((row) => Number(row.id));
    },
    nextDue(key, now) {
      const id = ids.get(key);
      const due = id === undefined ? undefined : dueAfter.get(id, now)?.due;
      return due === undefined || due === null ? undefined : Number(due);
    },
    event(id) {
      const row = byId.get(id);
      if (row === undefined) return undefined;
      return {
        id,
        queue: String(row.key),
        due: Number(row.due),
        accepted: Number(row.accepted),
        tries: Number(row.tries),
        delays: Number(row.delays),
        head: String(row.head),
        payload: bytes(row.payload),
        response: row.response === null ? undefined : bytes(row.response),
      };
    },
    waiting: () => waiting,
    write(changes) {
      const made: string[] = [];
      const before = waiting;
      database.exec("BEGIN IMMEDIATE");
      try {
        const added = changes.map((change) => apply(change, made));
        database.exec("COMMIT");
        return added;
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        for (const key of made) {
          live.delete(ids.get(key) ?? 0);
          ids.delete(key);
        }
        waiting = before;
        throw error;
      }
    },
    drop(key) {
      const id = ids.get(key);
      if (id === undefined) return 0;
      dropQueue.run(id);
      ids.delete(key);
      live.delete(id);
      const events = Number(countOf.get(id)?.events);
      waiting -= events;
      return events;
    },
    sweep(limit) {
      const id = dropped.get()?.id;
      if (id === undefined) return false;
      if (removeSome.run(Number(id), limit).changes === 0) removeQueue.run(Number(id));
      return true;
    },
    named: (prefix) => [...ids.keys()].filter((key) => key.startsWith(prefix)),
    synced: () =>
      new Promise((resolve, reject) => {
        fdatasync(log, (error) => (error === null ? resolve() : reject(error)));
      }),
    close() {
      closeSync(log);
      database.close();
    },
  };
}

/** The same memory, as a Buffer. */
function bytes(value: unknown): Buffer {
  const array = value as Uint8Array;
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

function migrate(database: DatabaseSync): void {
  const version = Number(database.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  if (version > migrations.length) {
    throw new Error(
      `the queue of events was written by a newer Thaw (layout ${version}, this one knows ${migrations.length}); upgrade Thaw or choose another data directory`,
    );
  }
  for (const [index, step] of migrations.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}
