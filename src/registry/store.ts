import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { createSyncer } from "./sync.ts";

/**
 * The metadata store: small JSON documents under a kind and a key. A write that returned outlives this process, however it
 * ends; a power cut it outlives once `synced()` says so, which is what an acknowledgement waits for.
 * Everything is read once, at the start; from then on memory answers. Another implementation (several nodes) needs
 * only these functions.
 */
export interface Store {
  /** Every document of a kind, by key. */
  all<T>(kind: string): IterableIterator<readonly [key: string, document: T]>;
  put(kind: string, key: string, document: unknown): void;
  remove(kind: string, key: string): void;
  /** All of the writes inside, or none of them. One within another is part of it. */
  transaction<T>(writes: () => T): T;
  /**
   * A transaction of changes that memory shows one by one. If it fails after its first write, memory shows what is not there, and nothing is
   * acknowledged any more (`synced()` rejects): only a new start tells the truth.
   */
  together<T>(changes: () => T): T;
  /** Undefined when all is on the disk; else resolves when all that was written before this call is. Rejects for good when the disk failed. */
  synced(): Promise<void> | undefined;
  /** Leaves nothing on the disk of what was replaced or removed before. Takes as long as copying the file. */
  scrub(): void;
  close(): void;
}

/** Steps from one version of the file's layout to the next; a step is never changed once released, only added. */
const migrations: readonly string[] = [
  `CREATE TABLE documents (
     kind TEXT NOT NULL,
     key TEXT NOT NULL,
     document TEXT NOT NULL,
     PRIMARY KEY (kind, key)
   ) STRICT, WITHOUT ROWID`,
];

/**
 * Opens (and makes or migrates) the database at `path`.
 * A commit writes the log (WAL) without flushing it (synchronous=NORMAL), which would stop every invocation of the platform
 * for as long as a disk takes; it is flushed beside the thread, once for all who wait (sync.ts). The log is flushed by SQLite
 * itself before any of it is moved into the database. Source: sqlite.org/pragma.html#pragma_synchronous, sqlite.org/wal.html.
 */
export function openStore(path: string): Store {
  const database = new DatabaseSync(path);
  // Environment variables of functions hold secrets.
  chmodSync(path, 0o600);
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000; PRAGMA secure_delete = ON",
  );
  migrate(database);

  // The log is there as long as the database is open: it is emptied, but never replaced.
  const syncer = createSyncer(`${path}-wal`);

  const select = database.prepare("SELECT key, document FROM documents WHERE kind = ? ORDER BY key");
  const upsert = database.prepare(
    "INSERT INTO documents (kind, key, document) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document",
  );
  const begin = database.prepare("BEGIN IMMEDIATE");
  const commit = database.prepare("COMMIT");
  const del = database.prepare("DELETE FROM documents WHERE kind = ? AND key = ?");

  /** has the last transaction got as far as a write? */
  let wrote = false;

  function written(): void {
    if (database.isTransaction) wrote = true;
    else syncer.committed();
  }

  function transaction<T>(writes: () => T): T {
    if (database.isTransaction) return writes();
    wrote = false;
    begin.run();
    try {
      const result = writes();
      commit.run();
      syncer.committed();
      return result;
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }

  return {
    *all<T>(kind: string) {
      for (const row of select.all(kind)) yield [String(row.key), JSON.parse(String(row.document)) as T] as const;
    },
    put(kind, key, document) {
      upsert.run(kind, key, JSON.stringify(document));
      written();
    },
    remove(kind, key) {
      del.run(kind, key);
      written();
    },
    transaction,
    together(changes) {
      try {
        return transaction(changes);
      } catch (error) {
        if (wrote) syncer.fail(error as Error);
        throw error;
      }
    },
    synced: () => (syncer.behind() ? syncer.synced() : undefined),
    scrub() {
      database.exec("PRAGMA wal_checkpoint(TRUNCATE); VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
      syncer.committed();
    },
    close() {
      syncer.close();
      database.close();
    },
  };
}

function migrate(database: DatabaseSync): void {
  database.exec("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT");
  const row = database.prepare("SELECT version FROM schema_version").get();
  const version = row === undefined ? 0 : Number(row.version);
  if (version > migrations.length) {
    throw new Error(
      `the registry was written by a newer Thaw (layout ${version}, this one knows ${migrations.length}); upgrade Thaw or choose another data directory`,
    );
  }
  for (let next = version; next < migrations.length; next += 1) {
    database.exec("BEGIN IMMEDIATE");
    database.exec(migrations[next]!);
    database.exec("DELETE FROM schema_version");
    database.prepare("INSERT INTO schema_version VALUES (?)").run(next + 1);
    database.exec("COMMIT");
  }
}
