import type { KafkaRecord } from "./event.ts";

/** What of a batch is done, and what is sent again: of every partition all from the first failure on. */
export interface KafkaAnswer {
  readonly done: readonly KafkaRecord[];
  readonly rest: readonly KafkaRecord[];
}

/**
 * Reads what a function answered to these records. A name that none of them has, or an answer that is none, says that all failed.
 * Source: Developer Guide, "Configuring error handling controls for Kafka event sources" (partial batch response:
 * `{"itemIdentifier": {"partition": "topic-0", "offset": 100}}`).
 */
export function readAnswer(payload: Buffer, records: readonly KafkaRecord[], reportsItems: boolean): KafkaAnswer {
  const all = { done: records, rest: [] };
  const none = { done: [], rest: records };
  if (!reportsItems) return all;
  let answer: unknown;
  try {
    answer = payload.length === 0 ? null : JSON.parse(payload.toString("utf8"));
  } catch {
    return none;
  }
  const failures = (answer as { batchItemFailures?: unknown } | null)?.batchItemFailures ?? [];
  if (!Array.isArray(failures)) return none;
  const named = new Map(records.map((record) => [`${record.lane}-${record.offset}`, record]));
  const first = new Map<string, bigint>();
  for (const failure of failures) {
    const record = named.get(nameOf((failure as { itemIdentifier?: unknown } | null)?.itemIdentifier));
    if (record === undefined) return none;
    const before = first.get(record.lane);
    if (before === undefined || record.offset < before) first.set(record.lane, record.offset);
  }
  const isDone = ({ lane, offset }: KafkaRecord) => {
    const failed = first.get(lane);
    return failed === undefined || offset < failed;
  };
  return { done: records.filter(isDone), rest: records.filter((record) => !isDone(record)) };
}

function nameOf(identifier: unknown): string {
  const { partition, offset } = (identifier ?? {}) as { partition?: unknown; offset?: unknown };
  return `${partition}-${offset}`;
}
