import type { ScalingPolicyRecord } from "../../../registry/index.ts";
import { type ListingInput, listing } from "./listing.ts";
import type { ScalingOperation } from "./operation.ts";
import { type PartKind, partOf, removePart } from "./parts.ts";
import { described, invalid, type ResourceInput, seconds } from "./resource.ts";

const kind: PartKind = {
  arn: "scalingPolicy",
  nameInArn: "policyName",
  words: "scaling policy",
  nameInWords: "policy name",
};

interface PutInput extends ResourceInput {
  readonly PolicyName: string;
  readonly PolicyType?: string;
  readonly TargetTrackingScalingPolicyConfiguration?: ScalingPolicyRecord["configuration"] & {
    readonly PredefinedMetricSpecification?: { readonly PredefinedMetricType: string };
  };
}

/** Makes or replaces a target tracking policy. Thaw has no alarms, so none are named. */
export const putScalingPolicy: ScalingOperation<PutInput> = (call) => {
  const { input, context } = call;
  const { policies } = context.registry.scaling;
  const { head } = partOf(kind, policies, call, input.PolicyName);
  policies.put({ ...head, policyName: input.PolicyName, configuration: configurationOf(input) });
  return { PolicyARN: head.arn, Alarms: [] };
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
  removePart(kind, call.context.registry.scaling.policies, call, call.input.PolicyName);
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
