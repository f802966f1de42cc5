import { chmodSync, closeSync, fdatasync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Transactions } from "./commits.ts";
import { type GroupRows, groupRows } from "./group-store.ts";
import { type DeliveryRows, deliveryRows } from "./topics/delivery-store.ts";

/** A message's state; its content is read when it is handed out. */
export interface MessageRow {
  /** grows in the order of arrival */
  readonly id: number;
  /** when it may be received, ms since the epoch */
  readonly due: number;
  /** how often it was received from this queue, and from those before */
  readonly receives: number;
  readonly earlier: number;
  readonly sent: number;
  /** when it was first received; 0: never */
  readonly first: number;
  /** of a FIFO queue, the number of its group */
  readonly group: number | undefined;
  /** ARN of the queue that it was a dead letter of */
  readonly source: string | undefined;
}

export interface Content {
  /** a JSON document: all that is no number */
  readonly head: string;
  readonly body: string;
}

export interface NewRow extends Content {
  readonly queue: number;
  readonly due: number;
  readonly sent: number;
  readonly group?: number | undefined;
}

/** Where a message goes that leaves its queue for another. */
export interface Move {
  readonly queue: number;
  readonly due: number;
  readonly sent: number;
  readonly earlier: number;
  readonly group: number | undefined;
  readonly source: string;
}

export interface Counts {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

/** What is kept under a name: definitions of queues are of kind `queue` and have messages under their number. */
export interface StoredDocument {
  readonly number: number;
  readonly key: string;
  readonly document: string;
}

/**
 * Where messages wait. Rows are read and written in one transaction a turn (commits.ts). Another implementation (several
 * nodes) needs only these functions.
 */
export interface MessageStore extends Transactions, GroupRows, DeliveryRows {
  documents(kind: string): StoredDocument[];
  /** Returns its number, which is given once only. */
  addDocument(kind: string, key: string, document: string): number;
  changeDocument(number: number, document: string): void;
  removeDocument(number: number): void;
  /** The rows of this queue are of no queue any more; they go with `sweep`. */
  abandon(queue: number): void;
  /** Removes rows of abandoned queues, at most `limit`. False: there are no more. */
  sweep(limit: number): boolean;

  add(row: NewRow): number;
  row(id: number): (MessageRow & { readonly queue: number }) | undefined;
  content(id: number): Content | undefined;
  /** Without the body, which may be long. */
  head(id: number): string | undefined;
  /** Messages of a queue that are due, the one that waits longest first. */
  due(queue: number, now: number, limit: number): MessageRow[];
  /** When the next message is due, after `now`. */
  nextDue(queue: number, now: number): number | undefined;
  take(id: number, due: number, receives: number, first: number): void;
  hide(id: number, due: number): void;
  move(id: number, from: number, to: Move): void;
  remove(id: number): void;
  counts(queue: number, now: number): Counts;
  close(): void;
}

/** Steps from one layout of the file to the next; a step is never changed once released, only added. */
const migrations: readonly string[] = [
  `CREATE TABLE documents (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     kind TEXT NOT NULL,
     key TEXT NOT NULL,
     document TEXT NOT NULL,
     UNIQUE (kind, key)
   ) STRICT;
   CREATE TABLE abandoned (queue INTEGER PRIMARY KEY) STRICT;
   CREATE TABLE messages (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     queue INTEGER NOT NULL,
     due INTEGER NOT NULL,
     receives INTEGER NOT NULL DEFAULT 0,
     earlier INTEGER NOT NULL DEFAULT 0,
     sent INTEGER NOT NULL,
     first INTEGER NOT NULL DEFAULT 0,
     grp INTEGER,
     source TEXT
   ) STRICT;
   CREATE INDEX messages_due ON messages (queue, due, receives);
   CREATE INDEX messages_group ON messages (grp, id) WHERE grp IS NOT NULL;
   CREATE TABLE contents (id INTEGER PRIMARY KEY, head TEXT NOT NULL, body TEXT NOT NULL) STRICT;
   CREATE TABLE groups (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     queue INTEGER NOT NULL,
     name TEXT NOT NULL,
     due INTEGER NOT NULL,
     UNIQUE (queue, name)
   ) STRICT;
   CREATE INDEX groups_due ON groups (queue, due);
   CREATE TABLE duplicates (
     queue INTEGER NOT NULL,
     key TEXT NOT NULL,
     until INTEGER NOT NULL,
     message TEXT NOT NULL,
     id INTEGER NOT NULL,
     PRIMARY KEY (queue, key)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX duplicates_until ON duplicates (until)`,
  `CREATE TABLE deliveries (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     due INTEGER NOT NULL,
     tries INTEGER NOT NULL DEFAULT 0,
     document TEXT NOT NULL
   ) STRICT;
   CREATE INDEX deliveries_due ON deliveries (due)`,
];

/**
 * Opens (and makes or migrates) the database at `path`. The log is not flushed by each commit (synchronous=FULL), which
 * would stop the platform's one thread for the time a disk takes, but beside the thread, by one flush for many.
 * Source: sqlite.org/pragma.html#pragma_synchronous, sqlite.org/wal.html.
 */
export function openMessageStore(path: string): MessageStore {
  const database = new DatabaseSync(path);
  // Messages are their owners' alone.
  chmodSync(path, 0o600);
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000; PRAGMA wal_autocheckpoint = 8000",
  );
  migrate(database);
  // What a long backlog took is given back when there is none left.
  const empty = database.prepare("SELECT 1 FROM messages LIMIT 1").get() === undefined;
  if (empty && Number(database.prepare("PRAGMA page_count").get()?.page_count) > 1000) database.exec("VACUUM");
  // The log is there as long as the database is open: it is emptied, but never replaced.
  const log = openSync(`${path}-wal`, "r+");

