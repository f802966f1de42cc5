import type { DatabaseSync } from "node:sqlite";
import { type MessageRow, rowOf } from "./store.ts";

export interface GroupRow {
  readonly id: number;
  /** when its next message may be received */
  readonly due: number;
}

/** A message that was accepted under a deduplication id. */
export interface Duplicate {
  /** MessageId */
  readonly message: string;
  readonly id: number;
}

/** Of FIFO queues: groups that have messages, in which only the first messages can be out; and what was sent before. */
export interface GroupRows {
  /** Undefined: it has no messages. */
  group(queue: number, name: string): GroupRow | undefined;
  addGroup(queue: number, name: string, due: number): number;
  setGroupDue(id: number, due: number): void;
  removeGroup(id: number): void;
  /** Groups that are due, the one that waits longest first. */
  dueGroups(queue: number, now: number, limit: number): GroupRow[];
  nextGroupDue(queue: number, now: number): number | undefined;
  /** The first messages of a group, in order. */
  front(group: number, limit: number): MessageRow[];
  duplicate(queue: number, key: string, now: number): Duplicate | undefined;
  addDuplicate(queue: number, key: string, until: number, of: Duplicate): void;
  /** Forgets what is older than its time. */
  forgetDuplicates(now: number): void;
  sweepGroups(queue: number, limit: number): boolean;
}

export function groupRows(database: DatabaseSync): GroupRows {
  const byName = database.prepare("SELECT id, due FROM groups WHERE queue = ? AND name = ?");
  const add = database.prepare("INSERT INTO groups (queue, name, due) VALUES (?, ?, ?)");
  const setDue = database.prepare("UPDATE groups SET due = ? WHERE id = ?");
  const remove = database.prepare("DELETE FROM groups WHERE id = ?");
  const due = database.prepare("SELECT id, due FROM groups WHERE queue = ? AND due <= ? ORDER BY due, id LIMIT ?");
  const next = database.prepare("SELECT min(due) AS due FROM groups WHERE queue = ? AND due > ?");
  const front = database.prepare(
    "SELECT id, due, receives, earlier, sent, first, grp, source FROM messages WHERE grp = ? ORDER BY id LIMIT ?",
  );
  const duplicate = database.prepare("SELECT message, id FROM duplicates WHERE queue = ? AND key = ? AND until > ?");
  const addDuplicate = database.prepare(
    "INSERT OR REPLACE INTO duplicates (queue, key, until, message, id) VALUES (?, ?, ?, ?, ?)",
  );
  const forget = database.prepare("DELETE FROM duplicates WHERE until <= ?");
  const sweepGroups = database.prepare(
    "DELETE FROM groups WHERE id IN (SELECT id FROM groups WHERE queue = ? LIMIT ?)",
  );
  const sweepDuplicates = database.prepare(
    "DELETE FROM duplicates WHERE queue = ? AND key IN (SELECT key FROM duplicates WHERE queue = ? LIMIT ?)",
  );
  const groupOf = (row: Record<string, unknown>): GroupRow => ({ id: Number(row.id), due: Number(row.due) });

  return {
    group(queue, name) {
      const row = byName.get(queue, name);
      return row === undefined ? undefined : groupOf(row);
    },
    addGroup: (queue, name, at) => Number(add.run(queue, name, at).lastInsertRowid),
    setGroupDue: (id, at) => void setDue.run(at, id),
    removeGroup: (id) => void remove.run(id),
    dueGroups: (queue, now, limit) => due.all(queue, now, limit).map(groupOf),
    nextGroupDue(queue, now) {
      const at = next.get(queue, now)?.due;
      return at === undefined || at === null ? undefined : Number(at);
    },
    front: (group, limit) => front.all(group, limit).map(rowOf),
    duplicate(queue, key, now) {
      const row = duplicate.get(queue, key, now);
      return row === undefined ? undefined : { message: String(row.message), id: Number(row.id) };
    },
    addDuplicate: (queue, key, until, { message, id }) => void addDuplicate.run(queue, key, until, message, id),
    forgetDuplicates: (now) => void forget.run(now),
    sweepGroups: (queue, limit) =>
      Number(sweepGroups.run(queue, limit).changes) + Number(sweepDuplicates.run(queue, queue, limit).changes) > 0,
  };
}
