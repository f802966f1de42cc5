import { randomUUID } from "node:crypto";
import type { ScalingPolicyRecord } from "../../../registry/index.ts";
import { JsonError } from "../json.ts";
import { type ListingInput, listing } from "./listing.ts";
import type { ScalingOperation } from "./operation.ts";
import { described, invalid, keyOf, type ResourceInput, resourceOf, seconds, targetOf } from "./resource.ts";

interface PutInput extends ResourceInput {
  readonly PolicyName: string;
  readonly PolicyType?: string;
  readonly TargetTrackingScalingPolicyConfiguration?: ScalingPolicyRecord["configuration"] & {
    readonly PredefinedMetricSpecification?: { readonly PredefinedMetricType: string };
  };
}

/** Makes or replaces a target tracking policy. Thaw has no alarms, so none are named. */
export const putScalingPolicy: ScalingOperation<PutInput> = ({ input, scope, context }) => {
  const { registry, clock } = context;
  const resource = resourceOf(input, scope);
  targetOf(registry, resource);
  const configuration = configurationOf(input);
  const name = keyOf(resource, input.PolicyName);
  const old = registry.scaling.policies.get(resource.account, name);
  const { account, region, resourceId } = resource;
  const policy: ScalingPolicyRecord = {
    account,
    region,
    resourceId,
    name,
    arn:
      old?.arn ??
      `arn:aws:autoscaling:${region}:${account}:scalingPolicy:${randomUUID()}:resource/lambda/${resourceId}:policyName/${input.PolicyName}`,
    created: old?.created ?? clock(),
    policyName: input.PolicyName,
    configuration,
  };
  registry.scaling.policies.put(policy);
  return { PolicyARN: policy.arn, Alarms: [] };
};

interface DescribeInput extends ListingInput {
  readonly PolicyNames?: readonly string[];
}

export const describeScalingPolicies: ScalingOperation<DescribeInput> = ({ input, scope, context }) =>
  listing(
    "ScalingPolicies",
    context.registry.scaling.policies,
    scope,
    input,
    ({ policyName }) => input.PolicyNames === undefined || input.PolicyNames.includes(policyName),
    ({ arn, policyName, resourceId, configuration, created }) => ({
      PolicyARN: arn,
      PolicyName: policyName,
      ...described(resourceId),
      PolicyType: "TargetTrackingScaling",
      TargetTrackingScalingPolicyConfiguration: configuration,
      Alarms: [],
      CreationTime: seconds(created),
    }),
  );

export const deleteScalingPolicy: ScalingOperation<ResourceInput & { readonly PolicyName: string }> = (call) => {
  const { input, scope, context } = call;
  const resource = resourceOf(input, scope);
  const name = keyOf(resource, input.PolicyName);
  if (context.registry.scaling.policies.get(resource.account, name) === undefined) {
    throw new JsonError(
      "ObjectNotFoundException",
      `No scaling policy found for service namespace: lambda, resource ID: ${resource.resourceId}, scalable dimension: ${input.ScalableDimension}, policy name: ${input.PolicyName}`,
    );
  }
  context.registry.scaling.policies.remove(resource.account, name);
  return {};
};

/** Source of the bounds: Lambda Developer Guide, "Managing provisioned concurrency with Application Auto Scaling". */
function configurationOf(input: PutInput): ScalingPolicyRecord["configuration"] {
  const type = input.PolicyType ?? "TargetTrackingScaling";
  const configuration = input.TargetTrackingScalingPolicyConfiguration;
  if (type !== "TargetTrackingScaling" || configuration === undefined) {
    throw invalid("Thaw scales by policies of the type TargetTrackingScaling with their configuration");
  }
  const metric = configuration.PredefinedMetricSpecification?.PredefinedMetricType;
  if (metric !== "LambdaProvisionedConcurrencyUtilization") {
    throw invalid("Thaw tracks the predefined metric LambdaProvisionedConcurrencyUtilization only");
  }
  const { TargetValue, ScaleInCooldown = 0, ScaleOutCooldown = 0 } = configuration;
  if (!(TargetValue >= 0.1 && TargetValue <= 0.9)) {
    throw invalid(
      `TargetValue of LambdaProvisionedConcurrencyUtilization must be between 0.1 and 0.9, not ${TargetValue}`,
    );
  }
  if (ScaleInCooldown < 0 || ScaleOutCooldown < 0) throw invalid("Cooldowns must not be negative");
  return configuration;
}
