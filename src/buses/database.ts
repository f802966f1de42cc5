import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { createSyncer } from "../registry/index.ts";

/** A file of the buses; what is committed is flushed by `synced`, once for all who wait. */
export interface BusDatabase {
  readonly database: DatabaseSync;
  /** Passes on what a write gave back, and remembers that there is something to flush. */
  committed<T>(result: T): T;
  synced(): Promise<void>;
  close(): void;
}

/**
 * Opens (and makes or migrates) the database at `path`. `migrations`: steps from one layout of the file to the next; a step is never changed
 * once released, only added. Throws an Error that says so when `what` was written by a newer Thaw.
 */
export function openDatabase(path: string, migrations: readonly string[], what: string): BusDatabase {
  const database = new DatabaseSync(path);
  // What lies there is its owners' alone.
  chmodSync(path, 0o600);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000");
  migrate(database, migrations, what);
  const syncer = createSyncer(`${path}-wal`);
  return {
    database,
    committed(result) {
      syncer.committed();
      return result;
    },
    synced: syncer.synced,
    close() {
      syncer.close();
      database.close();
    },
  };
}

function migrate(database: DatabaseSync, migrations: readonly string[], what: string): void {
  const version = Number(database.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  if (version > migrations.length) {
    throw new Error(
      `the ${what} were written by a newer Thaw (layout ${version}, this one knows ${migrations.length}); upgrade Thaw or choose another data directory`,
    );
  }
  for (const [index, step] of migrations.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}
