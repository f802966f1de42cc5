import { defaultGroup, type ScheduleRecord, type ScheduleTarget, scheduleArn } from "../../../buses/index.ts";
import { checkPassRole } from "../../auth/index.ts";
import { checkSchedule } from "./check.ts";
import {
  conflict,
  decodeToken,
  groupOf,
  invalid,
  notFound,
  type SchedulerCall,
  type SchedulerOperation,
  tokenOf,
} from "./context.ts";

/** CreateScheduleInput and UpdateScheduleInput; times are seconds since the epoch. */
interface PutInput {
  readonly Name: string;
  readonly GroupName?: string;
  readonly ScheduleExpression: string;
  readonly StartDate?: number;
  readonly EndDate?: number;
  readonly Description?: string;
  readonly ScheduleExpressionTimezone?: string;
  readonly State?: "ENABLED" | "DISABLED";
  readonly KmsKeyArn?: string;
  readonly Target: ScheduleTarget;
  readonly FlexibleTimeWindow: { readonly Mode: "OFF" | "FLEXIBLE"; readonly MaximumWindowInMinutes?: number };
  readonly ActionAfterCompletion?: "NONE" | "DELETE";
}

interface NameInput {
  readonly Name: string;
  readonly GroupName?: string;
}

export const createSchedule: SchedulerOperation<PutInput> = async (call) => {
  const { GroupName: group = defaultGroup } = call.input;
  groupOf(call, group);
  if (find(call) !== undefined) throw conflict(`Schedule ${call.input.Name} already exists.`);
  return put(call, call.context.clock());
};

/** Replaces the whole schedule: what is left out is as if it had never been given (API Reference, UpdateSchedule). */
export const updateSchedule: SchedulerOperation<PutInput> = async (call) => {
  groupOf(call, call.input.GroupName ?? defaultGroup);
  const old = find(call);
  if (old === undefined) throw notFound(`Schedule ${call.input.Name} does not exist.`);
  return put(call, old.created);
};

async function put(call: SchedulerCall<PutInput>, created: number): Promise<object> {
  const { input, scope, context } = call;
  const { Name: name, GroupName: group = defaultGroup, FlexibleTimeWindow: window } = input;
  const flexible = window.Mode === "FLEXIBLE";
  if (flexible !== (window.MaximumWindowInMinutes !== undefined)) {
    throw invalid(
      flexible
        ? "A MaximumWindowInMinutes is required for flexible time windows."
        : "MaximumWindowInMinutes can be specified for flexible time windows only.",
    );
  }
  const schedule: ScheduleRecord = {
    account: scope.account,
    region: scope.region,
    group,
    name,
    arn: scheduleArn(scope, group, name),
    expression: input.ScheduleExpression,
    timezone: input.ScheduleExpressionTimezone ?? "UTC",
    start: milliseconds(input.StartDate),
    end: milliseconds(input.EndDate),
    description: input.Description,
    state: input.State ?? "ENABLED",
    kmsKeyArn: input.KmsKeyArn,
    windowMinutes: window.MaximumWindowInMinutes ?? 0,
    afterCompletion: input.ActionAfterCompletion ?? "NONE",
    target: input.Target,
    created,
    modified: context.clock(),
  };
  checkPassRole(call.caller, schedule.target.RoleArn, "scheduler.amazonaws.com");
  checkSchedule(context, schedule, input, call.caller);
  await context.buses.schedules.put(schedule);
  return { ScheduleArn: schedule.arn };
}

export const getSchedule: SchedulerOperation<NameInput> = (call) => {
  const found = find(call);
  if (found === undefined) throw notFound(`Schedule ${call.input.Name} does not exist.`);
  return view(found);
};

export const deleteSchedule: SchedulerOperation<NameInput> = async (call) => {
  const { input, scope, context } = call;
  const { Name: name, GroupName: group = defaultGroup } = input;
  const removed = await context.buses.schedules.remove({ ...scope, group, name });
  if (!removed) throw notFound(`Schedule ${name} does not exist.`);
  return {};
};

interface ListInput {
  readonly GroupName?: string;
  readonly NamePrefix?: string;
  readonly State?: string;
  readonly NextToken?: string;
  readonly MaxResults?: number;
}

export const listSchedules: SchedulerOperation<ListInput> = ({ input, scope, context }) => {
  const { GroupName: group, NamePrefix: prefix = "", State: state, MaxResults: limit = 100 } = input;
  const [afterGroup = "", afterName = ""] = decodeToken(input.NextToken) ?? [];
  const after = input.NextToken === undefined ? undefined : ([afterGroup, afterName] as const);
  const found = context.buses.schedules.list(scope, { group, prefix, state, after, limit: limit + 1 });
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  return {
    Schedules: shown.map((schedule) => ({
      Arn: schedule.arn,
      Name: schedule.name,
      GroupName: schedule.group,
      State: schedule.state,
      CreationDate: schedule.created / 1000,
      LastModificationDate: schedule.modified / 1000,
      Target: { Arn: schedule.target.Arn },
    })),
    ...(found.length > limit && last !== undefined ? { NextToken: tokenOf(last.group, last.name) } : {}),
  };
};

const find = ({ input, scope, context }: SchedulerCall<NameInput>): ScheduleRecord | undefined =>
  context.buses.schedules.get({ ...scope, group: input.GroupName ?? defaultGroup, name: input.Name });

const milliseconds = (seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : seconds * 1000;

/** As the Scheduler shows it, with its defaults where nothing was given. */
function view(schedule: ScheduleRecord): object {
  const { windowMinutes, start, end, description, kmsKeyArn, target } = schedule;
  const { MaximumEventAgeInSeconds = 86_400, MaximumRetryAttempts = 185 } = target.RetryPolicy ?? {};
  return {
    Arn: schedule.arn,
    GroupName: schedule.group,
    Name: schedule.name,
    ScheduleExpression: schedule.expression,
    ScheduleExpressionTimezone: schedule.timezone,
    State: schedule.state,
    ActionAfterCompletion: schedule.afterCompletion,
    CreationDate: schedule.created / 1000,
    LastModificationDate: schedule.modified / 1000,
    Target: { ...target, RetryPolicy: { MaximumEventAgeInSeconds, MaximumRetryAttempts } },
    FlexibleTimeWindow:
      windowMinutes === 0 ? { Mode: "OFF" } : { Mode: "FLEXIBLE", MaximumWindowInMinutes: windowMinutes },
    ...(start === undefined ? {} : { StartDate: start / 1000 }),
    ...(end === undefined ? {} : { EndDate: end / 1000 }),
    ...(description === undefined ? {} : { Description: description }),
    ...(kmsKeyArn === undefined ? {} : { KmsKeyArn: kmsKeyArn }),
  };
}
