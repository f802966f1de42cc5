import type {
  DeleteSubscriptionFilterRequest,
  DescribeSubscriptionFiltersRequest,
  PutSubscriptionFilterRequest,
} from "@aws-sdk/client-cloudwatch-logs";
import { JsonError } from "../json.ts";
import { groupOf, type LogsOperation, page } from "./context.ts";
import { patternOf } from "./events.ts";

/** Of one group (Service Quotas, "Subscription filters"). */
const most = 2;

export const putSubscriptionFilter: LogsOperation<PutSubscriptionFilterRequest> = async (call) => {
  const { input, scope, context } = call;
  const group = await groupOf(call, input.logGroupName ?? "");
  const filterName = input.filterName ?? "";
  const destinationArn = input.destinationArn ?? "";
  patternOf(input.filterPattern);
  const name = `${group.name}:${filterName}`;
  const others = context.subscriptions
    .list(scope.account)
    .filter((one) => one.group === group.name && one.filterName !== filterName);
  if (others.length >= most) throw new JsonError("LimitExceededException", "Resource limit exceeded.");
  context.checkDestination(scope, group.name, destinationArn);
  context.subscriptions.put({
    account: scope.account,
    name,
    group: group.name,
    filterName,
    pattern: input.filterPattern ?? "",
    destinationArn,
    roleArn: input.roleArn,
    distribution: input.distribution ?? "ByLogStream",
    created: context.subscriptions.get(scope.account, name)?.created ?? context.clock(),
  });
  await context.resubscribe(scope.account, group.name);
  return {};
};

export const describeSubscriptionFilters: LogsOperation<DescribeSubscriptionFiltersRequest> = async (call) => {
  const { input, scope, context } = call;
  const group = await groupOf(call, input.logGroupName ?? "");
  const found = context.subscriptions
    .list(scope.account)
    .filter((one) => one.group === group.name && one.filterName.startsWith(input.filterNamePrefix ?? ""));
  const { items, next } = page(found, input.nextToken, input.limit ?? 50, ({ filterName }) => filterName);
  const subscriptionFilters = items.map((one) => ({
    filterName: one.filterName,
    logGroupName: one.group,
    filterPattern: one.pattern,
    destinationArn: one.destinationArn,
    ...(one.roleArn === undefined ? {} : { roleArn: one.roleArn }),
    distribution: one.distribution,
    applyOnTransformedLogs: false,
    creationTime: one.created,
  }));
  return { subscriptionFilters, ...next };
};

export const deleteSubscriptionFilter: LogsOperation<DeleteSubscriptionFilterRequest> = async (call) => {
  const { input, scope, context } = call;
  const group = await groupOf(call, input.logGroupName ?? "");
  const name = `${group.name}:${input.filterName}`;
  if (context.subscriptions.get(scope.account, name) === undefined) {
    throw new JsonError("ResourceNotFoundException", "The specified subscription filter does not exist.");
  }
  context.subscriptions.remove(scope.account, name);
  await context.resubscribe(scope.account, group.name);
  return {};
};
