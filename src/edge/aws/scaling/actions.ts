import { randomUUID } from "node:crypto";
import { InvalidSchedule, parseSchedule } from "../../../capacity/index.ts";
import type { ScheduledActionRecord } from "../../../registry/index.ts";
import { JsonError } from "../json.ts";
import { type ListingInput, listing } from "./listing.ts";
import type { ScalingOperation } from "./operation.ts";
import { described, invalid, keyOf, type ResourceInput, resourceOf, seconds, targetOf } from "./resource.ts";
import { checkBounds } from "./targets.ts";

interface PutInput extends ResourceInput {
  readonly ScheduledActionName: string;
  readonly Schedule?: string;
  readonly Timezone?: string;
  /** seconds since the epoch */
  readonly StartTime?: number;
  readonly EndTime?: number;
  readonly ScalableTargetAction?: { readonly MinCapacity?: number; readonly MaxCapacity?: number };
}

/** Makes or changes a scheduled action. Of one that exists, what is left out stays, but for its start and end (as at AWS). */
export const putScheduledAction: ScalingOperation<PutInput> = ({ input, scope, context }) => {
  const { registry, clock } = context;
  const resource = resourceOf(input, scope);
  targetOf(registry, resource);
  const name = keyOf(resource, input.ScheduledActionName);
  const old = registry.scaling.actions.get(resource.account, name);
  const schedule = input.Schedule ?? old?.schedule;
  if (schedule === undefined) throw invalid("Schedule must be specified for a new scheduled action");
  const timezone = input.Timezone ?? old?.timezone;
  checkSchedule(schedule, timezone);
  const { MinCapacity: min, MaxCapacity: max } = input.ScalableTargetAction ?? {};
  if (min === undefined && max === undefined && old === undefined) {
    throw invalid("At least one of MinCapacity and MaxCapacity must be specified in ScalableTargetAction");
  }
  checkBounds(min, max);
  if (input.StartTime !== undefined && input.EndTime !== undefined && input.StartTime >= input.EndTime) {
    throw invalid("StartTime must be before EndTime");
  }
  const now = clock();
  const { account, region, resourceId } = resource;
  registry.scaling.actions.put({
    account,
    region,
    resourceId,
    name,
    arn:
      old?.arn ??
      `arn:aws:autoscaling:${region}:${account}:scheduledAction:${randomUUID()}:resource/lambda/${resourceId}:scheduledActionName/${input.ScheduledActionName}`,
    created: old?.created ?? now,
    ran: now,
    actionName: input.ScheduledActionName,
    schedule,
    ...given("timezone", timezone),
    ...given("start", milliseconds(input.StartTime)),
    ...given("end", milliseconds(input.EndTime)),
    ...(input.ScalableTargetAction === undefined ? { ...given("min", old?.min), ...given("max", old?.max) } : {}),
    ...given("min", min),
    ...given("max", max),
  } satisfies ScheduledActionRecord);
  context.begin();
  return {};
};

interface DescribeInput extends ListingInput {
  readonly ScheduledActionNames?: readonly string[];
}

export const describeScheduledActions: ScalingOperation<DescribeInput> = ({ input, scope, context }) =>
  listing(
    "ScheduledActions",
    context.registry.scaling.actions,
    scope,
    input,
    ({ actionName }) => input.ScheduledActionNames === undefined || input.ScheduledActionNames.includes(actionName),
    (action) => ({
      ScheduledActionName: action.actionName,
      ScheduledActionARN: action.arn,
      ...described(action.resourceId),
      Schedule: action.schedule,
      ...given("Timezone", action.timezone),
      ...given("StartTime", action.start === undefined ? undefined : seconds(action.start)),
      ...given("EndTime", action.end === undefined ? undefined : seconds(action.end)),
      ScalableTargetAction: { ...given("MinCapacity", action.min), ...given("MaxCapacity", action.max) },
      CreationTime: seconds(action.created),
    }),
  );

export const deleteScheduledAction: ScalingOperation<ResourceInput & { readonly ScheduledActionName: string }> = (
  call,
) => {
  const { input, scope, context } = call;
  const resource = resourceOf(input, scope);
  const name = keyOf(resource, input.ScheduledActionName);
  if (context.registry.scaling.actions.get(resource.account, name) === undefined) {
    throw new JsonError(
      "ObjectNotFoundException",
      `No scheduled action found for service namespace: lambda, resource ID: ${resource.resourceId}, scalable dimension: ${input.ScalableDimension}, scheduled action name: ${input.ScheduledActionName}`,
    );
  }
  context.registry.scaling.actions.remove(resource.account, name);
  return {};
};

function checkSchedule(schedule: string, timezone: string | undefined): void {
  try {
    parseSchedule(schedule, timezone);
  } catch (error) {
    if (error instanceof InvalidSchedule) throw invalid(`Invalid schedule expression: ${error.message}`);
    throw error;
  }
}

const milliseconds = (at: number | undefined): number | undefined => (at === undefined ? undefined : at * 1000);

/** `{ [name]: value }`, or nothing for undefined. */
function given<Name extends string, T>(name: Name, value: T | undefined): { [key in Name]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { [key in Name]: T });
}
