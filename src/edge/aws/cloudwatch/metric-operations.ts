import type {
  GetMetricStatisticsInput,
  ListMetricsInput,
  MetricDatum,
  PutMetricDataInput,
} from "@aws-sdk/client-cloudwatch";
import { addSet, addValue, newSketch, platformNamespace, type Sketch } from "../../../observe/index.ts";
import { type CloudWatchOperation, type DimensionInput, dimensionsOf, pageOf, shownDimensions } from "./context.ts";
import { badCombination, invalidValue, missing } from "./model.ts";
import { statisticOf } from "./statistics.ts";

type Seconds<T, Keys extends keyof T> = Omit<T, Keys> & { readonly [Key in Keys]-?: number };

const hourMs = 3600_000;
const dayMs = 24 * hourMs;

/** All of a request or nothing of it. Source: CloudWatch API Reference, PutMetricData and MetricDatum. */
export const putMetricData: CloudWatchOperation<PutMetricDataInput> = ({ input, scope, context }) => {
  const { Namespace: namespace = "", MetricData: data, EntityMetricData: entities = [] } = input;
  if (data === undefined && entities.length === 0) throw missing("The parameter MetricData is required.");
  if (platformNamespace.test(namespace)) {
    throw invalidValue(`The value ${namespace} for parameter Namespace is invalid: it is reserved.`);
  }
  const all = [...(data ?? []), ...entities.flatMap(({ MetricData = [] }) => MetricData)];
  if (all.length > 1000) throw invalidValue("The collection MetricData must not have a size greater than 1000.");
  const now = context.clock();
  const points = all.map((datum, index) => {
    const about = `MetricData.member.${index + 1}`;
    const at = datum.Timestamp === undefined ? now : Number(datum.Timestamp) * 1e3;
    if (at < now - 14 * dayMs || at > now + 2 * hourMs) {
      throw invalidValue(
        `The parameter ${about}.Timestamp must specify a time no more than two weeks in the past and two hours in the future.`,
      );
    }
    return { datum, at, sketch: sketchOf(datum, about) };
  });
  for (const { datum, at, sketch } of points) {
    const dimensions = dimensionsOf(datum.Dimensions as DimensionInput[] | undefined);
    const series = { ...scope, namespace, name: datum.MetricName ?? "", dimensions, unit: datum.Unit ?? "None" };
    context.metrics.putSketch(series, at, sketch);
  }
  // What was taken outlives the process.
  context.metrics.flush();
  return {};
};

function sketchOf(datum: MetricDatum, about: string): Sketch {
  const { Value, Values, Counts, StatisticValues } = datum;
  const sketch = newSketch();
  const number = (value: number | undefined, name: string): number => {
    if (value !== undefined && Number.isFinite(value) && Math.abs(value) < 2 ** 360) return value;
    throw invalidValue(`The parameter ${about}.${name} must be a number that is not NaN or infinity.`);
  };
  if ([Value, Values, StatisticValues].filter((one) => one !== undefined).length > 1) {
    throw badCombination(
      `The parameters ${about}.Value, ${about}.Values and ${about}.StatisticValues are mutually exclusive and you have specified more than one.`,
    );
  }
  if (StatisticValues !== undefined) {
    const { SampleCount, Sum, Minimum, Maximum } = StatisticValues;
    const set = {
      count: number(SampleCount, "StatisticValues.SampleCount"),
      sum: number(Sum, "StatisticValues.Sum"),
      min: number(Minimum, "StatisticValues.Minimum"),
      max: number(Maximum, "StatisticValues.Maximum"),
    };
    if (set.count <= 0 || set.min > set.max) {
      throw invalidValue(`The parameter ${about}.StatisticValues is not consistent.`);
    }
    addSet(sketch, set);
  } else if (Values !== undefined) {
    if (Counts !== undefined && Counts.length !== Values.length) {
      throw invalidValue(`The parameters ${about}.Values and ${about}.Counts must be of the same size.`);
    }
    if (Values.length > 150)
      throw invalidValue(`The collection ${about}.Values must not have a size greater than 150.`);
    Values.forEach((value, at) => {
      const count = number(Counts?.[at] ?? 1, "Counts");
      if (count <= 0) throw invalidValue(`The parameter ${about}.Counts must be positive.`);
      addValue(sketch, number(value, "Values"), count);
    });
  } else if (Value !== undefined) addValue(sketch, number(Value, "Value"));
  else throw missing(`The parameter ${about}.Value is required.`);
  return sketch;
}

