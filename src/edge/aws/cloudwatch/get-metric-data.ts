import type { GetMetricDataInput, MetricDataQuery, MetricStat } from "@aws-sdk/client-cloudwatch";
import type { Series } from "../../../observe/index.ts";
import {
  type CloudWatchContext,
  type CloudWatchOperation,
  type DimensionInput,
  dimensionsOf,
  type Scope,
} from "./context.ts";
import { evaluateMath, type Surroundings, type TimeSeries, type Value } from "./math.ts";
import { MathError, parseMath } from "./math-parse.ts";
import { invalidValue, validation } from "./model.ts";
import { statisticOf } from "./statistics.ts";

type Seconds<T> = Omit<T, "StartTime" | "EndTime"> & { readonly StartTime: number; readonly EndTime: number };

/** Queries that are answered together, over a time. */
export interface DataRequest {
  readonly queries: readonly MetricDataQuery[];
  /** ms since the epoch, to without */
  readonly from: number;
  readonly to: number;
  /** a moment at which a period begins; left out: the epoch */
  readonly origin?: number;
}

/** Most points of one answer. */
const mostPoints = 100_800;

export const getMetricData: CloudWatchOperation<Seconds<GetMetricDataInput>> = ({ input, scope, context }) => {
  const queries = input.MetricDataQueries ?? [];
  const [from, to] = [input.StartTime * 1e3, input.EndTime * 1e3];
  if (from >= to) throw validation("The parameter EndTime must be greater than StartTime.");
  const results = resultsOf(context, scope, { queries, from, to });
  const newestFirst = input.ScanBy !== "TimestampAscending";
  const most = Math.min(input.MaxDatapoints ?? mostPoints, mostPoints);
  let skip = startOf(input.NextToken);
  let room = most;
  let left = false;
  const shown = [];
  for (const { id, label, series } of results) {
    const points = [...series.values];
    if (newestFirst) points.reverse();
    const skipped = Math.min(skip, points.length);
    skip -= skipped;
    const some = points.slice(skipped, skipped + room);
    room -= some.length;
    const whole = skipped + some.length === points.length;
    left ||= !whole;
    shown.push({
      Id: id,
      Label: label,
      Timestamps: some.map(([at]) => new Date(at)),
      Values: some.map(([, value]) => value),
      StatusCode: whole ? "Complete" : "PartialData",
    });
  }
  const next = left ? Buffer.from(String(startOf(input.NextToken) + most)).toString("base64url") : undefined;
  return { MetricDataResults: shown, Messages: [], NextToken: next };
};

function startOf(token: string | undefined): number {
  if (token === undefined) return 0;
  const at = Number(Buffer.from(token, "base64url").toString());
  if (Number.isSafeInteger(at) && at >= 0) return at;
  throw invalidValue("The value for parameter NextToken is invalid.");
}

export interface DataResult {
  readonly id: string;
  readonly label: string;
  readonly series: TimeSeries;
}

/** Each query's series, of those that are to be returned. Throws ValidationError. */
export function resultsOf(context: CloudWatchContext, scope: Scope, request: DataRequest): DataResult[] {
  const { queries } = request;
  const byId = new Map<string, MetricDataQuery>();
  for (const query of queries) {
    const id = query.Id ?? "";
    if (!/^[a-z]\w*$/.test(id)) {
      throw validation(
        `The value ${id} for parameter MetricDataQueries.member.Id is not matching the expected pattern.`,
      );
    }
    if (byId.has(id)) throw validation("The values for parameter id in MetricDataQueries are not unique.");
    if ((query.MetricStat === undefined) === (query.Expression === undefined)) {
      throw validation("MetricDataQuery must contain exactly one of MetricStat and Expression.");
    }
    byId.set(id, query);
  }
  const values = new Map<string, Value>();
  const computing = new Set<string>();

  const around: Surroundings = {
    value: (id) => resultOf(id),
    metrics: (containing = "") =>
      [...byId]
        .filter(([id, query]) => query.MetricStat !== undefined && id.includes(containing))
        .map(([id]) => resultOf(id) as TimeSeries),
    search: (query, statistic, period = 300) => search(context, scope, request, { query, statistic, period }),
    grid: (period) => gridOf(request, period),
  };

  function resultOf(id: string): Value {
    const known = values.get(id);
    if (known !== undefined) return known;
    const query = byId.get(id);
    if (query === undefined) throw new MathError(`Unknown identifier ${id}`);
    if (computing.has(id)) throw new MathError(`Circular reference at ${id}`);
    computing.add(id);
    const value =
      query.MetricStat === undefined
        ? evaluateMath(parseMath(query.Expression ?? ""), around)
        : seriesFor(context, scope, query.MetricStat, request);
    computing.delete(id);
    values.set(id, value);
    return value;
  }

  return queries
    .filter(({ ReturnData }) => ReturnData !== false)
    .flatMap((query) => {
      const id = query.Id ?? "";
      return shownAs(
        query,
        computed(id, () => resultOf(id)),
        around,
      );
    });
}

