/** A record of a shard as its function gets it. */
export interface StreamRecord {
  readonly sequence: string;
  /** records of one key stay in order, whatever runs in parallel */
  readonly key: string;
  /** milliseconds since the epoch: when the stream took it */
  readonly arrived: number;
  /** the element of the event's `Records`, JSON */
  readonly json: string;
  /** of `json`, UTF-8 */
  readonly bytes: number;
}

/** A record with what filters look at. */
export interface ReadRecord extends StreamRecord {
  readonly item: Readonly<Record<string, unknown>>;
}

/** The record whose element is `item`. */
export function recordOf(
  item: Readonly<Record<string, unknown>>,
  { sequence, key, arrived }: Pick<StreamRecord, "sequence" | "key" | "arrived">,
): ReadRecord {
  const json = JSON.stringify(item);
  return { sequence, key, arrived, item, json, bytes: Buffer.byteLength(json) };
}

/** A moment as the events and records of streams have it: ISO 8601 in UTC, milliseconds only where there are some. */
export function instant(ms: number): string {
  return new Date(Math.trunc(ms)).toISOString().replace(".000Z", "Z");
}