const mostDatapoints = 1440;
const usual = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"] as const;

export const getMetricStatistics: CloudWatchOperation<Seconds<GetMetricStatisticsInput, "StartTime" | "EndTime">> = ({
  input,
  scope,
  context,
}) => {
  const { Namespace = "", MetricName = "", Period = 60, Statistics = [], ExtendedStatistics = [], Unit } = input;
  const [from, to] = [input.StartTime * 1e3, input.EndTime * 1e3];
  if (from >= to) throw badCombination("The parameter StartTime must be less than the parameter EndTime.");
  if (Statistics.length + ExtendedStatistics.length === 0) {
    throw missing("At least one of the parameters Statistics and ExtendedStatistics must be specified.");
  }
  const period = Math.max(60, Period);
  if (period % 60 !== 0) {
    throw invalidValue("The parameter Period must be a value that is 1, 5, 10, 20, 30 or a multiple of 60.");
  }
  const count = Math.ceil((to - from) / (period * 1e3));
  if (count > mostDatapoints) {
    throw badCombination(
      `You have requested up to ${count} datapoints, which exceeds the limit of ${mostDatapoints}. You may reduce the datapoints requested by increasing Period, or decreasing the time range.`,
    );
  }
  const extended = ExtendedStatistics.map((name) => {
    const statistic = statisticOf(name);
    if (statistic === undefined) {
      throw invalidValue(`The value ${name} for parameter ExtendedStatistics.member.1 is not supported.`);
    }
    return [name, statistic] as const;
  });
  const origin = Math.floor(from / 60_000) * 60_000;
  const dimensions = dimensionsOf(input.Dimensions as DimensionInput[] | undefined);
  const series = { ...scope, namespace: Namespace, name: MetricName, dimensions, unit: Unit };
  const unit = Unit ?? unitOf(context.metrics.list(scope.account, scope.region), series) ?? "None";
  const read = context.metrics.read({ series, from: origin, to, period, origin });
  const Datapoints = read.map(({ at, sketch }) => {
    const named = usual.filter((name) => Statistics.includes(name)).map((name) => [name, statisticOf(name)!(sketch)]);
    const others = extended
      .map(([name, statistic]) => [name, statistic(sketch)])
      .filter(([, value]) => value !== undefined);
    return {
      Timestamp: new Date(at),
      ...Object.fromEntries(named),
      Unit: unit,
      ...(others.length === 0 ? {} : { ExtendedStatistics: Object.fromEntries(others) }),
    };
  });
  return { Label: MetricName, Datapoints };
};

type Listed = ReturnType<Parameters<typeof getMetricStatistics>[0]["context"]["metrics"]["list"]>;

const unitOf = (all: Listed, wanted: { readonly namespace: string; readonly name: string }): string | undefined =>
  all.find(({ series }) => series.namespace === wanted.namespace && series.name === wanted.name)?.series.unit;

/** Metrics that have had a value in the last two weeks. */
export const listMetrics: CloudWatchOperation<ListMetricsInput> = ({ input, scope, context }) => {
  const { Namespace, MetricName, Dimensions = [], RecentlyActive } = input;
  const since = context.clock() - (RecentlyActive === "PT3H" ? 3 * hourMs : 14 * dayMs);
  const shown = new Map<string, object>();
  for (const { series, last } of context.metrics.list(scope.account, scope.region)) {
    if (last < since) continue;
    if (Namespace !== undefined && series.namespace !== Namespace) continue;
    if (MetricName !== undefined && series.name !== MetricName) continue;
    const has = ({ Name, Value }: (typeof Dimensions)[number]) =>
      series.dimensions.some(({ name, value }) => name === Name && (Value === undefined || value === Value));
    if (!Dimensions.every(has)) continue;
    const metric = {
      Namespace: series.namespace,
      MetricName: series.name,
      Dimensions: shownDimensions(series.dimensions),
    };
    // In whatever unit, it is one metric.
    shown.set(JSON.stringify(metric), metric);
  }
  const { items, next } = pageOf([...shown.values()], input.NextToken, 500);
  return { Metrics: items, NextToken: next };
};
