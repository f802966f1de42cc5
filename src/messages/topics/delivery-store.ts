import type { DatabaseSync } from "node:sqlite";

/** Something on its way to an endpoint. */
export interface DeliveryRow {
  readonly id: number;
  readonly tries: number;
  /** a JSON document */
  readonly document: string;
}

export interface DeliveryRows {
  addDelivery(due: number, document: string): void;
  dueDeliveries(now: number, limit: number): DeliveryRow[];
  nextDelivery(now: number): number | undefined;
  putOff(id: number, due: number, tries: number): void;
  removeDelivery(id: number): void;
}

export function deliveryRows(database: DatabaseSync): DeliveryRows {
  const add = database.prepare("INSERT INTO deliveries (due, document) VALUES (?, ?)");
  const due = database.prepare("SELECT id, tries, document FROM deliveries WHERE due <= ? ORDER BY due, id LIMIT ?");
  const next = database.prepare("SELECT min(due) AS due FROM deliveries WHERE due > ?");
  const putOff = database.prepare("UPDATE deliveries SET due = ?, tries = ? WHERE id = ?");
  const remove = database.prepare("DELETE FROM deliveries WHERE id = ?");
  return {
    addDelivery: (at, document) => void add.run(at, document),
    dueDeliveries: (now, limit) =>
      due.all(now, limit).map((row) => ({
        id: Number(row.id),
        tries: Number(row.tries),
        document: String(row.document),
      })),
    nextDelivery(now) {
      const at = next.get(now)?.due;
      return at === undefined || at === null ? undefined : Number(at);
    },
    putOff: (id, at, tries) => void putOff.run(at, tries, id),
    removeDelivery: (id) => void remove.run(id),
  };
}