function computed(id: string, compute: () => Value): Value {
  try {
    return compute();
  } catch (error) {
    if (error instanceof MathError) throw validation(`Error in expression '${id}': ${error.message}`);
    throw error;
  }
}

function shownAs(query: MetricDataQuery, value: Value, { grid }: Surroundings): DataResult[] {
  const id = query.Id ?? "";
  if (typeof value === "string") throw validation(`Error in expression '${id}': it is no time series`);
  if (typeof value === "number") {
    const values = new Map(grid(query.Period ?? 300).map((at) => [at, value]));
    return [{ id, label: query.Label ?? id, series: { label: id, period: query.Period ?? 300, values } }];
  }
  const list = Array.isArray(value) ? (value as readonly TimeSeries[]) : [value as TimeSeries];
  const own = (series: TimeSeries) => (query.Expression === undefined || Array.isArray(value) ? series.label : id);
  return list.map((series) => ({ id, label: query.Label ?? (own(series) || id), series }));
}

const gridOf = ({ from, to, origin = 0 }: DataRequest, period: number): number[] => {
  const step = period * 1e3;
  const first = Math.floor((from - origin) / step) * step + origin;
  const count = Math.min(mostPoints, Math.max(0, Math.ceil((to - first) / step)));
  return Array.from({ length: count }, (_, at) => first + at * step);
};

function seriesFor(context: CloudWatchContext, scope: Scope, stat: MetricStat, request: DataRequest): TimeSeries {
  const { Metric, Period = 60, Stat = "", Unit } = stat;
  return read(context, request, {
    series: {
      ...scope,
      namespace: Metric?.Namespace ?? "",
      name: Metric?.MetricName ?? "",
      dimensions: dimensionsOf(Metric?.Dimensions as DimensionInput[] | undefined),
      unit: Unit,
    },
    period: Period,
    statistic: Stat,
    label: Metric?.MetricName ?? "",
  });
}

interface Wanted {
  readonly series: Omit<Series, "unit"> & { readonly unit?: string | undefined };
  /** seconds */
  readonly period: number;
  readonly statistic: string;
  readonly label: string;
}

/** Periods of less than a minute are answered in minutes, for nothing finer is kept. */
function read({ metrics }: CloudWatchContext, { from, to, origin = 0 }: DataRequest, wanted: Wanted): TimeSeries {
  const statistic = statisticOf(wanted.statistic);
  if (statistic === undefined) throw validation(`The value ${wanted.statistic} for parameter Stat is not supported.`);
  const period = Math.max(60, wanted.period);
  if (period % 60 !== 0) throw validation("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.");
  const start = Math.floor((from - origin) / (period * 1e3)) * period * 1e3 + origin;
  const values = new Map<number, number>();
  for (const { at, sketch } of metrics.read({ series: wanted.series, from: start, to, period, origin })) {
    const value = statistic(sketch);
    if (value !== undefined) values.set(at, value);
  }
  return { label: wanted.label, period, values };
}

interface Search {
  readonly query: string;
  readonly statistic: string;
  readonly period: number;
}

/**
 * `{Namespace,Dimension,…} term term`: a term is `Name="value"`, or a word that the metric's name or a dimension's value contains.
 * Source: CloudWatch User Guide, "CloudWatch search expression syntax", without its OR and NOT.
 */
function search(context: CloudWatchContext, scope: Scope, request: DataRequest, { query, statistic, period }: Search) {
  const found = /^\s*(?:\{([^}]*)\})?([\s\S]*)$/.exec(query)!;
  const schema = found[1]?.split(",").map((part) => part.trim().replace(/^"|"$/g, ""));
  const terms = [...(found[2] ?? "").matchAll(/(?:(\w+)\s*=\s*)?(?:"([^"]*)"|([^\s"=()]+))/g)].filter(
    ([whole]) => whole !== "AND",
  );
  if (terms.some(([whole]) => whole === "OR" || whole === "NOT")) {
    throw new MathError("SEARCH knows no OR and no NOT here");
  }
  const fits = ({ namespace, name, dimensions }: Series): boolean => {
    if (schema !== undefined) {
      const names = dimensions.map((one) => one.name);
      const wanted = schema.slice(1).toSorted();
      if (namespace !== schema[0] || names.toSorted().join() !== wanted.join()) return false;
    }
    return terms.every(([, key, exact, word = ""]) => {
      if (key === undefined) {
        const part = (exact ?? word).toLowerCase();
        return [name, ...dimensions.map(({ value }) => value)].some((one) => one.toLowerCase().includes(part));
      }
      const value =
        key === "MetricName"
          ? name
          : key === "Namespace"
            ? namespace
            : dimensions.find((one) => one.name === key)?.value;
      return exact === undefined ? value?.toLowerCase().includes(word.toLowerCase()) : value === exact;
    });
  };
  return context.metrics
    .list(scope.account, scope.region)
    .filter(({ series }) => fits(series))
    .slice(0, 500)
    .map(({ series }) => {
      const label = [series.name, ...series.dimensions.map(({ value }) => value)].join(" ");
      return read(context, request, { series, period, statistic, label });
    })
    .filter(({ values }) => values.size > 0);
}
