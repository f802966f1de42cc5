import type { HealthCheck, TargetGroupRecord } from "../../alb/records.ts";
import { functionTarget } from "../../api-gateway/targets.ts";
import {
  arnOf,
  type BalancerCall,
  type BalancerContext,
  balancerOf,
  changedAttributes,
  groupOf,
  groupsIn,
  newHex,
  type Paged,
  page,
  pairs,
  type Tag,
  tagsOf,
} from "./context.ts";
import { BalancerRefusal, invalid } from "./model.ts";

type InGroup = { readonly TargetGroupArn: string };
type Targets = { readonly Targets: readonly { readonly Id: string }[] };

/** Of functions nobody asks unless it is wanted, and then every 35 seconds. */
const usualHealth: HealthCheck = {
  HealthCheckEnabled: false,
  HealthCheckPath: "/",
  HealthCheckIntervalSeconds: 35,
  HealthCheckTimeoutSeconds: 30,
  HealthyThresholdCount: 5,
  UnhealthyThresholdCount: 2,
  Matcher: { HttpCode: "200" },
};

export function createTargetGroup(
  context: BalancerContext,
  {
    input,
    scope,
  }: BalancerCall<
    Partial<HealthCheck> & { readonly Name: string; readonly TargetType?: string; readonly Tags?: readonly Tag[] }
  >,
) {
  const { Name, TargetType = "instance", Tags } = input;
  if (TargetType !== "lambda") {
    throw new BalancerRefusal(
      "InvalidConfigurationRequestException",
      `Target type '${TargetType}' is not here: only 'lambda' is`,
    );
  }
  if (!/^(?!-)[A-Za-z0-9-]{1,32}(?<!-)$/.test(Name)) {
    throw invalid(
      `Target group name '${Name}' can only contain characters that are alphanumeric characters and hyphens(-)`,
    );
  }
  if (context.balancers.groups.list(scope).some(({ groupName }) => groupName === Name)) {
    throw new BalancerRefusal(
      "DuplicateTargetGroupNameException",
      `A target group with the same name '${Name}' exists, but with different settings`,
    );
  }
  const record: TargetGroupRecord = {
    account: scope.account,
    region: scope.region,
    name: arnOf(scope, `targetgroup/${Name}/${newHex()}`),
    groupName: Name,
    health: changedHealth(usualHealth, input),
    attributes: { "lambda.multi_value_headers.enabled": "false" },
    tags: tagsOf(Tags),
    target: undefined,
  };
  context.balancers.groups.put(record);
  return { TargetGroups: [view(context, record)] };
}

/** Throws ValidationError. */
function changedHealth(old: HealthCheck, input: Partial<HealthCheck>): HealthCheck {
  const names = Object.keys(usualHealth) as (keyof HealthCheck)[];
  const given = Object.fromEntries(
    names.filter((name) => input[name] !== undefined).map((name) => [name, input[name]]),
  );
  const health: HealthCheck = { ...old, ...given };
  if (health.HealthCheckTimeoutSeconds > health.HealthCheckIntervalSeconds) {
    throw invalid(
      `Health check timeout '${health.HealthCheckTimeoutSeconds}' must be smaller than or equal to the interval '${health.HealthCheckIntervalSeconds}'`,
    );
  }
  if (!/^\d{3}(?:-\d{3})?(?:,\d{3}(?:-\d{3})?)*$/.test(health.Matcher.HttpCode ?? "")) {
    throw invalid(`Health check matcher HTTP code '${health.Matcher.HttpCode}' must be within '200-499' inclusive`);
  }
  return health;
}

function view({ balancers }: BalancerContext, record: TargetGroupRecord) {
  const { name, groupName, health } = record;
  const using = balancers.list(record).filter((balancer) => groupsIn(balancer).has(name));
  return {
    ...health,
    TargetGroupArn: name,
    TargetGroupName: groupName,
    TargetType: "lambda",
    IpAddressType: "ipv4",
    LoadBalancerArns: using.map((balancer) => balancer.name),
  };
}

export function describeTargetGroups(
  context: BalancerContext,
  {
    input,
    scope,
  }: BalancerCall<
    Paged & {
      readonly LoadBalancerArn?: string;
      readonly TargetGroupArns?: readonly string[];
      readonly Names?: readonly string[];
    }
  >,
) {
  const { LoadBalancerArn, TargetGroupArns, Names } = input;
  const all = context.balancers.groups.list(scope);
  let found = TargetGroupArns?.map((arn) => groupOf(context, scope, arn)) ?? all;
  if (Names !== undefined) {
    found = Names.map((name) => {
      const group = all.find(({ groupName }) => groupName === name);
      if (group !== undefined) return group;
      throw new BalancerRefusal("TargetGroupNotFoundException", "One or more target groups not found");
    });
  }
  if (LoadBalancerArn !== undefined) {
    const used = groupsIn(balancerOf(context, scope, LoadBalancerArn));
    found = found.filter(({ name }) => used.has(name));
  }
  const { items, more } = page(found, input);
  return { TargetGroups: items.map((record) => view(context, record)), ...more };
}

