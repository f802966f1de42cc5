import { chmodSync } from "node:fs";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { createSyncer } from "../registry/index.ts";
import { type Documents, places } from "./documents.ts";
import type { Execution, HistoryEvent, Operation } from "./records.ts";

/** What one step of an execution changed. */
export interface Change {
  readonly execution: Execution;
  /** when the engine must look at it again without being asked, ms; undefined: never */
  readonly due: number | undefined;
  /** a restart must take it up: an invocation, or a function it waits for, was running */
  readonly active: boolean;
  readonly operations: readonly Operation[];
  readonly events: readonly HistoryEvent[];
}

export interface Listing {
  readonly account: string;
  readonly region: string;
  readonly functionName: string;
  readonly version?: string | undefined;
  readonly name?: string | undefined;
  readonly statuses?: readonly string[] | undefined;
  /** exclusive, ms */
  readonly after?: number | undefined;
  readonly before?: number | undefined;
  readonly oldestFirst: boolean;
  /** the last one shown: its start and id */
  readonly from?: { readonly started: number; readonly id: string } | undefined;
  readonly limit: number;
}

/** Where executions are kept. A change survives the process when `transaction` returns, and a power cut after `synced`. */
export interface DurableStore {
  execution(arn: string): Execution | undefined;
  /** In order of their starts. */
  operations(arn: string): Operation[];
  /** The execution's own operation, which is always the first. */
  root(arn: string): Operation | undefined;
  /** The execution of this name: names are unique within a function. */
  named(account: string, region: string, functionName: string, name: string): Execution | undefined;
  list(listing: Listing): Execution[];
  /** `from`: the EventId to begin with, inclusive. */
  events(arn: string, from: number, limit: number, newestFirst: boolean): HistoryEvent[];
  save(change: Change): void;
  remove(arn: string): void;
  /** Executions that are due, the most urgent first. */
  due(now: number, limit: number): string[];
  nextDue(): number | undefined;
  /** Executions that were doing something when they were saved last. */
  active(): string[];
  /** All of the writes inside, or none of them. */
  transaction<T>(writes: () => T): T;
  /** Resolves when everything committed so far is on the disk: before that nothing is acknowledged. */
  synced(): Promise<void>;
  close(): void;
}

/** The tables, with documents as text or as bytes. */
const tables = (document: "TEXT" | "BLOB") =>
  `CREATE TABLE executions (
     arn TEXT PRIMARY KEY,
     account TEXT NOT NULL,
     region TEXT NOT NULL,
     function TEXT NOT NULL,
     version TEXT NOT NULL,
     name TEXT NOT NULL,
     id TEXT NOT NULL,
     status TEXT NOT NULL,
     started INTEGER NOT NULL,
     due INTEGER,
     active INTEGER NOT NULL,
     document ${document} NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE UNIQUE INDEX executions_name ON executions (account, region, function, name);
   CREATE INDEX executions_started ON executions (account, region, function, started, id);
   CREATE INDEX executions_due ON executions (due) WHERE due IS NOT NULL;
   CREATE INDEX executions_active ON executions (arn) WHERE active = 1;
   CREATE TABLE operations (
     arn TEXT NOT NULL,
     position INTEGER NOT NULL,
     document ${document} NOT NULL,
     PRIMARY KEY (arn, position)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE events (
     arn TEXT NOT NULL,
     id INTEGER NOT NULL,
     document ${document} NOT NULL,
     PRIMARY KEY (arn, id)
   ) STRICT, WITHOUT ROWID`;

/** Steps from one layout of the file to the next; a step is never changed once released, only added. */
const migrations: readonly ((database: DatabaseSync, documents: Documents) => void)[] = [
  (database) => database.exec(tables("TEXT")),
  // Documents, text until then, become bytes, which are sealed.
  (database, documents) => {
    const indexes = ["name", "started", "due", "active"].map((name) => `DROP INDEX executions_${name}`);
    const renamed = ["executions", "operations", "events"].map((name) => `ALTER TABLE ${name} RENAME TO ${name}_text`);
    database.exec([...indexes, ...renamed, tables("BLOB")].join("; "));
    const written =
      (place: (arn: string, number: number) => string) => (arn: unknown, number: unknown, text: unknown) =>
        documents.write(JSON.parse(String(text)) as object, place(String(arn), Number(number)));
    database.function("sealed_execution", written(places.execution));
    database.function("sealed_operation", written(places.operation));
    database.function("sealed_event", written(places.event));
    database.exec(
      `INSERT INTO executions SELECT arn, account, region, function, version, name, id, status, started, due, active,
         sealed_execution(arn, 0, document) FROM executions_text;
       INSERT INTO operations SELECT arn, position, sealed_operation(arn, position, document) FROM operations_text;
       INSERT INTO events SELECT arn, id, sealed_event(arn, id, document) FROM events_text;
       DROP TABLE executions_text; DROP TABLE operations_text; DROP TABLE events_text`,
    );
  },
];

/**
 * Opens (and makes or migrates) the database at `path`. Functions checkpoint all the time, so the log is not flushed by each
 * commit, which would stop every invocation of the platform for the time a disk takes (synchronous=FULL), but beside the
 * thread, by one flush for many (createSyncer). Source: sqlite.org/pragma.html#pragma_synchronous, sqlite.org/wal.html.
 */