  const documents = database.prepare("SELECT number, key, document FROM documents WHERE kind = ? ORDER BY number");
  const addDocument = database.prepare("INSERT INTO documents (kind, key, document) VALUES (?, ?, ?)");
  const changeDocument = database.prepare("UPDATE documents SET document = ? WHERE number = ?");
  const removeDocument = database.prepare("DELETE FROM documents WHERE number = ?");
  const abandon = database.prepare("INSERT OR IGNORE INTO abandoned (queue) VALUES (?)");
  const oneAbandoned = database.prepare("SELECT queue FROM abandoned LIMIT 1");
  const forgetAbandoned = database.prepare("DELETE FROM abandoned WHERE queue = ?");
  const someOf = database.prepare("SELECT id FROM messages WHERE queue = ? LIMIT ?");
  const insert = database.prepare("INSERT INTO messages (queue, due, sent, grp) VALUES (?, ?, ?, ?)");
  const insertContent = database.prepare("INSERT INTO contents (id, head, body) VALUES (?, ?, ?)");
  const state = "id, queue, due, receives, earlier, sent, first, grp, source";
  const byId = database.prepare(`SELECT ${state} FROM messages WHERE id = ?`);
  const contentOf = database.prepare("SELECT head, body FROM contents WHERE id = ?");
  const headOf = database.prepare("SELECT head FROM contents WHERE id = ?");
  const dueBy = database.prepare(
    `SELECT ${state} FROM messages WHERE queue = ? AND due <= ? ORDER BY due, receives, id LIMIT ?`,
  );
  const dueAfter = database.prepare("SELECT min(due) AS due FROM messages WHERE queue = ? AND due > ?");
  const take = database.prepare("UPDATE messages SET due = ?, receives = ?, first = ? WHERE id = ?");
  const hide = database.prepare("UPDATE messages SET due = ? WHERE id = ?");
  const move = database.prepare(
    "UPDATE messages SET queue = ?, due = ?, sent = ?, earlier = ?, grp = ?, source = ?, receives = 0 WHERE id = ?",
  );
  const remove = database.prepare("DELETE FROM messages WHERE id = ? RETURNING queue");
  const removeContent = database.prepare("DELETE FROM contents WHERE id = ?");
  const countAll = database.prepare("SELECT count(*) AS n FROM messages WHERE queue = ?");
  const countAhead = database.prepare(
    "SELECT count(*) AS n, count(*) FILTER (WHERE receives > 0) AS out FROM messages WHERE queue = ? AND due > ?",
  );
  /** How many messages a queue has, once somebody asked: to count a million takes longer than a turn may. */
  const totals = new Map<number, number>();
  const changeTotal = (queue: number, by: number) => {
    const known = totals.get(queue);
    if (known !== undefined) totals.set(queue, known + by);
  };
  const groups = groupRows(database);

