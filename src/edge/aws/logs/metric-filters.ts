import type {
  DeleteMetricFilterRequest,
  DescribeMetricFiltersRequest,
  MetricTransformation,
  PutMetricFilterRequest,
} from "@aws-sdk/client-cloudwatch-logs";
import { platformNamespace } from "../../../observe/index.ts";
import { JsonError } from "../json.ts";
import { groupOf, invalid, type LogsOperation, page } from "./context.ts";
import { patternOf } from "./events.ts";

/** Of one group, and of one filter (Service Quotas, "Metric filters"). */
const most = 100;
const mostDimensions = 3;

const numeric = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Source: API Reference, PutMetricFilter and MetricTransformation. */
export const putMetricFilter: LogsOperation<PutMetricFilterRequest> = async (call) => {
  const { input, scope, context } = call;
  const group = await groupOf(call, input.logGroupName ?? "");
  const filterName = input.filterName ?? "";
  const pattern = input.filterPattern ?? "";
  patternOf(pattern);
  for (const one of input.metricTransformations ?? []) check(one, pattern.trim());
  const name = `${group.name}:${filterName}`;
  const others = context.metricFilters
    .list(scope.account)
    .filter((one) => one.group === group.name && one.filterName !== filterName);
  if (others.length >= most) throw new JsonError("LimitExceededException", "Resource limit exceeded.");
  context.metricFilters.put({
    account: scope.account,
    name,
    region: scope.region,
    group: group.name,
    filterName,
    pattern,
    transformations: input.metricTransformations ?? [],
    created: context.clock(),
  });
  await context.recount(scope.account, group.name);
  return {};
};

/** Throws InvalidParameterException. */
function check(
  { metricNamespace = "", metricValue = "", dimensions, defaultValue }: MetricTransformation,
  pattern: string,
) {
  if (platformNamespace.test(metricNamespace)) {
    throw invalid(
      `Invalid metric transformation: metricNamespace must not begin with AWS/ or Thaw/: ${metricNamespace}`,
    );
  }
  const fields = Object.values(dimensions ?? {});
  if (fields.length > mostDimensions) {
    throw invalid(`Invalid metric transformation: at most ${mostDimensions} dimensions are allowed`);
  }
  if (fields.length > 0 && defaultValue !== undefined) {
    throw invalid("Invalid metric transformation: dimensions and default value are mutually exclusive properties.");
  }
  const isOfFields = pattern.startsWith("{") || pattern.startsWith("[");
  for (const field of numeric.test(metricValue) ? fields : [metricValue, ...fields]) {
    if (!isOfFields || !field.startsWith("$") || pattern.startsWith("{") !== /^\$[.[]/.test(field)) {
      throw invalid(`Invalid metric transformation: ${field} is no number and no field of the pattern`);
    }
  }
}

export const describeMetricFilters: LogsOperation<DescribeMetricFiltersRequest> = async (call) => {
  const { input, scope, context } = call;
  const { logGroupName, filterNamePrefix = "", metricName, metricNamespace } = input;
  if (filterNamePrefix !== "" && logGroupName === undefined) {
    throw invalid("logGroupName must be specified with filterNamePrefix.");
  }
  if ((metricName === undefined) !== (metricNamespace === undefined)) {
    throw invalid("metricName and metricNamespace must be specified together.");
  }
  if (logGroupName !== undefined) await groupOf(call, logGroupName);
  const found = context.metricFilters.list(scope.account).filter((one) => {
    if (one.region !== scope.region || !one.filterName.startsWith(filterNamePrefix)) return false;
    if (logGroupName !== undefined && one.group !== logGroupName) return false;
    if (metricName === undefined) return true;
    return one.transformations.some((to) => to.metricName === metricName && to.metricNamespace === metricNamespace);
  });
  const { items, next } = page(found, input.nextToken, input.limit ?? 50, ({ name }) => name);
  const metricFilters = items.map((one) => ({
    filterName: one.filterName,
    filterPattern: one.pattern,
    metricTransformations: one.transformations,
    creationTime: one.created,
    logGroupName: one.group,
    applyOnTransformedLogs: false,
  }));
  return { metricFilters, ...next };
};

export const deleteMetricFilter: LogsOperation<DeleteMetricFilterRequest> = async (call) => {
  const { input, scope, context } = call;
  const group = await groupOf(call, input.logGroupName ?? "");
  const name = `${group.name}:${input.filterName}`;
  if (context.metricFilters.get(scope.account, name) === undefined) {
    throw new JsonError("ResourceNotFoundException", "The specified metric filter does not exist.");
  }
  context.metricFilters.remove(scope.account, name);
  await context.recount(scope.account, group.name);
  return {};
};
