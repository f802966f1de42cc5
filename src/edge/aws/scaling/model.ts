import type { ServiceModel, Shape } from "../../lambda-api/model.ts";

/**
 * What Application Auto Scaling's requests may hold, as its public service model of 2016-02-06 has it, without what is
 * about other services than Lambda and other policies than target tracking.
 */
const text = (max: number, more: Partial<Shape> = {}): Shape => ({ type: "string", min: 1, max, ...more });
const choice = (...values: string[]): Shape => ({ type: "string", enum: values });
const structure = (members: Readonly<Record<string, string>>, ...required: string[]): Shape => ({
  type: "structure",
  members: Object.fromEntries(Object.entries(members).map(([name, shape]) => [name, { shape }])),
  required,
});

/** The three that name what is scaled. */
const resource = { ServiceNamespace: "ServiceNamespace", ResourceId: "Text", ScalableDimension: "ScalableDimension" };
const named = Object.keys(resource);
const page = { MaxResults: "MaxResults", NextToken: "AnyText" };

const shapes: Readonly<Record<string, Shape>> = {
  AnyText: { type: "string" },
  Text: text(1600),
  Texts: { type: "list", member: { shape: "Text" }, max: 50 },
  Integer: { type: "integer" },
  Double: { type: "double" },
  Boolean: { type: "boolean" },
  Timestamp: { type: "timestamp" },
  MaxResults: { type: "integer", min: 1, max: 50 },
  ServiceNamespace: choice(
    ..."ecs elasticmapreduce ec2 appstream dynamodb rds sagemaker custom-resource comprehend lambda cassandra kafka elasticache neptune workspaces".split(
      " ",
    ),
  ),
  // Those of the other services are refused by the operations, in words of our own.
  ScalableDimension: { type: "string" },
  PolicyType: choice("StepScaling", "TargetTrackingScaling", "PredictiveScaling"),
  PolicyName: text(256, { pattern: "[^\\p{Cc}]+" }),
  // No control characters, none of :/| and no space at either end: AWS's pattern, put so that it takes linear time.
  ScheduledActionName: text(256, {
    pattern:
      "[^\\u0000-\\u001f\\u007f-\\u009f:/| ](?:[^\\u0000-\\u001f\\u007f-\\u009f:/|]*[^\\u0000-\\u001f\\u007f-\\u009f:/| ])?",
  }),
  TagMap: { type: "map", key: { shape: "TagKey" }, value: { shape: "TagValue" } },
  TagKey: text(128),
  TagValue: { type: "string", max: 256 },
  SuspendedState: structure({
    DynamicScalingInSuspended: "Boolean",
    DynamicScalingOutSuspended: "Boolean",
    ScheduledScalingSuspended: "Boolean",
  }),
  PredefinedMetricSpecification: structure(
    { PredefinedMetricType: "AnyText", ResourceLabel: "ResourceLabel" },
    "PredefinedMetricType",
  ),
  ResourceLabel: text(1023),
  CustomizedMetricSpecification: structure({ MetricName: "AnyText", Namespace: "AnyText" }),
  TargetTracking: structure(
    {
      TargetValue: "Double",
      PredefinedMetricSpecification: "PredefinedMetricSpecification",
      CustomizedMetricSpecification: "CustomizedMetricSpecification",
      ScaleOutCooldown: "Integer",
      ScaleInCooldown: "Integer",
      DisableScaleIn: "Boolean",
    },
    "TargetValue",
  ),
  ScalableTargetAction: structure({ MinCapacity: "Integer", MaxCapacity: "Integer" }),

  RegisterScalableTargetRequest: structure(
    {
      ...resource,
      MinCapacity: "Integer",
      MaxCapacity: "Integer",
      RoleARN: "Text",
      SuspendedState: "SuspendedState",
      Tags: "TagMap",
    },
    ...named,
  ),
  DeregisterScalableTargetRequest: structure(resource, ...named),
  DescribeScalableTargetsRequest: structure(
    { ServiceNamespace: "ServiceNamespace", ResourceIds: "Texts", ScalableDimension: "ScalableDimension", ...page },
    "ServiceNamespace",
  ),
  PutScalingPolicyRequest: structure(
    {
      ...resource,
      PolicyName: "PolicyName",
      PolicyType: "PolicyType",
      TargetTrackingScalingPolicyConfiguration: "TargetTracking",
    },
    "PolicyName",
    ...named,
  ),
  DescribeScalingPoliciesRequest: structure({ ...resource, PolicyNames: "Texts", ...page }, "ServiceNamespace"),
  DeleteScalingPolicyRequest: structure({ ...resource, PolicyName: "Text" }, "PolicyName", ...named),
  PutScheduledActionRequest: structure(
    {
      ...resource,
      ScheduledActionName: "ScheduledActionName",
      Schedule: "Text",
      Timezone: "Text",
      StartTime: "Timestamp",
      EndTime: "Timestamp",
      ScalableTargetAction: "ScalableTargetAction",
    },
    "ScheduledActionName",
    ...named,
  ),
  DescribeScheduledActionsRequest: structure(
    { ...resource, ScheduledActionNames: "Texts", ...page },
    "ServiceNamespace",
  ),
  DeleteScheduledActionRequest: structure(
    { ...resource, ScheduledActionName: "Text" },
    "ScheduledActionName",
    ...named,
  ),
  DescribeScalingActivitiesRequest: structure(
    { ...resource, IncludeNotScaledActivities: "Boolean", ...page },
    "ServiceNamespace",
  ),
};

export const scalingModel: Pick<ServiceModel, "shapes"> = { shapes };
