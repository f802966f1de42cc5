import { InvalidSchedule, nextWithin, parseSchedule, type Schedule } from "../capacity/index.ts";
import type { ScheduleRecord } from "./records.ts";

export { InvalidSchedule } from "../capacity/index.ts";

/** A one-time schedule that was due so shortly before it was made still runs: a request takes its time. */
const lateMs = 60_000;
const minuteMs = 60_000;
const dayMs = 1440 * minuteMs;
const windowsMs = [minuteMs, 60 * minuteMs, dayMs, 32 * dayMs, 366 * dayMs, Number.POSITIVE_INFINITY];

/**
 * Reads the expression of a rule: `rate(…)`, whose unit is singular for 1 only, or `cron(…)`, in UTC. Throws InvalidSchedule.
 * Source: EventBridge User Guide, "Rate expressions".
 */
export function ruleSchedule(text: string): Schedule {
  const parts = /^rate\((\d+) (minute|hour|day)(s?)\)$/.exec(text);
  const isRate = parts !== null && (parts[3] === "s") === (parts[1] !== "1");
  if (!isRate && !text.startsWith("cron(")) throw new InvalidSchedule(text);
  return parseSchedule(text);
}

/**
 * When a schedule is due next, after a moment; undefined: never again. A rate begins with its start, or at once (Scheduler
 * User Guide, "Schedule types"). `after`: undefined for one that was just made or changed. Throws InvalidSchedule.
 */
export function nextDue(
  schedule: Pick<ScheduleRecord, "expression" | "timezone" | "start" | "end" | "modified">,
  after?: number,
): number | undefined {
  const { expression, timezone, start, end, modified } = schedule;
  const parsed = parseSchedule(expression, timezone);
  const bounds = { anchorMs: modified, startMs: start, endMs: end };
  // One-time schedules have no bounds.
  if (parsed.kind === "at") return parsed.next(after ?? modified - lateMs, modified);
  return nextWithin(parsed, after ?? modified - 1, bounds);
}

/**
 * What there is to do for a schedule that was due at `due`, now: the occasion it runs for, which is the latest that has come,
 * and the next one. Occasions that came and went while nobody looked are not made up for one by one.
 */
export function occasions(
  due: number,
  now: number,
  next: (after: number) => number | undefined,
): { readonly latest: number; readonly next: number | undefined } {
  const second = next(due);
  if (second === undefined || second > now) return { latest: due, next: second };
  let latest = second;
  // Thousands of minutes may have been missed: looked for where the latest must be.
  for (const window of windowsMs) {
    const from = Math.max(due, now - window);
    const first = next(from);
    if (first !== undefined && first <= now) {
      latest = first;
      break;
    }
    if (from === due) break;
  }
  let following = next(latest);
  while (following !== undefined && following <= now) {
    latest = following;
    following = next(latest);
  }
  return { latest, next: following };
}
