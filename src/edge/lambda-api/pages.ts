import { ServiceError } from "../../model/index.ts";

export interface Page<T> {
  readonly items: readonly T[];
  /** undefined: this was the last page */
  readonly nextMarker: string | undefined;
}

/**
 * One page of a sorted list. Markers name the last item shown, so a list that changes between two pages neither repeats
 * nor drops what did not change. Of `max` no more than `most` are given at once, whatever the model lets a client ask for
 * (API Reference: "ListFunctions returns a maximum of 50 items in each response, even if you set the number higher").
 */
export function pageOf<T>(
  sorted: readonly T[],
  keyOf: (item: T) => string,
  marker: string | undefined,
  max?: number,
  most = 50,
): Page<T> {
  const count = Math.min(max ?? most, most);
  let start = 0;
  if (marker !== undefined && marker !== "") {
    const last = decode(marker);
    const found = sorted.findIndex((item) => keyOf(item) === last);
    if (found !== -1) start = found + 1;
    else start = sorted.findIndex((item) => keyOf(item) > last);
    if (start === -1) start = sorted.length;
  }
  const items = sorted.slice(start, start + count);
  const last = items.at(-1);
  const more = last !== undefined && start + items.length < sorted.length;
  return { items, nextMarker: more ? Buffer.from(keyOf(last)).toString("base64") : undefined };
}

/**
 * The same for a list that is not made whole: `after` gives in order what comes after an item (undefined: all), whether or not
 * that is there any more.
 */
export function pageAfter<T>(
  after: (last: string | undefined) => Iterable<T>,
  keyOf: (item: T) => string,
  marker: string | undefined,
  max?: number,
  most = 50,
): Page<T> {
  const count = Math.min(max ?? most, most);
  const items: T[] = [];
  for (const item of after(marker === undefined || marker === "" ? undefined : decode(marker))) {
    if (items.length === count) return { items, nextMarker: Buffer.from(keyOf(items.at(-1)!)).toString("base64") };
    items.push(item);
  }
  return { items, nextMarker: undefined };
}

function decode(marker: string): string {
  const text = Buffer.from(marker, "base64").toString("utf8");
  if (Buffer.from(text).toString("base64") === marker) return text;
  throw new ServiceError("InvalidParameterValueException", "The provided marker is not valid.");
}