  function removeRow(id: number): void {
    const queue = remove.get(id)?.queue;
    if (queue !== undefined) changeTotal(Number(queue), -1);
    removeContent.run(id);
  }

  return {
    ...groups,
    ...deliveryRows(database),
    begin: () => database.exec("BEGIN IMMEDIATE"),
    commit: () => database.exec("COMMIT"),
    rollback() {
      totals.clear();
      if (database.isTransaction) database.exec("ROLLBACK");
    },
    synced: () =>
      new Promise((resolve, reject) => {
        fdatasync(log, (error) => (error === null ? resolve() : reject(error)));
      }),
    documents: (kind) =>
      documents.all(kind).map((row) => ({
        number: Number(row.number),
        key: String(row.key),
        document: String(row.document),
      })),
    addDocument: (kind, key, document) => Number(addDocument.run(kind, key, document).lastInsertRowid),
    changeDocument: (number, document) => void changeDocument.run(document, number),
    removeDocument: (number) => void removeDocument.run(number),
    abandon(queue) {
      abandon.run(queue);
      totals.delete(queue);
    },
    sweep(limit) {
      const queue = oneAbandoned.get()?.queue;
      if (queue === undefined) return false;
      const ids = someOf.all(Number(queue), limit);
      for (const { id } of ids) removeRow(Number(id));
      if (ids.length === 0 && !groups.sweepGroups(Number(queue), limit)) forgetAbandoned.run(Number(queue));
      return true;
    },
    add({ queue, due, sent, group, head, body }) {
      const id = Number(insert.run(queue, due, sent, group ?? null).lastInsertRowid);
      insertContent.run(id, head, body);
      changeTotal(queue, 1);
      return id;
    },
    row(id) {
      const row = byId.get(id);
      return row === undefined ? undefined : { ...rowOf(row), queue: Number(row.queue) };
    },
    content(id) {
      const row = contentOf.get(id);
      return row === undefined ? undefined : { head: String(row.head), body: String(row.body) };
    },
    head(id) {
      const row = headOf.get(id);
      return row === undefined ? undefined : String(row.head);
    },
    due: (queue, now, limit) => dueBy.all(queue, now, limit).map(rowOf),
    nextDue(queue, now) {
      const due = dueAfter.get(queue, now)?.due;
      return due === undefined || due === null ? undefined : Number(due);
    },
    take: (id, due, receives, first) => void take.run(due, receives, first, id),
    hide: (id, due) => void hide.run(due, id),
    move(id, from, { queue, due, sent, earlier, group, source }) {
      move.run(queue, due, sent, earlier, group ?? null, source, id);
      changeTotal(from, -1);
      changeTotal(queue, 1);
    },
    remove: removeRow,
    counts(queue, now) {
      const total = totals.get(queue) ?? Number(countAll.get(queue)?.n);
      totals.set(queue, total);
      const ahead = countAhead.get(queue, now);
      const [hidden, inFlight] = [Number(ahead?.n), Number(ahead?.out)];
      return { visible: total - hidden, inFlight, delayed: hidden - inFlight };
    },
    close() {
      closeSync(log);
      database.close();
    },
  };
}

export function rowOf(row: Record<string, unknown>): MessageRow {
  return {
    id: Number(row.id),
    due: Number(row.due),
    receives: Number(row.receives),
    earlier: Number(row.earlier),
    sent: Number(row.sent),
    first: Number(row.first),
    group: row.grp === null ? undefined : Number(row.grp),
    source: row.source === null ? undefined : String(row.source),
  };
}

function migrate(database: DatabaseSync): void {
  const version = Number(database.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  if (version > migrations.length) {
    throw new Error(
      `the store of messages was written by a newer Thaw (layout ${version}, this one knows ${migrations.length}); upgrade Thaw or choose another data directory`,
    );
  }
  for (const [index, step] of migrations.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}
