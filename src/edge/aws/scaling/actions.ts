import { InvalidSchedule, parseSchedule } from "../../../capacity/index.ts";
import type { ScheduledActionRecord } from "../../../registry/index.ts";
import { type ListingInput, listing } from "./listing.ts";
import type { ScalingOperation } from "./operation.ts";
import { type PartKind, partOf, removePart } from "./parts.ts";
import { described, invalid, type ResourceInput, seconds } from "./resource.ts";
import { checkBounds } from "./targets.ts";

const kind: PartKind = {
  arn: "scheduledAction",
  nameInArn: "scheduledActionName",
  words: "scheduled action",
  nameInWords: "scheduled action name",
};

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
export const putScheduledAction: ScalingOperation<PutInput> = (call) => {
  const { input, context } = call;
  const { actions } = context.registry.scaling;
  const { old, head } = partOf(kind, actions, call, input.ScheduledActionName);
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
  actions.put({
    ...head,
    ran: context.clock(),
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
  removePart(kind, call.context.registry.scaling.actions, call, call.input.ScheduledActionName);
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