export function modifyTargetGroup(
  context: BalancerContext,
  { input, scope }: BalancerCall<InGroup & Partial<HealthCheck>>,
) {
  const record = groupOf(context, scope, input.TargetGroupArn);
  const changed = { ...record, health: changedHealth(record.health, input) };
  put(context, changed);
  return { TargetGroups: [view(context, changed)] };
}

function put({ balancers, health }: BalancerContext, record: TargetGroupRecord): void {
  balancers.groups.put(record);
  health.changed(record.name, record.account);
}

export function deleteTargetGroup(context: BalancerContext, { input, scope }: BalancerCall<InGroup>) {
  const record = context.balancers.groups.get(scope.account, input.TargetGroupArn);
  if (record === undefined) return {};
  if (context.balancers.list(scope).some((balancer) => groupsIn(balancer).has(record.name))) {
    throw new BalancerRefusal(
      "ResourceInUseException",
      `Target group '${record.name}' is currently in use by a listener or a rule`,
    );
  }
  context.balancers.groups.remove(record);
  context.health.changed(record.name, record.account);
  return {};
}

/** A function has to let the load balancer in before it can be registered. */
export function registerTargets(context: BalancerContext, { input, scope }: BalancerCall<InGroup & Targets>) {
  const record = groupOf(context, scope, input.TargetGroupArn);
  const [first, ...others] = new Set(input.Targets.map(({ Id }) => Id));
  if (first === undefined || others.length > 0 || (record.target !== undefined && record.target !== first)) {
    throw new BalancerRefusal(
      "TooManyTargetsException",
      "Only one Lambda function can be registered with a target group",
    );
  }
  const target = functionTarget(first, {});
  if (target === undefined || target.account !== scope.account || target.region !== scope.region) {
    throw new BalancerRefusal(
      "InvalidTargetException",
      `The target '${first}' is not a valid Lambda function ARN of this account and region`,
    );
  }
  const call = { service: "elasticloadbalancing.amazonaws.com", sourceArn: record.name, sourceAccount: record.account };
  const { functionPolicies, functions } = context.registry;
  const exists = functions.find(target, target.name) !== undefined;
  if (!exists || !functionPolicies.isAllowed(target, target.name, target.qualifier, call)) {
    throw new BalancerRefusal(
      "AccessDenied",
      `elasticloadbalancing principal does not have permission to invoke ${first} from target group ${record.name}`,
      403,
    );
  }
  put(context, { ...record, target: first });
  return {};
}

export function deregisterTargets(context: BalancerContext, { input, scope }: BalancerCall<InGroup & Targets>) {
  const record = groupOf(context, scope, input.TargetGroupArn);
  if (input.Targets.some(({ Id }) => Id === record.target)) put(context, { ...record, target: undefined });
  return {};
}

export function describeTargetHealth(
  context: BalancerContext,
  { input, scope }: BalancerCall<InGroup & Partial<Targets>>,
) {
  const { name, target, health } = groupOf(context, scope, input.TargetGroupArn);
  const asked = input.Targets?.map(({ Id }) => Id);
  if (target === undefined || (asked !== undefined && !asked.includes(target))) return { TargetHealthDescriptions: [] };
  const state = context.health.state(name);
  const shown = !health.HealthCheckEnabled
    ? {
        State: "unavailable",
        Reason: "Target.HealthCheckDisabled",
        Description: "Health checks are not enabled for this target",
      }
    : state === "initial"
      ? { State: "initial", Reason: "Elb.InitialHealthChecking", Description: "Initial health checks in progress" }
      : state === "unhealthy"
        ? { State: "unhealthy", Reason: "Target.ResponseCodeMismatch", Description: "Health checks failed" }
        : { State: "healthy" };
  return { TargetHealthDescriptions: [{ Target: { Id: target }, TargetHealth: shown }] };
}

export function describeTargetGroupAttributes(context: BalancerContext, { input, scope }: BalancerCall<InGroup>) {
  return { Attributes: pairs(groupOf(context, scope, input.TargetGroupArn).attributes) };
}

export function modifyTargetGroupAttributes(
  context: BalancerContext,
  { input, scope }: BalancerCall<InGroup & { readonly Attributes: readonly Partial<Tag>[] }>,
) {
  const record = groupOf(context, scope, input.TargetGroupArn);
  const attributes = changedAttributes(record.attributes, input.Attributes);
  context.balancers.groups.put({ ...record, attributes });
  return { Attributes: pairs(attributes) };
}
