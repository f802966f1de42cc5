import { askService } from "./api.ts";

/** How far back is looked, and how fine; both in seconds. */
export const ranges = [
  { name: "15 min", seconds: 900, period: 60 },
  { name: "1 h", seconds: 3600, period: 60 },
  { name: "6 h", seconds: 21_600, period: 300 },
  { name: "24 h", seconds: 86_400, period: 900 },
  { name: "7 d", seconds: 604_800, period: 3600 },
  { name: "30 d", seconds: 2_592_000, period: 14_400 },
] as const;
export type Range = (typeof ranges)[number];

export interface Dimension {
  readonly Name: string;
  readonly Value: string;
}

export interface Metric {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions?: readonly Dimension[];
}

export interface Query extends Metric {
  readonly stat: string;
  /** all series that have these dimensions, folded into one: where AWS keeps none of all functions together */
  readonly over?: { readonly fold: "SUM" | "MAX"; readonly by: readonly string[] };
}

/** Points of one metric, the oldest first; `at` in milliseconds since the epoch. */
export type Points = readonly { readonly at: number; readonly value: number }[];

const target = (operation: string) => `GraniteServiceVersion20100801.${operation}`;

interface Answer {
  readonly MetricDataResults: readonly {
    readonly Id: string;
    readonly Timestamps: readonly (number | string)[];
    readonly Values: readonly number[];
  }[];
}

/** The points of each query, in the order of the queries. */
export async function loadPoints(queries: readonly Query[], range: Range, now: number): Promise<readonly Points[]> {
  const body = {
    StartTime: Math.floor(now / 1000 / range.period) * range.period - range.seconds,
    EndTime: Math.ceil(now / 1000),
    ScanBy: "TimestampAscending",
    MetricDataQueries: queries.map((query, index) => ({ Id: `q${index}`, ...asked(query, range.period) })),
  };
  const { MetricDataResults } = await askService<Answer>("monitoring", target("GetMetricData"), body);
  return queries.map((_, index) => {
    const found = MetricDataResults.find(({ Id }) => Id === `q${index}`);
    return (found?.Timestamps ?? []).map((time, at) => ({ at: momentOf(time), value: found!.Values[at]! }));
  });
}

function asked({ stat, over, ...Metric }: Query, Period: number) {
  if (over === undefined) return { MetricStat: { Metric, Period, Stat: stat } };
  const filters = (Metric.Dimensions ?? []).map(({ Name, Value }) => ` ${Name}="${Value}"`).join("");
  const search = `{${[Metric.Namespace, ...over.by].join(",")}} MetricName="${Metric.MetricName}"${filters}`;
  return { Expression: `${over.fold}(SEARCH('${search}', '${stat}', ${Period}))`, Period };
}

/** AWS's JSON has seconds since the epoch. */
const momentOf = (time: number | string): number => (typeof time === "number" ? time * 1000 : Date.parse(time));

/** Everything that was ever measured, by namespace and name. */
export async function listMetrics(): Promise<readonly Metric[]> {
  const found: Metric[] = [];
  let NextToken: string | undefined;
  do {
    const page = await askService<{ Metrics: readonly Metric[]; NextToken?: string }>(
      "monitoring",
      target("ListMetrics"),
      NextToken === undefined ? {} : { NextToken },
    );
    found.push(...page.Metrics);
    NextToken = page.NextToken;
  } while (NextToken && found.length < 5000);
  return found;
}
