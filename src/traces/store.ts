import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { StoredSegment } from "./segment.ts";

/** Segments on the disk: the newest, as many as there is room for. */
export interface TraceStore {
  /** In one transaction. One with the id of another takes its place. */
  add(segments: readonly StoredSegment[]): void;
  /** Those of a trace, in order of their beginnings, up to a million characters. */
  ofTrace(account: string, region: string, trace: string): string[];
  /** Traces with a segment that began in this time (seconds since the epoch), the newest first. */
  between(account: string, region: string, from: number, to: number, most: number): string[];
  /** Deletes what is older, and of the oldest what does not fit. */
  sweep(oldest: number): void;
  close(): void;
}

/** Steps from one layout of the file to the next; a step is never changed once released, only added. */
const migrations: readonly string[] = [
  `CREATE TABLE segments (
     account TEXT NOT NULL,
     region TEXT NOT NULL,
     trace TEXT NOT NULL,
     id TEXT NOT NULL,
     start REAL NOT NULL,
     document TEXT NOT NULL,
     PRIMARY KEY (account, region, trace, id)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX by_start ON segments (account, region, start, trace);
   CREATE INDEX by_age ON segments (start)`,
];

/** Of one trace at AWS: 500 KB (Service Quotas). */
const longestTrace = 1024 * 1024;

/** A power cut costs the last second, and never the file. Throws what SQLite says about a file that is none. */
export function openTraceStore({
  path,
  budgetBytes,
}: {
  readonly path: string;
  readonly budgetBytes: number;
}): TraceStore {
  const database = new DatabaseSync(path);
  chmodSync(path, 0o600);
  database.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  migrate(database);
  const put = database.prepare("INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?)");
  const trace = database.prepare(
    "SELECT document FROM segments WHERE account = ? AND region = ? AND trace = ? ORDER BY start, id",
  );
  const between = database.prepare(
    `SELECT trace, max(start) AS latest FROM segments WHERE account = ? AND region = ? AND start >= ? AND start <= ?
     GROUP BY trace ORDER BY latest DESC LIMIT ?`,
  );
  const forget = database.prepare("DELETE FROM segments WHERE start < ?");
  const oldestOf = database.prepare("SELECT start FROM segments ORDER BY start LIMIT 1 OFFSET ?");
  const count = database.prepare("SELECT count(*) AS all_of_them FROM segments");

  /** Bytes in use, without pages that wait for new rows. */
  function size(): number {
    const of = (pragma: string) => Number(Object.values(database.prepare(`PRAGMA ${pragma}`).get()!)[0]);
    return (of("page_count") - of("freelist_count")) * of("page_size");
  }

  return {
    add(segments) {
      database.exec("BEGIN IMMEDIATE");
      try {
        for (const { account, region, document, text } of segments) {
          put.run(account, region, document.trace_id, document.id, document.start_time, text);
        }
        database.exec("COMMIT");
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    },
    ofTrace(account, region, id) {
      const documents: string[] = [];
      let characters = 0;
      for (const { document } of trace.iterate(account, region, id)) {
        characters += String(document).length;
        if (characters > longestTrace) break;
        documents.push(String(document));
      }
      return documents;
    },
    between: (account, region, from, to, most) =>
      between.all(account, region, from, to, most).map((row) => String(row.trace)),
    sweep(oldest) {
      forget.run(oldest);
      while (size() > budgetBytes) {
        const tenth = Math.ceil(Number(count.get()!.all_of_them) / 10);
        const start = oldestOf.get(tenth)?.start;
        if (start === undefined) break;
        forget.run(start);
        // Many may have begun at one moment.
        if (oldestOf.get(0)?.start === start && Number(count.get()!.all_of_them) <= tenth) break;
      }
      database.exec("PRAGMA incremental_vacuum");
    },
    close: () => database.close(),
  };
}

/** Throws when a newer Thaw has written the file. */
function migrate(database: DatabaseSync): void {
  const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (version > migrations.length) throw new Error(`traces are of a newer Thaw (layout ${version})`);
  for (const [index, step] of migrations.entries()) {
    if (index >= version) database.exec(`BEGIN; ${step}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}