export function openDurableStore(path: string, documents: Documents): DurableStore {
  const database = new DatabaseSync(path);
  // Payloads are their owners' alone.
  if (path !== ":memory:") chmodSync(path, 0o600);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000");
  migrate(database, documents);
  // The log is there as long as the database is open: it is emptied, but never replaced.
  const syncer = createSyncer(path === ":memory:" ? undefined : `${path}-wal`);

  const byArn = database.prepare("SELECT arn, document FROM executions WHERE arn = ?");
  const byName = database.prepare(
    "SELECT arn, document FROM executions WHERE account = ? AND region = ? AND function = ? AND name = ?",
  );
  const operationsOf = database.prepare("SELECT position, document FROM operations WHERE arn = ? ORDER BY position");
  const rootOf = database.prepare("SELECT position, document FROM operations WHERE arn = ? AND position = 0");
  const oldest = database.prepare("SELECT id, document FROM events WHERE arn = ? AND id >= ? ORDER BY id LIMIT ?");
  const newest = database.prepare("SELECT id, document FROM events WHERE arn = ? AND id <= ? ORDER BY id DESC LIMIT ?");
  const putExecution = database.prepare(
    `INSERT INTO executions (arn, account, region, function, version, name, id, status, started, due, active, document)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (arn) DO UPDATE SET
       status = excluded.status, due = excluded.due, active = excluded.active, document = excluded.document`,
  );
  const putOperation = database.prepare(
    `INSERT INTO operations (arn, position, document) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET document = excluded.document`,
  );
  const putEvent = database.prepare("INSERT INTO events (arn, id, document) VALUES (?, ?, ?)");
  const removals = ["executions", "operations", "events"].map((table) =>
    database.prepare(`DELETE FROM ${table} WHERE arn = ?`),
  );
  const dueBy = database.prepare("SELECT arn FROM executions WHERE due <= ? ORDER BY due LIMIT ?");
  const earliest = database.prepare("SELECT min(due) AS due FROM executions WHERE due IS NOT NULL");
  const running = database.prepare("SELECT arn FROM executions WHERE active = 1");
  type Row = Record<string, unknown>;
  const read = <T>(row: Row, place: string): T => documents.read<T>(row.document as Uint8Array, place);
  const executionOf = (row: Row | undefined) =>
    row === undefined ? undefined : read<Execution>(row, places.execution(String(row.arn)));
  const operationOf = (arn: string, row: Row) => read<Operation>(row, places.operation(arn, Number(row.position)));

  return {
    execution: (arn) => executionOf(byArn.get(arn)),
    operations: (arn) => operationsOf.all(arn).map((row) => operationOf(arn, row)),
    root(arn) {
      const row = rootOf.get(arn);
      return row === undefined ? undefined : operationOf(arn, row);
    },
    named: (...key) => executionOf(byName.get(...key)),
    list(listing) {
      const { text, values } = listingQuery(listing);
      const rows = database.prepare(text).all(...values);
      return rows.map((row) => executionOf(row)!);
    },
    events: (arn, from, limit, newestFirst) =>
      (newestFirst ? newest : oldest)
        .all(arn, from, limit)
        .map((row) => read<HistoryEvent>(row, places.event(arn, Number(row.id)))),
    save({ execution, due, active, operations, events }) {
      const { arn, account, region, functionName, version, name, id, status, started } = execution;
      const document = documents.write(execution, places.execution(arn));
      const keys = [arn, account, region, functionName, version, name, id] as const;
      putExecution.run(...keys, status, started, due ?? null, active ? 1 : 0, document);
      for (const operation of operations) {
        const { position } = operation;
        putOperation.run(arn, position, documents.write(operation, places.operation(arn, position)));
      }
      for (const event of events) {
        putEvent.run(arn, event.EventId, documents.write(event, places.event(arn, event.EventId)));
      }
    },
    remove(arn) {
      for (const removal of removals) removal.run(arn);
    },
    due: (now, limit) => dueBy.all(now, limit).map((row) => String(row.arn)),
    nextDue() {
      const due = earliest.get()?.due;
      return due === null || due === undefined ? undefined : Number(due);
    },
    active: () => running.all().map((row) => String(row.arn)),
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

function listingQuery(listing: Listing): { text: string; values: SQLInputValue[] } {
  const conditions = ["account = ?", "region = ?", "function = ?"];
  const values: SQLInputValue[] = [listing.account, listing.region, listing.functionName];
  const demand = (condition: string, ...given: SQLInputValue[]): void => {
    conditions.push(condition);
    values.push(...given);
  };
  const { version, name, statuses, after, before, from, oldestFirst } = listing;
  if (version !== undefined) demand("version = ?", version);
  if (name !== undefined) demand("name = ?", name);
  if (statuses !== undefined) demand(`status IN (${statuses.map(() => "?").join(", ")})`, ...statuses);
  if (after !== undefined) demand("started > ?", after);
  if (before !== undefined) demand("started < ?", before);
  if (from !== undefined) demand(`(started, id) ${oldestFirst ? ">" : "<"} (?, ?)`, from.started, from.id);
  const direction = oldestFirst ? "ASC" : "DESC";
  const order = `ORDER BY started ${direction}, id ${direction} LIMIT ?`;
  values.push(listing.limit);
  return { text: `SELECT arn, document FROM executions WHERE ${conditions.join(" AND ")} ${order}`, values };
}

function migrate(database: DatabaseSync, documents: Documents): void {
  const row = database.prepare("PRAGMA user_version").get();
  const version = Number(row?.user_version ?? 0);
  if (version > migrations.length) {
    throw new Error(
      `the durable executions were written by a newer Thaw (layout ${version}, this one knows ${migrations.length}); upgrade Thaw or choose another data directory`,
    );
  }
  for (const [index, step] of migrations.entries()) {
    if (index < version) continue;
    database.exec("BEGIN IMMEDIATE");
    step(database, documents);
    database.exec(`PRAGMA user_version = ${index + 1}; COMMIT`);
  }
  // What was text is not to be found in the file's free pages, nor in its log.
  if (version === 1) database.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
}
