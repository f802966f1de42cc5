import type { Scope } from "../../../registry/index.ts";
import type { Tags } from "../../alb/records.ts";
import {
  type BalancerCall,
  type BalancerContext,
  balancerOf,
  groupOf,
  listenerOf,
  pairs,
  putListener,
  ruleOf,
  type Tag,
  tagsOf,
} from "./context.ts";

type Tagged = { readonly ResourceArns: readonly string[] };

export function describeTags(context: BalancerContext, { input, scope }: BalancerCall<Tagged>) {
  const TagDescriptions = input.ResourceArns.map((ResourceArn) => ({
    ResourceArn,
    Tags: pairs(tagged(context, scope, ResourceArn).tags),
  }));
  return { TagDescriptions };
}

export function addTags(
  context: BalancerContext,
  { input, scope }: BalancerCall<Tagged & { readonly Tags: readonly Tag[] }>,
) {
  change(context, scope, input, (tags) => ({ ...tags, ...tagsOf(input.Tags) }));
  return {};
}

export function removeTags(
  context: BalancerContext,
  { input, scope }: BalancerCall<Tagged & { readonly TagKeys: readonly string[] }>,
) {
  change(context, scope, input, (tags) =>
    Object.fromEntries(Object.entries(tags).filter(([key]) => !input.TagKeys.includes(key))),
  );
  return {};
}

/** Changes all of them or, where one is not there, none. A listener is part of its load balancer: each is read when its turn comes. */
function change(context: BalancerContext, scope: Scope, { ResourceArns }: Tagged, changed: (tags: Tags) => Tags): void {
  for (const arn of ResourceArns) tagged(context, scope, arn);
  for (const arn of ResourceArns) {
    const { tags, put } = tagged(context, scope, arn);
    put(changed(tags));
  }
}

/** Load balancers, listeners, rules and target groups have tags. Throws what those that are not there throw. */
function tagged(context: BalancerContext, scope: Scope, arn: string) {
  const { balancers } = context;
  const kind = arn.split(":")[5]?.split("/")[0];
  if (kind === "targetgroup") {
    const record = groupOf(context, scope, arn);
    return { tags: record.tags, put: (tags: Tags) => balancers.groups.put({ ...record, tags }) };
  }
  if (kind === "listener") {
    const { record, listener } = listenerOf(context, scope, arn);
    return { tags: listener.tags, put: (tags: Tags) => putListener(context, record, { ...listener, tags }) };
  }
  if (kind === "listener-rule") {
    const { record, listener, rule } = ruleOf(context, scope, arn);
    const put = (tags: Tags) => {
      const rules = listener.rules.map((one) => (one === rule ? { ...rule, tags } : one));
      putListener(context, record, { ...listener, rules });
    };
    return { tags: rule.tags, put };
  }
  const record = balancerOf(context, scope, arn);
  return { tags: record.tags, put: (tags: Tags) => balancers.put({ ...record, tags }) };
}
