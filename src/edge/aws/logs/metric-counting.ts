import type { MetricTransformation } from "@aws-sdk/client-cloudwatch-logs";
import { byName, type LogStore, type Metrics, type StoredEvent } from "../../../observe/index.ts";
import type { Named } from "../../../registry/index.ts";
import type { MetricFilterRecord } from "./context.ts";
import { type Pattern, parsePattern } from "./pattern.ts";
import { selected } from "./pattern-json.ts";

export interface MetricCountingNeeds {
  readonly logs: LogStore;
  readonly filters: Named<MetricFilterRecord>;
  readonly metrics: Metrics;
  clock(): number;
  report(error: unknown): void;
}

/** Makes metrics of what is written to groups with metric filters. */
export interface MetricCounting {
  /** A group has other filters now; resolves when they miss nothing that comes from now on. */
  recount(account: string, group: string): Promise<void>;
  start(): void;
  stop(): void;
}

interface Counted {
  readonly filter: MetricFilterRecord;
  readonly pattern: Pattern;
  /** the minute of the newest event, ms since the epoch, and did any event of it match? */
  minute: number;
  matched: boolean;
}

const minuteMs = 60_000;
/** Older ones are not taken by PutLogEvents. */
const oldestMs = 14 * 86_400_000;

export function createMetricCounting({ logs, filters, metrics, clock, report }: MetricCountingNeeds): MetricCounting {
  const followers = new Map<string, AbortController>();
  const counted = new Set<Counted>();

  async function follow(account: string, group: string, after: number, signal: AbortSignal): Promise<void> {
    const own = filters
      .list(account)
      .filter((one) => one.group === group)
      .map((filter): Counted => ({ filter, pattern: parsePattern(filter.pattern), minute: 0, matched: true }));
    for (const one of own) counted.add(one);
    try {
      // Events may be put with times that are past: what counts is that they come now.
      for await (const event of logs.follow({ account, group, since: clock() - oldestMs }, signal)) {
        if (event.number <= after) continue;
        for (const one of own) count(one, event);
      }
    } finally {
      for (const one of own) counted.delete(one);
    }
  }

  function count(one: Counted, event: StoredEvent): void {
    const minute = Math.floor(event.timestamp / minuteMs) * minuteMs;
    if (minute > one.minute) {
      settle(one);
      one.minute = minute;
      one.matched = false;
    }
    const found = one.pattern(event.message);
    if (found === undefined) return;
    if (minute === one.minute) one.matched = true;
    const field = (name: string): unknown =>
      Object.hasOwn(found, name) ? found[name] : /^\$[.[]/.test(name) ? selected(event.message, name) : undefined;
    for (const to of one.filter.transformations) {
      const value = numberOf(to.metricValue ?? "", field);
      if (value !== undefined) put(one.filter, to, event.timestamp, value, dimensionsOf(to, field));
    }
  }

  /** A minute with events of which none matched has the default value once. */
  function settle(one: Counted): void {
    if (one.matched) return;
    one.matched = true;
    for (const to of one.filter.transformations) {
      if (to.defaultValue !== undefined) put(one.filter, to, one.minute, to.defaultValue, []);
    }
  }

  function put(
    { account, region }: MetricFilterRecord,
    { metricNamespace = "", metricName = "", unit = "None" }: MetricTransformation,
    at: number,
    value: number,
    dimensions: ReturnType<typeof dimensionsOf>,
  ): void {
    const series = { account, region, namespace: metricNamespace, name: metricName, dimensions, unit };
    metrics.put(series, at, value);
  }

  metrics.collect(() => {
    const minute = Math.floor(clock() / minuteMs) * minuteMs;
    for (const one of counted) if (one.minute < minute) settle(one);
  });

  async function recount(account: string, group: string): Promise<void> {
    const key = `${account}:${group}`;
    followers.get(key)?.abort();
    followers.delete(key);
    if (!filters.list(account).some((one) => one.group === group)) return;
    const controller = new AbortController();
    followers.set(key, controller);
    const before = await logs.read({ account, group, since: 0 });
    const after = before.at(-1)?.number ?? 0;
    if (!controller.signal.aborted) follow(account, group, after, controller.signal).catch(report);
  }

  return {
    recount,
    start() {
      const groups = new Map([...filters.everything()].map((one) => [`${one.account}:${one.group}`, one]));
      for (const { account, group } of groups.values()) recount(account, group).catch(report);
    },
    stop() {
      for (const controller of followers.values()) controller.abort();
      followers.clear();
    },
  };
}

/** A literal, or a field's value where that is a number. */
function numberOf(given: string, field: (name: string) => unknown): number | undefined {
  const value = given.startsWith("$") ? field(given) : given;
  if (typeof value !== "number" && (typeof value !== "string" || value.trim() === "")) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Those whose fields the event has. */
function dimensionsOf({ dimensions = {} }: MetricTransformation, field: (name: string) => unknown) {
  const found = Object.entries(dimensions).flatMap(([name, from]) => {
    const value = field(from);
    if (value === undefined || value === null || typeof value === "object" || value === "") return [];
    return [{ name, value: String(value).slice(0, 1024) }];
  });
  return byName(found);
}
