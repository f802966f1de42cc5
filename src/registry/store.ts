import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/**
 * The metadata store: small JSON documents under a kind and a key, written through before a change is acknowledged.
 * Everything is read once, at the start; from then on memory answers. Another implementation (several nodes) needs
 * only these five functions.
 */
export interface Store {
  /** Every document of a kind, by key. */
  all<T>(kind: string): IterableIterator<readonly [key: string, document: T]>;
  put(kind: string, key: string, document: unknown): void;
  remove(kind: string, key: string): void;
  /** All of the writes inside, or none of them. Not to be nested. */
  transaction<T>(writes: () => T): T;
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
 * WAL with synchronous=FULL: a committed write is on the disk, so neither SIGKILL nor a power cut loses what a client was
 * told. Changes of metadata are rare and warm invocations write none, so the fsync is nobody's latency.
 * Source: sqlite.org/pragma.html#pragma_synchronous.
 */
export function openStore(path: string): Store {
  const database = new DatabaseSync(path);
  // Environment variables of functions hold secrets.
  chmodSync(path, 0o600);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000");
  migrate(database);

  const select = database.prepare("SELECT key, document FROM documents WHERE kind = ? ORDER BY key");
  const upsert = database.prepare(
    "INSERT INTO documents (kind, key, document) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document",
  );
  const del = database.prepare("DELETE FROM documents WHERE kind = ? AND key = ?");

  return {
    *all<T>(kind: string) {
      for (const row of select.all(kind)) yield [String(row.key), JSON.parse(String(row.document)) as T] as const;
    },
    put(kind, key, document) {
      upsert.run(kind, key, JSON.stringify(document));
    },
    remove(kind, key) {
      del.run(kind, key);
    },
    transaction(writes) {
      database.exec("BEGIN IMMEDIATE");
      try {
        const result = writes();
        database.exec("COMMIT");
        return result;
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    },
    close: () => database.close(),
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
