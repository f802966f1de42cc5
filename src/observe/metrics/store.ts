import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { keyOf, platformNamespace, type Series } from "./series.ts";
import { decodeBuckets, encodeBuckets, merge, newSketch, type Sketch } from "./sketch.ts";

const dayMs = 86_400_000;

/** Seconds that one row stands for, and how long such rows are kept. Source: CloudWatch User Guide, "Metrics retention". */
export const levels = [
  { period: 60, keptMs: 15 * dayMs },
  { period: 300, keptMs: 63 * dayMs },
  { period: 3600, keptMs: 455 * dayMs },
] as const;

export interface KnownSeries {
  readonly id: number;
  readonly series: Series;
  /** of its latest value, ms since the epoch */
  last: number;
}

export interface Point {
  readonly series: Series;
  /** ms since the epoch: of any moment in its minute */
  readonly at: number;
  readonly sketch: Sketch;
}

export interface MetricsStore {
  /** Adds to what the same minutes have already, in one transaction. Of series beyond what is kept nothing is written: their number. */
  add(points: readonly Point[]): number;
  everything(): Iterable<KnownSeries>;
  find(series: Series): KnownSeries | undefined;
  /** What a series has from `from` up to (without) `to`, ms since the epoch, in rows of a level's period; oldest first. */
  read(id: number, period: number, from: number, to: number): { readonly at: number; readonly sketch: Sketch }[];
  /** Deletes what is too old; and, where the file is larger than it may be, of the minutes more than that. */
  sweep(now: number): void;
  close(): void;
}

export interface MetricsStoreOptions {
  readonly path: string;
  /** bytes that the file may have */
  readonly budgetBytes: number;
  /** most series at once; of the platform's own, twice as many */
  readonly most: number;
}

/** Steps from one layout of the file to the next; a step is never changed once released, only added. */
const migrations: readonly string[] = [
  `CREATE TABLE series (id INTEGER PRIMARY KEY, definition TEXT NOT NULL UNIQUE, last INTEGER NOT NULL) STRICT;
   CREATE TABLE points (
     series INTEGER NOT NULL,
     period INTEGER NOT NULL,
     at INTEGER NOT NULL,
     count REAL NOT NULL,
     sum REAL NOT NULL,
     min REAL NOT NULL,
     max REAL NOT NULL,
     buckets BLOB NOT NULL,
     PRIMARY KEY (series, period, at)
   ) STRICT, WITHOUT ROWID`,
];

/** Opens (and makes or migrates) the database. A power cut costs what its last minute held, and never the file. */
export function openMetricsStore({ path, budgetBytes, most }: MetricsStoreOptions): MetricsStore {
  const database = new DatabaseSync(path);
  chmodSync(path, 0o600);
  database.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  migrate(database);
  const one = database.prepare(
    "SELECT count, sum, min, max, buckets FROM points WHERE series = ? AND period = ? AND at = ?",
  );
  const some = database.prepare(
    "SELECT at, count, sum, min, max, buckets FROM points WHERE series = ? AND period = ? AND at >= ? AND at < ? ORDER BY at",
  );
  const put = database.prepare("INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  const forget = database.prepare("DELETE FROM points WHERE series = ? AND period = ? AND at < ?");
  const insert = database.prepare("INSERT INTO series (definition, last) VALUES (?, ?)");
  const touch = database.prepare("UPDATE series SET last = ? WHERE id = ?");
  const drop = database.prepare("DELETE FROM series WHERE id = ?");

  const known = new Map<string, KnownSeries>();
  for (const { id, definition, last } of database.prepare("SELECT id, definition, last FROM series").all()) {
    const series = JSON.parse(String(definition)) as Series;
    known.set(keyOf(series), { id: Number(id), series, last: Number(last) });
  }

  function seriesFor(series: Series, at: number): KnownSeries | undefined {
    const key = keyOf(series);
    const found = known.get(key);
    // Whoever makes up a new metric for every line leaves room for what the platform itself counts.
    const limit = platformNamespace.test(series.namespace) ? 2 * most : most;
    if (found !== undefined || known.size >= limit) return found;
    const { lastInsertRowid } = insert.run(JSON.stringify(series), at);
    const made = { id: Number(lastInsertRowid), series, last: at };
    known.set(key, made);
    return made;
  }

  function addTo({ id }: KnownSeries, { at, sketch }: Point): void {
    for (const { period } of levels) {
      const start = floor(at, period);
      const before = one.get(id, period, start) as unknown as Row | undefined;
      const whole = before === undefined ? sketch : sketchOf(before);
      if (before !== undefined) merge(whole, sketch);
      put.run(id, period, start, whole.count, whole.sum, whole.min, whole.max, encodeBuckets(whole));
    }
  }

  function transaction(run: () => void): void {
    database.exec("BEGIN IMMEDIATE");
    try {
      run();
      database.exec("COMMIT");
    } catch (error) {
      database.exec("ROLLBACK");
      throw error;
    }
  }

  /** Bytes in use, without pages that wait for new rows. */
  function size(): number {
    const of = (pragma: string) => Number(Object.values(database.prepare(`PRAGMA ${pragma}`).get()!)[0]);
    return (of("page_count") - of("freelist_count")) * of("page_size");
  }

  return {
    add(points) {
      let refused = 0;
      transaction(() => {
        for (const point of points) {
          const found = seriesFor(point.series, point.at);
          if (found === undefined) {
            refused++;
            continue;
          }
          addTo(found, point);
          if (point.at > found.last) {
            found.last = point.at;
            touch.run(point.at, found.id);
          }
        }
      });
      return refused;
    },
    everything: () => known.values(),
    find: (series) => known.get(keyOf(series)),
    read: (id, period, from, to) =>
      (some.all(id, period, from, to) as unknown as (Row & { at: number })[]).map((row) => ({
        at: row.at,
        sketch: sketchOf(row),
      })),
    sweep(now) {
      const oldest = Math.max(...levels.map(({ keptMs }) => keptMs));
      transaction(() => {
        for (const [key, { id, last }] of known) {
          for (const { period, keptMs } of levels) forget.run(id, period, now - keptMs);
          if (last >= now - oldest) continue;
          drop.run(id);
          known.delete(key);
        }
      });
      for (const { period, keptMs } of levels) {
        // The finest first, for what is older is still there in the coarser ones.
        for (let kept = keptMs / 2; size() > budgetBytes && kept > dayMs / 24; kept /= 2) {
          transaction(() => {
            for (const { id } of known.values()) forget.run(id, period, now - kept);
          });
        }
      }
      database.exec("PRAGMA incremental_vacuum");
    },
    close: () => database.close(),
  };
}

interface Row {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly buckets: Uint8Array;
}

function sketchOf({ count, sum, min, max, buckets }: Row): Sketch {
  return Object.assign(newSketch(), { count, sum, min, max, buckets: decodeBuckets(buckets) });
}

/** The beginning of the period of so many seconds that a moment lies in. */
export const floor = (at: number, period: number): number => Math.floor(at / (period * 1e3)) * period * 1e3;

/** Throws when a newer Thaw has written the file. */
function migrate(database: DatabaseSync): void {
  const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (version > migrations.length) throw new Error(`metrics are of a newer Thaw (layout ${version})`);
  for (const [index, step] of migrations.entries()) {
    if (index >= version) database.exec(`BEGIN; ${step}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}
