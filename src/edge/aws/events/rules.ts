import type {
  DeleteRuleRequest,
  DescribeRuleRequest,
  DisableRuleRequest,
  ListRuleNamesByTargetRequest,
  ListRulesRequest,
  PutRuleRequest,
  TestEventPatternRequest,
} from "@aws-sdk/client-eventbridge";
import { defaultBus, InvalidSchedule, type RuleRecord, ruleArn, ruleSchedule } from "../../../buses/index.ts";
import { JsonError } from "../json.ts";
import {
  busOf,
  checkManaged,
  type EventsCall,
  type EventsOperation,
  given,
  invalid,
  page,
  readPattern,
  ruleOf,
  tagsOf,
} from "./context.ts";

/** Of one bus (Service Quotas). */
const most = 300;

/** Makes or changes a rule; its targets and, of one that exists, its tags stay. */
export const putRule: EventsOperation<PutRuleRequest> = async (call) => {
  const { input, scope, context } = call;
  const { bus } = busOf(call, input.EventBusName);
  const { Name: rule = "", EventPattern: pattern, ScheduleExpression: schedule } = input;
  const old = context.buses.directory.rule(scope, bus, rule);
  if (old !== undefined) checkManaged(old);
  if (pattern === undefined && !schedule) {
    throw invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.");
  }
  if (pattern !== undefined) readPattern(pattern);
  if (schedule) checkSchedule(schedule, bus);
  if (old === undefined && context.buses.directory.rules(scope, bus).length >= most) {
    throw new JsonError("LimitExceededException", "The requested resource exceeds the maximum number allowed.");
  }
  const record: RuleRecord = {
    account: scope.account,
    region: scope.region,
    name: `${scope.region} ${bus} ${rule}`,
    bus,
    rule,
    arn: ruleArn(scope, bus, rule),
    pattern,
    schedule: schedule || undefined,
    state: input.State ?? "ENABLED",
    description: input.Description,
    roleArn: input.RoleArn,
    targets: old?.targets ?? [],
    tags: old?.tags ?? tagsOf(input.Tags),
    created: old !== undefined && old.schedule === schedule ? old.created : context.clock(),
  };
  await context.buses.putRule(record);
  return { RuleArn: record.arn };
};

function checkSchedule(schedule: string, bus: string): void {
  if (bus !== defaultBus) throw invalid("ScheduleExpression is supported only on the default event bus.");
  try {
    ruleSchedule(schedule);
  } catch (error) {
    if (error instanceof InvalidSchedule) throw invalid("Parameter ScheduleExpression is not valid.");
    throw error;
  }
}

/** A rule that is not there is deleted already. */
export const deleteRule: EventsOperation<DeleteRuleRequest> = async (call) => {
  const { input, scope, context } = call;
  const { bus } = busOf(call, input.EventBusName);
  const record = context.buses.directory.rule(scope, bus, input.Name ?? "");
  if (record === undefined) return {};
  checkManaged(record, input.Force);
  if (record.targets.length > 0) throw invalid("Rule can't be deleted since it has targets.");
  await context.buses.removeRule(record);
  return {};
};

export const describeRule: EventsOperation<DescribeRuleRequest> = (call) => {
  const record = ruleOf(call, call.input.Name ?? "", call.input.EventBusName);
  return { ...view(record), CreatedBy: record.account };
};

export const enableRule: EventsOperation<DisableRuleRequest> = (call) => changeState(call, "ENABLED");
export const disableRule: EventsOperation<DisableRuleRequest> = (call) => changeState(call, "DISABLED");

async function changeState(call: EventsCall<DisableRuleRequest>, state: RuleRecord["state"]): Promise<object> {
  const record = ruleOf(call, call.input.Name ?? "", call.input.EventBusName);
  checkManaged(record);
  await call.context.buses.putRule({ ...record, state });
  return {};
}

export const listRules: EventsOperation<ListRulesRequest> = (call) => {
  const { input, scope, context } = call;
  const { bus } = busOf(call, input.EventBusName);
  const found = context.buses.directory.rules(scope, bus).filter(({ rule }) => rule.startsWith(input.NamePrefix ?? ""));
  const { items, next } = page(found, ({ rule }) => rule, input.NextToken, input.Limit);
  return { Rules: items.map(view), ...next };
};

export const listRuleNamesByTarget: EventsOperation<ListRuleNamesByTargetRequest> = (call) => {
  const { input, scope, context } = call;
  const { bus } = busOf(call, input.EventBusName);
  const found = context.buses.directory
    .rules(scope, bus)
    .filter(({ targets }) => targets.some(({ Arn }) => Arn === input.TargetArn));
  const { items, next } = page(found, ({ rule }) => rule, input.NextToken, input.Limit);
  return { RuleNames: items.map(({ rule }) => rule), ...next };
};

export const testEventPattern: EventsOperation<TestEventPatternRequest> = ({ input }) => {
  const pattern = readPattern(input.EventPattern ?? "");
  let event: unknown;
  try {
    event = JSON.parse(input.Event ?? "");
  } catch {
    throw invalid("Parameter Event is not valid. Reason: it is no JSON document.");
  }
  const wanted = ["id", "account", "source", "time", "region", "resources", "detail-type"];
  const missing =
    typeof event === "object" && event !== null ? wanted.filter((name) => !Object.hasOwn(event, name)) : wanted;
  if (missing.length > 0) throw invalid(`Parameter Event is not valid. Reason: it lacks ${missing.join(", ")}.`);
  return { Result: pattern(event) };
};

const view = (record: RuleRecord) => ({
  Name: record.rule,
  Arn: record.arn,
  State: record.state,
  EventBusName: record.bus,
  ...given({
    EventPattern: record.pattern,
    ScheduleExpression: record.schedule,
    Description: record.description,
    RoleArn: record.roleArn,
    ManagedBy: record.managedBy,
  }),
});
