import { bounds, type FunctionTotals } from "../observe/index.ts";
import { attributesOf, nanoseconds } from "./attributes.ts";

const cumulative = 2;

/** What functions have done since the platform started, as ExportMetricsServiceRequest in JSON. Times are ms since the epoch. */
export function metricsOf(
  functions: readonly FunctionTotals[],
  times: { readonly started: number; readonly now: number },
  resource: object[],
): object {
  const stamps = { startTimeUnixNano: nanoseconds(times.started), timeUnixNano: nanoseconds(times.now) };
  const of = ({ name, account, region }: FunctionTotals) =>
    attributesOf({ "faas.name": name ?? "_other", "cloud.account.id": account, "cloud.region": region });
  const sum = (name: string, unit: string, value: (one: FunctionTotals) => number) => ({
    name,
    unit,
    sum: {
      aggregationTemporality: cumulative,
      isMonotonic: true,
      dataPoints: functions.map((one) => ({ ...stamps, attributes: of(one), asInt: String(Math.round(value(one))) })),
    },
  });
  const histogram = (name: string, points: object[]) => ({
    name,
    unit: "s",
    histogram: { aggregationTemporality: cumulative, dataPoints: points },
  });
  const point = (attributes: object[], { buckets, count, sum: total }: FunctionTotals["duration"]) => ({
    ...stamps,
    attributes,
    count: String(Math.round(count)),
    sum: total / 1e3,
    bucketCounts: buckets.map((bucket) => String(Math.round(bucket))),
    explicitBounds: bounds.map((bound) => bound / 1e3),
  });
  const metrics = [
    sum("faas.invocations", "{invocation}", ({ invocations }) => invocations),
    sum("faas.errors", "{error}", ({ errors }) => errors),
    sum("faas.timeouts", "{timeout}", ({ timeouts }) => timeouts),
    sum("faas.coldstarts", "{coldstart}", ({ starts }) =>
      [...starts.values()].reduce((all, { count }) => all + count, 0),
    ),
    sum("thaw.throttles", "{throttle}", ({ throttles }) => throttles),
    histogram(
      "faas.invoke_duration",
      functions.map((one) => point(of(one), one.duration)),
    ),
    histogram(
      "faas.init_duration",
      functions.flatMap((one) =>
        [...one.starts].map(([kind, starts]) => point([...of(one), ...attributesOf({ "thaw.start": kind })], starts)),
      ),
    ),
  ];
  const attributes = [...attributesOf({ "service.name": "thaw" }), ...resource];
  return { resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ scope: { name: "thaw" }, metrics }] }] };
}
