import { keyOf, type Series } from "./series.ts";
import { addValue, merge, newSketch, type Sketch } from "./sketch.ts";
import { floor, levels, openMetricsStore, type Point } from "./store.ts";

/** Values by series and minute. What has been put is seen by every reader at once. */
export interface Metrics {
  /** Adds a value, at a moment (ms since the epoch). */
  put(series: Series, at: number, value: number, weight?: number): void;
  /** Adds many values at once. */
  putSketch(series: Series, at: number, sketch: Sketch): void;
  /**
   * Names somebody who counts for themselves: asked each minute, and before something is read, to put what there has been
   * since; `at`: in the minute that it belongs to.
   */
  collect(counter: (at: number) => void): void;
  /** Sketches by the beginning of their periods (ms since the epoch), oldest first; a period without values has none. */
  read(query: MetricQuery): { readonly at: number; readonly sketch: Sketch }[];
  /** All series of an account in a region, and when they had a value last. */
  list(account: string, region: string): { readonly series: Series; readonly last: number }[];
  /** Writes all that is there to the disk. */
  flush(): void;
  close(): void;
}

export interface MetricQuery {
  /** dimensions in the order of their names; without a unit: those of every unit, together */
  readonly series: Omit<Series, "unit"> & { readonly unit?: string | undefined };
  /** ms since the epoch, to without */
  readonly from: number;
  readonly to: number;
  /** seconds, a multiple of 60 */
  readonly period: number;
  /** a moment at which a period begins; left out: the epoch */
  readonly origin?: number;
}

export interface MetricsNeeds {
  readonly path: string;
  /** milliseconds since the epoch */
  clock(): number;
  /** told once when values are not kept any more, and why */
  note(line: string): void;
  report(error: unknown): void;
  /** bytes on the disk; default 512 MB */
  readonly budgetBytes?: number;
  /** most series at once; default 20,000 */
  readonly most?: number;
}

const minuteMs = 60_000;
/** Written in one go: a few milliseconds of the platform's time. */
const batch = 100;

/** Opens the metrics. Throws what SQLite says about a file that is none. */
export function createMetrics(needs: MetricsNeeds): Metrics {
  const { clock, budgetBytes = 512 * 1024 * 1024, most = 20_000 } = needs;
  const store = openMetricsStore({ path: needs.path, budgetBytes, most });
  const waiting = new Map<string, Point>();
  const counters: ((at: number) => void)[] = [];
  let counted = clock();
  let noted = false;
  let swept = clock();
  let closed = false;

  function putSketch(series: Series, at: number, sketch: Sketch): void {
    const minute = floor(at, 60);
    const key = `${minute}${keyOf(series)}`;
    const point = waiting.get(key) ?? { series, at: minute, sketch: newSketch() };
    waiting.set(key, point);
    merge(point.sketch, sketch);
  }

  function collectAll(): void {
    // What is counted now has happened since the last time, which the minute timer keeps within one minute.
    const at = counted;
    counted = clock();
    for (const counter of counters) counter(at);
  }

  function write(limit: number): void {
    const points: Point[] = [];
    for (const [key, point] of waiting) {
      if (points.length >= limit) break;
      points.push(point);
      waiting.delete(key);
    }
    if (points.length === 0) return;
    const refused = store.add(points);
    if (refused === 0 || noted) return;
    noted = true;
    needs.note(`metrics: ${most} series are kept at most, values of new ones are not`);
  }

  function flush(): void {
    collectAll();
    write(Number.POSITIVE_INFINITY);
  }

  /** Bit by bit, so that invocations find their places between. */
  function writeOn(): void {
    if (closed) return;
    try {
      write(batch);
    } catch (error) {
      needs.report(error);
    }
    if (waiting.size > 0) setImmediate(writeOn);
  }

  function tick(): void {
    collectAll();
    writeOn();
    if (clock() - swept > 3600_000) {
      swept = clock();
      try {
        store.sweep(swept);
      } catch (error) {
        needs.report(error);
      }
    }
    timer = setTimeout(tick, untilNextMinute(clock())).unref();
  }
  let timer = setTimeout(tick, untilNextMinute(clock())).unref();

  function read({ series, from, to, period, origin = 0 }: MetricQuery) {
    flush();
    const found = [...store.everything()].filter((one) => fits(one.series, series));
    const level = levelFor(period, origin, from, clock());
    const begin = (at: number) => Math.floor((at - origin) / (period * 1e3)) * period * 1e3 + origin;
    const periods = new Map<number, Sketch>();
    for (const { id } of found) {
      for (const { at, sketch } of store.read(id, level, floor(from, level), to)) {
        const start = begin(at);
        const sum = periods.get(start);
        if (sum === undefined) periods.set(start, sketch);
        else merge(sum, sketch);
      }
    }
    return [...periods].sort(([one], [other]) => one - other).map(([at, sketch]) => ({ at, sketch }));
  }

  return {
    put(series, at, value, weight) {
      const sketch = newSketch();
      addValue(sketch, value, weight);
      putSketch(series, at, sketch);
    },
    putSketch,
    collect: (counter) => void counters.push(counter),
    read,
    list(account, region) {
      flush();
      return [...store.everything()].filter(({ series }) => series.account === account && series.region === region);
    },
    flush,
    close() {
      if (closed) return;
      clearTimeout(timer);
      flush();
      closed = true;
      store.close();
    },
  };
}

/** A little after it has begun. */
const untilNextMinute = (now: number): number => minuteMs - (now % minuteMs) + 5;

function fits(series: Series, { account, region, namespace, name, dimensions, unit }: MetricQuery["series"]): boolean {
  if (series.name !== name || series.namespace !== namespace) return false;
  if (series.account !== account || series.region !== region) return false;
  if (unit !== undefined && series.unit !== unit) return false;
  if (series.dimensions.length !== dimensions.length) return false;
  return series.dimensions.every((one, at) => one.name === dimensions[at]?.name && one.value === dimensions[at].value);
}

/** The coarsest rows that make up such periods; and, of a time whose fine rows are gone, coarser ones all the same. */
function levelFor(period: number, origin: number, from: number, now: number): number {
  const kept = levels.filter(({ keptMs }) => from >= now - keptMs).map((level) => level.period);
  const finest = kept[0] ?? levels.at(-1)!.period;
  const exact = levels.map((level) => level.period).filter((one) => period % one === 0 && origin % (one * 1e3) === 0);
  return Math.max(finest, exact.at(-1) ?? finest);
}
