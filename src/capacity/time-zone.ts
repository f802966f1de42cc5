/** Wall-clock time: what a clock on the wall shows, as milliseconds since 1970-01-01T00:00 on that same wall. */
export type WallMs = number;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Is this the name of a time zone (IANA) or an offset that ECMAScript knows? */
export function isTimeZone(zone: string): boolean {
  try {
    formatOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** What the wall shows at a moment. Whole seconds. Throws RangeError when there is no such time zone. */
export function wallAt(ms: number, zone: string): WallMs {
  if (zone === "UTC") return Math.floor(ms / 1000) * 1000;
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(ms)) parts[type] = Number(value);
  return Date.UTC(parts.year!, parts.month! - 1, parts.day, parts.hour, parts.minute, parts.second);
}

/**
 * The moment at which the wall shows this time: the first of two when clocks were set back, undefined when they were set
 * forward past it.
 */
export function momentOf(wall: WallMs, zone: string): number | undefined {
  const [before, after] = offsetsAround(wall, zone);
  for (const offset of [before, after]) {
    const moment = wall - offset;
    if (wallAt(moment, zone) === wall) return moment;
  }
  return undefined;
}

/** As momentOf, but a time that does not exist is as much after the change as it seems to be (02:30 becomes 03:30). */
export function momentOrLater(wall: WallMs, zone: string): number {
  return momentOf(wall, zone) ?? wall - offsetsAround(wall, zone)[0];
}

/** Offsets from UTC a day before and after, milliseconds; the larger first gives the earlier of two moments. */
function offsetsAround(wall: WallMs, zone: string): readonly [before: number, after: number] {
  const dayMs = 24 * 3600e3;
  const offset = (at: number) => wallAt(at, zone) - at;
  return [offset(wall - dayMs), offset(wall + dayMs)];
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formats.set(zone, format);
  }
  return format;
}
