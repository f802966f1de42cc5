import { InvalidSchedule, nextCron, parseCron } from "./cron.ts";
import { isTimeZone, momentOrLater } from "./time-zone.ts";

export { InvalidSchedule } from "./cron.ts";

/** When something is due. */
export interface Schedule {
  readonly kind: "at" | "rate" | "cron";
  /**
   * The first occurrence after a moment, milliseconds since the epoch; undefined: there is none any more.
   * @param anchorMs when the schedule was made or begins: a rate counts from there, its first occurrence
   */
  next(afterMs: number, anchorMs: number): number | undefined;
}

const units: Readonly<Record<string, number>> = { minute: 60e3, hour: 3600e3, day: 24 * 3600e3 };

/**
 * Reads `at(2026-03-31T22:00:00)`, `rate(5 minutes)` or `cron(0 9 ? * MON-FRI *)` (Application Auto Scaling API Reference,
 * PutScheduledAction). Times are those of the time zone, an IANA name; rates are elapsed time, whatever clocks do.
 * Throws InvalidSchedule.
 */
export function parseSchedule(text: string, timeZone = "UTC"): Schedule {
  if (!isTimeZone(timeZone)) throw new InvalidSchedule(`${timeZone} is not a time zone`);
  const parts = /^(at|rate|cron)\((.*)\)$/.exec(text.trim());
  if (parts?.[1] === "at") return once(parts[2]!, timeZone);
  if (parts?.[1] === "rate") return rate(parts[2]!);
  if (parts?.[1] === "cron") {
    const cron = parseCron(parts[2]!);
    return { kind: "cron", next: (afterMs) => nextCron(cron, afterMs, timeZone) };
  }
  throw new InvalidSchedule(`a schedule is at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(fields), not ${text}`);
}

/**
 * As schedule.next, within the schedule's own bounds (StartTime and EndTime of a scheduled action). Both ends belong to it.
 */
export function nextWithin(
  schedule: Schedule,
  afterMs: number,
  bounds: { readonly anchorMs: number; readonly startMs?: number | undefined; readonly endMs?: number | undefined },
): number | undefined {
  const { startMs, endMs } = bounds;
  const anchorMs = startMs ?? bounds.anchorMs;
  const from = startMs === undefined ? afterMs : Math.max(afterMs, startMs - 1);
  const next = schedule.next(from, anchorMs);
  return next === undefined || (endMs !== undefined && next > endMs) ? undefined : next;
}

function once(text: string, timeZone: string): Schedule {
  const wrong = new InvalidSchedule(`at() takes a date and time, yyyy-mm-ddThh:mm:ss, not ${text}`);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text)) throw wrong;
  const wall = Date.parse(`${text}Z`);
  // Date.parse takes the 31st of February for the 3rd of March.
  if (Number.isNaN(wall) || new Date(wall).toISOString().slice(0, 19) !== text) throw wrong;
  const moment = momentOrLater(wall, timeZone);
  return { kind: "at", next: (afterMs) => (moment > afterMs ? moment : undefined) };
}

function rate(text: string): Schedule {
  const parts = /^([1-9]\d{0,8}) +(minute|hour|day)s?$/.exec(text.trim());
  if (!parts) throw new InvalidSchedule(`rate() takes a positive number and minutes, hours or days, not ${text}`);
  const period = Number(parts[1]) * units[parts[2]!]!;
  return {
    kind: "rate",
    next: (afterMs, anchorMs) =>
      afterMs < anchorMs ? anchorMs : anchorMs + (Math.floor((afterMs - anchorMs) / period) + 1) * period,
  };
}
