import type { FunctionVersion, StartKind } from "../../model/index.ts";
import { bucketOf, type Sketch, sorted } from "./sketch.ts";

/** Milliseconds; the largest bucket has no bound. */
export const bounds = [
  0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 900_000,
] as const;

export interface Histogram {
  /** values up to each bound and above the one before; one more than there are bounds */
  readonly buckets: number[];
  count: number;
  /** milliseconds */
  sum: number;
}

export interface FunctionTotals {
  readonly account: string;
  readonly region: string;
  /** undefined: all functions that have no totals of their own */
  readonly name: string | undefined;
  invocations: number;
  errors: number;
  timeouts: number;
  throttles: number;
  readonly duration: Histogram;
  readonly starts: Map<StartKind, Histogram>;
  /** other metrics of Lambda, by their name: sums */
  readonly counts: Map<string, number>;
}

export interface Counted {
  readonly target: Pick<FunctionVersion, "account" | "region" | "name">;
  readonly invocations: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly throttles: number;
  readonly duration: Sketch;
  readonly starts: ReadonlyMap<StartKind, Sketch>;
}

/** What functions have done since the platform started. */
export interface Totals {
  add(counted: Counted): void;
  count(of: Counted["target"], metric: string, value: number): void;
  list(): readonly FunctionTotals[];
}

/** Functions that have totals of their own: who has more shares one. */
const most = 500;

export function createTotals(): Totals {
  const functions = new Map<string, FunctionTotals>();

  function of({ account, region, name }: Counted["target"]): FunctionTotals {
    const key = `${account}/${region}/${name}`;
    const found = functions.get(key);
    if (found !== undefined) return found;
    const crowded = functions.size >= most;
    const shared = crowded ? functions.get("") : undefined;
    if (shared !== undefined) return shared;
    const counts = { invocations: 0, errors: 0, timeouts: 0, throttles: 0 };
    const own = crowded ? { account: "", region: "", name: undefined } : { account, region, name };
    const made: FunctionTotals = { ...own, ...counts, duration: newHistogram(), starts: new Map(), counts: new Map() };
    functions.set(crowded ? "" : key, made);
    return made;
  }

  return {
    add({ target, invocations, errors, timeouts, throttles, duration, starts }) {
      const totals = of(target);
      totals.invocations += invocations;
      totals.errors += errors;
      totals.timeouts += timeouts;
      totals.throttles += throttles;
      addTo(totals.duration, duration);
      for (const [kind, sketch] of starts) {
        const histogram = totals.starts.get(kind) ?? newHistogram();
        totals.starts.set(kind, histogram);
        addTo(histogram, sketch);
      }
    },
    count(target, metric, value) {
      const { counts } = of(target);
      counts.set(metric, (counts.get(metric) ?? 0) + value);
    },
    list: () => [...functions.values()],
  };
}

const newHistogram = (): Histogram => ({ buckets: new Array<number>(bounds.length + 1).fill(0), count: 0, sum: 0 });
const edges = bounds.map(bucketOf);

/** A value that is less than 2 % from a bound may be counted on its other side. */
function addTo(histogram: Histogram, sketch: Sketch): void {
  histogram.count += sketch.count;
  histogram.sum += sketch.sum;
  for (const [bucket, weight] of sorted(sketch)) {
    const at = edges.findIndex((edge) => bucket <= edge);
    histogram.buckets[at === -1 ? bounds.length : at]! += weight;
  }
}
