import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { createSyncer } from "../registry/index.ts";
import type { Checkpoints } from "./source.ts";

/** How far mappings have read. Another implementation needs only these functions. */
export interface CheckpointStore {
  /** of one mapping */
  of(uuid: string): Checkpoints;
  /** Forgets all mappings but these. */
  keep(uuids: ReadonlySet<string>): void;
  forget(uuid: string): void;
  /** Writes what waits, and closes. */
  close(): Promise<void>;
}

/** Steps from one layout of the file to the next; a step is never changed once released, only added. */
const migrations: readonly string[] = [
  `CREATE TABLE checkpoints (
     mapping TEXT NOT NULL,
     key TEXT NOT NULL,
     value TEXT NOT NULL,
     PRIMARY KEY (mapping, key)
   ) STRICT, WITHOUT ROWID`,
];

interface Entry {
  readonly uuid: string;
  readonly changes: ReadonlyMap<string, string | undefined>;
  done(): void;
  failed(error: unknown): void;
}

/**
 * Opens (and makes or migrates) the database at `path`. What mappings write in one turn, and while the disk works, is one
 * transaction and one flush.
 */
export function openCheckpoints(path: string): CheckpointStore {
  const database = new DatabaseSync(path);
  chmodSync(path, 0o600);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000");
  migrate(database);
  const syncer = createSyncer(`${path}-wal`);
  const known = new Map<string, Map<string, string>>();
  for (const { mapping, key, value } of database.prepare("SELECT mapping, key, value FROM checkpoints").all()) {
    rowsOf(String(mapping)).set(String(key), String(value));
  }
  const put = database.prepare("INSERT OR REPLACE INTO checkpoints (mapping, key, value) VALUES (?, ?, ?)");
  const remove = database.prepare("DELETE FROM checkpoints WHERE mapping = ? AND key = ?");
  const removeAll = database.prepare("DELETE FROM checkpoints WHERE mapping = ?");
  let waiting: Entry[] = [];
  let running: Promise<void> | undefined;
  let closed = false;

  function rowsOf(uuid: string): Map<string, string> {
    const rows = known.get(uuid) ?? new Map<string, string>();
    known.set(uuid, rows);
    return rows;
  }

  function commit(batch: readonly Entry[]): void {
    database.exec("BEGIN IMMEDIATE");
    try {
      for (const { uuid, changes } of batch) {
        for (const [key, value] of changes) {
          if (value === undefined) remove.run(uuid, key);
          else put.run(uuid, key, value);
        }
      }
      database.exec("COMMIT");
    } catch (error) {
      database.exec("ROLLBACK");
      throw error;
    }
    syncer.committed();
  }

  async function flush(batch: readonly Entry[]): Promise<void> {
    try {
      commit(batch);
      await syncer.synced();
    } catch (error) {
      for (const { failed } of batch) failed(error);
      return;
    }
    for (const { uuid, changes, done } of batch) {
      const rows = rowsOf(uuid);
      for (const [key, value] of changes) {
        if (value === undefined) rows.delete(key);
        else rows.set(key, value);
      }
      done();
    }
  }

  async function work(): Promise<void> {
    await new Promise(setImmediate);
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await flush(batch);
    }
    running = undefined;
  }

  function forget(uuid: string): void {
    if (!known.delete(uuid)) return;
    removeAll.run(uuid);
    syncer.committed();
  }

  return {
    of: (uuid) => ({
      all: () => rowsOf(uuid),
      write: (changes) =>
        new Promise((resolve, reject) => {
          if (closed) return reject(new Error("the store of checkpoints is closed"));
          waiting.push({ uuid, changes, done: resolve, failed: reject });
          running ??= work();
        }),
    }),
    keep(uuids) {
      for (const uuid of [...known.keys()]) if (!uuids.has(uuid)) forget(uuid);
    },
    forget,
    async close() {
      closed = true;
      while (running !== undefined) await running;
      syncer.close();
      database.close();
    },
  };
}

function migrate(database: DatabaseSync): void {
  const version = Number(database.prepare("PRAGMA user_version").get()?.user_version);
  if (version > migrations.length) throw new Error("the store of checkpoints is of a newer Thaw");
  for (const [index, step] of migrations.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN; ${step}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}
