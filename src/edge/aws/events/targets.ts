import type { ListTargetsByRuleRequest, PutTargetsRequest, RemoveTargetsRequest } from "@aws-sdk/client-eventbridge";
import { checkInput, InvalidInput, isTarget, type RuleTarget } from "../../../buses/index.ts";
import { checkPassRole } from "../../auth/index.ts";
import { JsonError } from "../json.ts";
import { checkManaged, type EventsOperation, invalid, page, ruleOf } from "./context.ts";

/** Of one rule (Service Quotas). */
const most = 5;

interface Failed {
  readonly TargetId: string;
  readonly ErrorCode: string;
  readonly ErrorMessage: string;
}

/** Adds targets, or replaces those of the same id. What is wrong with one is told about that one. */
export const putTargets: EventsOperation<PutTargetsRequest> = async (call) => {
  const { input, context } = call;
  const record = ruleOf(call, input.Rule ?? "", input.EventBusName);
  checkManaged(record);
  const given = (input.Targets ?? []) as readonly RuleTarget[];
  const targets = new Map(record.targets.map((target) => [target.Id, target]));
  const failed: Failed[] = [];
  for (const target of given) {
    check(target);
    if (target.RoleArn !== undefined) checkPassRole(call.exchange.caller, target.RoleArn, "events.amazonaws.com");
    if (isTarget(target.Arn)) targets.set(target.Id, target);
    else failed.push(notHere(target));
  }
  if (targets.size > most) {
    throw new JsonError("LimitExceededException", "The requested resource exceeds the maximum number allowed.");
  }
  if (failed.length < given.length) await context.buses.putRule({ ...record, targets: [...targets.values()] });
  return { FailedEntryCount: failed.length, FailedEntries: failed };
};

/** Throws ValidationException. */
function check(target: RuleTarget): void {
  const { Id, Arn, SqsParameters, KinesisParameters } = target;
  if (!/^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+/.test(Arn)) {
    throw invalid(`Parameter ${Arn} is not valid. Reason: Provided Arn is not in correct format.`);
  }
  if (Arn.split(":")[2] === "sqs" && Arn.endsWith(".fifo") && SqsParameters?.MessageGroupId === undefined) {
    throw invalid(`Parameter(s) SqsParameters must be specified for target: ${Id}.`);
  }
  try {
    checkInput(target, Id);
    if (KinesisParameters !== undefined) checkInput({ InputPath: KinesisParameters.PartitionKeyPath }, Id);
  } catch (error) {
    if (error instanceof InvalidInput) throw invalid(error.message);
    throw error;
  }
}

const notHere = ({ Id, Arn }: RuleTarget): Failed => ({
  TargetId: Id,
  ErrorCode: "NotImplementedException",
  ErrorMessage: `Thaw sends no events to ${Arn.split(":")[2]} yet: functions, queues, topics, event buses, log groups, streams and state machines can be targets`,
});

export const removeTargets: EventsOperation<RemoveTargetsRequest> = async (call) => {
  const { input, context } = call;
  const record = ruleOf(call, input.Rule ?? "", input.EventBusName);
  checkManaged(record, input.Force);
  const ids = new Set(input.Ids ?? []);
  const left = record.targets.filter(({ Id }) => !ids.has(Id));
  const known = new Set(record.targets.map(({ Id }) => Id));
  if (left.length < record.targets.length) await context.buses.putRule({ ...record, targets: left });
  const failed = [...ids]
    .filter((id) => !known.has(id))
    .map(
      (id): Failed => ({
        TargetId: id,
        ErrorCode: "ResourceNotFoundException",
        ErrorMessage: `Rule ${record.rule} does not have a target with the Id ${id}.`,
      }),
    );
  return { FailedEntryCount: failed.length, FailedEntries: failed };
};

export const listTargetsByRule: EventsOperation<ListTargetsByRuleRequest> = (call) => {
  const record = ruleOf(call, call.input.Rule ?? "", call.input.EventBusName);
  const sorted = [...record.targets].sort((one, other) => (one.Id < other.Id ? -1 : 1));
  const { items, next } = page(sorted, ({ Id }) => Id, call.input.NextToken, call.input.Limit);
  return { Targets: items, ...next };
};
