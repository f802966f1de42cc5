import { openDatabase } from "./database.ts";

/** What is to be done at a time. Documents are the callers'. */
export interface Timed {
  readonly account: string;
  readonly region: string;
  /** the schedule group; empty: a rule's */
  readonly group: string;
  readonly name: string;
  readonly state: string;
  /** JSON */
  readonly document: string;
  /** the occasion it is for, milliseconds since the epoch; undefined: never again */
  readonly scheduled: number | undefined;
  /** when it is done: then, or a while later */
  readonly due: number | undefined;
}

export interface StoredTimed extends Timed {
  readonly id: number;
  /** changes with every put */
  readonly revision: number;
}

/** What becomes of a row that was due; `undefined`: it goes. */
export interface Advance {
  readonly id: number;
  readonly revision: number;
  readonly to: { readonly scheduled: number | undefined; readonly due: number | undefined } | undefined;
}

export interface Place {
  readonly account: string;
  readonly region: string;
  readonly group: string;
  readonly name: string;
}

export interface ListOptions {
  readonly group?: string | undefined;
  readonly prefix: string;
  readonly state?: string | undefined;
  /** group and name of the last one shown */
  readonly after?: readonly [group: string, name: string] | undefined;
  readonly limit: number;
}

/**
 * Schedules on the disk, found by when they are due: memory knows of none of them. A write that returned outlives the process,
 * and a power cut after `synced`. Another implementation needs only these functions.
 */
export interface TimedStore {
  get(place: Place): StoredTimed | undefined;
  put(timed: Timed): void;
  /** False: there was none. */
  remove(place: Place): boolean;
  /** Removes some of a group. False: there are no more. */
  removeSome(scope: Omit<Place, "name">, limit: number): boolean;
  /** By group and name. */
  list(scope: Pick<Place, "account" | "region">, options: ListOptions): StoredTimed[];
  /** Those that are due, the earliest first. */
  due(now: number, limit: number): StoredTimed[];
  /** When the next one is due. */
  nextDue(): number | undefined;
  /** All of it or nothing; what was put anew in the meantime stays as it is. */
  advance(changes: readonly Advance[]): void;
  /** The rules that have rows. */
  rules(): Place[];
  synced(): Promise<void>;
  close(): void;
}

/** Steps from one layout of the file to the next; a step is never changed once released, only added. */
const migrations: readonly string[] = [
  `CREATE TABLE timed (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     account TEXT NOT NULL,
     region TEXT NOT NULL,
     grp TEXT NOT NULL,
     name TEXT NOT NULL,
     state TEXT NOT NULL,
     document TEXT NOT NULL,
     scheduled INTEGER,
     due INTEGER,
     revision INTEGER NOT NULL
   ) STRICT;
   CREATE UNIQUE INDEX timed_place ON timed (account, region, grp, name);
   CREATE INDEX timed_due ON timed (due) WHERE due IS NOT NULL`,
];

/** Opens (and makes or migrates) the database at `path`. */
export function openTimedStore(path: string): TimedStore {
  const { database, committed, synced, close } = openDatabase(path, migrations, "schedules");

  const columns = "id, account, region, grp, name, state, document, scheduled, due, revision";
  const place = "account = ? AND region = ? AND grp = ? AND name = ?";
  const byPlace = database.prepare(`SELECT ${columns} FROM timed WHERE ${place}`);
  const upsert = database.prepare(
    `INSERT INTO timed (account, region, grp, name, state, document, scheduled, due, revision)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)
     ON CONFLICT (account, region, grp, name) DO UPDATE SET state = excluded.state, document = excluded.document,
       scheduled = excluded.scheduled, due = excluded.due, revision = revision + 1`,
  );
  const removeOne = database.prepare(`DELETE FROM timed WHERE ${place}`);
  const removeMany = database.prepare(
    "DELETE FROM timed WHERE id IN (SELECT id FROM timed WHERE account = ? AND region = ? AND grp = ? LIMIT ?)",
  );
  const page = database.prepare(
    `SELECT ${columns} FROM timed WHERE account = ? AND region = ? AND grp != '' AND (grp, name) > (?, ?)
     AND (? IS NULL OR grp = ?) AND (? IS NULL OR state = ?) AND substr(name, 1, ?) = ? ORDER BY grp, name LIMIT ?`,
  );
  const dueBy = database.prepare(`SELECT ${columns} FROM timed WHERE due <= ? ORDER BY due LIMIT ?`);
  const first = database.prepare("SELECT min(due) AS due FROM timed WHERE due IS NOT NULL");
  const move = database.prepare("UPDATE timed SET scheduled = ?, due = ? WHERE id = ? AND revision = ?");
  const drop = database.prepare("DELETE FROM timed WHERE id = ? AND revision = ?");
  const ofRules = database.prepare("SELECT account, region, grp, name FROM timed WHERE grp = ''");

  return {
    get({ account, region, group, name }) {
      const row = byPlace.get(account, region, group, name);
      return row === undefined ? undefined : timedOf(row);
    },
    put({ account, region, group, name, state, document, scheduled, due }) {
      committed(upsert.run(account, region, group, name, state, document, scheduled ?? null, due ?? null));
    },
    remove: ({ account, region, group, name }) => committed(removeOne.run(account, region, group, name)).changes > 0,
    removeSome: ({ account, region, group }, limit) =>
      committed(removeMany.run(account, region, group, limit)).changes > 0,
    list({ account, region }, { group, prefix, state, after, limit }) {
      const [afterGroup, afterName] = after ?? [group ?? "", ""];
      const [g, s] = [group ?? null, state ?? null];
      const rows = page.all(account, region, afterGroup, afterName, g, g, s, s, prefix.length, prefix, limit);
      return rows.map(timedOf);
    },
    due: (now, limit) => dueBy.all(now, limit).map(timedOf),
    nextDue() {
      const due = first.get()?.due;
      return due === undefined || due === null ? undefined : Number(due);
    },
    advance(changes) {
      database.exec("BEGIN IMMEDIATE");
      try {
        for (const { id, revision, to } of changes) {
          if (to === undefined) drop.run(id, revision);
          else move.run(to.scheduled ?? null, to.due ?? null, id, revision);
        }
        committed(database.exec("COMMIT"));
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    },
    rules: () => ofRules.all().map(placeOf),
    synced,
    close,
  };
}

type Row = Readonly<Record<string, unknown>>;

const placeOf = (row: Row): Place => ({
  account: String(row.account),
  region: String(row.region),
  group: String(row.grp),
  name: String(row.name),
});

const timedOf = (row: Row): StoredTimed => ({
  ...placeOf(row),
  id: Number(row.id),
  state: String(row.state),
  document: String(row.document),
  scheduled: row.scheduled === null ? undefined : Number(row.scheduled),
  due: row.due === null ? undefined : Number(row.due),
  revision: Number(row.revision),
});
