import { randomBytes } from "node:crypto";
import type { ScalableTargetRecord } from "../../../registry/index.ts";
import { type ListingInput, listing } from "./listing.ts";
import type { ScalingContext, ScalingOperation } from "./operation.ts";
import {
  checkExists,
  described,
  invalid,
  keyOf,
  type ResourceInput,
  resourceOf,
  seconds,
  targetOf,
} from "./resource.ts";

interface RegisterInput extends ResourceInput {
  readonly MinCapacity?: number;
  readonly MaxCapacity?: number;
  readonly SuspendedState?: {
    readonly DynamicScalingInSuspended?: boolean;
    readonly DynamicScalingOutSuspended?: boolean;
    readonly ScheduledScalingSuspended?: boolean;
  };
}

/** Makes a version or an alias scalable, or changes its bounds; what lies outside of them is brought back at once. */
export const registerScalableTarget: ScalingOperation<RegisterInput> = ({ input, scope, context }) => {
  const { registry, capacity, clock } = context;
  const resource = resourceOf(input, scope);
  const old = registry.scaling.targets.get(resource.account, keyOf(resource));
  if (old === undefined) checkExists(registry, resource);
  const { min, max } = boundsOf(input, old);
  const suspended = input.SuspendedState;
  const { account, region, resourceId } = resource;
  const target: ScalableTargetRecord = {
    account,
    region,
    resourceId,
    name: keyOf(resource),
    arn: old?.arn ?? arnOf(account, region),
    created: old?.created ?? clock(),
    min,
    max,
    suspended: {
      in: suspended?.DynamicScalingInSuspended ?? old?.suspended.in ?? false,
      out: suspended?.DynamicScalingOutSuspended ?? old?.suspended.out ?? false,
      scheduled: suspended?.ScheduledScalingSuspended ?? old?.suspended.scheduled ?? false,
    },
  };
  registry.scaling.targets.put(target);
  capacity.confine(target, "");
  context.begin();
  return { ScalableTargetARN: target.arn };
};

/** With its policies and scheduled actions. What is provisioned stays. */
export const deregisterScalableTarget: ScalingOperation<ResourceInput> = ({ input, scope, context }) => {
  const target = targetOf(context.registry, resourceOf(input, scope));
  removeTarget(context, target);
  return {};
};

interface DescribeInput extends ListingInput {
  readonly ResourceIds?: readonly string[];
}

export const describeScalableTargets: ScalingOperation<DescribeInput> = ({ input, scope, context }) =>
  listing(
    "ScalableTargets",
    context.registry.scaling.targets,
    scope,
    input,
    ({ resourceId }) => input.ResourceIds === undefined || input.ResourceIds.includes(resourceId),
    ({ resourceId, min, max, account, created, suspended, arn }) => ({
      ...described(resourceId),
      MinCapacity: min,
      MaxCapacity: max,
      RoleARN: `arn:aws:iam::${account}:role/aws-service-role/lambda.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency`,
      CreationTime: seconds(created),
      SuspendedState: {
        DynamicScalingInSuspended: suspended.in,
        DynamicScalingOutSuspended: suspended.out,
        ScheduledScalingSuspended: suspended.scheduled,
      },
      ScalableTargetARN: arn,
    }),
  );

/** Forgets a target and all that belongs to it. */
export function removeTarget({ registry }: Pick<ScalingContext, "registry">, target: ScalableTargetRecord): void {
  const { account, resourceId, region } = target;
  for (const parts of [registry.scaling.policies, registry.scaling.actions, registry.scaling.activities]) {
    for (const part of parts.list(account)) {
      if (part.resourceId === resourceId && part.region === region) parts.remove(account, part.name);
    }
  }
  registry.scaling.targets.remove(account, target.name);
}

function boundsOf(input: RegisterInput, old: ScalableTargetRecord | undefined): { min: number; max: number } {
  const min = input.MinCapacity ?? old?.min;
  const max = input.MaxCapacity ?? old?.max;
  if (min === undefined || max === undefined) {
    throw invalid("Both MinCapacity and MaxCapacity must be specified for a new scalable target");
  }
  checkBounds(min, max);
  return { min, max };
}

/** Throws ValidationException. */
export function checkBounds(min: number | undefined, max: number | undefined): void {
  if ((min ?? 0) < 0 || (max ?? 0) < 0) throw invalid("MinCapacity and MaxCapacity must not be negative");
  if (min !== undefined && max !== undefined && min > max) {
    throw invalid("Maximum capacity cannot be less than minimum capacity");
  }
}

/** AWS names a target by a random suffix. */
const arnOf = (account: string, region: string): string =>
  `arn:aws:application-autoscaling:${region}:${account}:scalable-target/${randomBytes(18).toString("hex")}`;
