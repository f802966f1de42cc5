import { InvalidSchedule, nextDue, type ScheduleRecord, type ScheduleTarget } from "../../../buses/index.ts";
import { evaluate, parsePolicy, serviceIdentity } from "../../../policy/index.ts";
import type { Caller } from "../../caller.ts";
import { invalid, type SchedulerContext } from "./context.ts";

const service = "scheduler.amazonaws.com";
/** A request takes its time, and clocks differ (API Reference, CreateSchedule: StartDate). */
const lateStartMs = 5 * 60_000;
/** Of templated targets that can be sent to; the payload of the first ones must be JSON. */
const documents = new Set(["lambda", "events", "states"]);
const texts = new Set(["sqs", "sns", "kinesis", "firehose"]);

/** Throws ValidationException, in the Scheduler's words as far as they are known. */
export function checkSchedule(
  context: SchedulerContext,
  schedule: ScheduleRecord,
  given: { StartDate?: unknown },
  caller: Caller | undefined,
): void {
  checkExpression(schedule);
  const { start, end } = schedule;
  const now = context.clock();
  if (given.StartDate !== undefined && start !== undefined && start < now - lateStartMs) {
    throw invalid("The StartDate you specify cannot be earlier than 5 minutes ago.");
  }
  if (end !== undefined && end <= (start ?? now)) {
    throw invalid("The EndDate you specify must come after the StartDate and the current time.");
  }
  checkTarget(context, schedule.target, caller);
}

function checkExpression(schedule: ScheduleRecord): void {
  const { expression, timezone } = schedule;
  try {
    nextDue(schedule);
  } catch (error) {
    if (!(error instanceof InvalidSchedule)) throw error;
    if (/is not a time zone$/.test(error.message)) {
      throw invalid(`The timezone specified is not valid: ${timezone}`);
    }
    throw invalid(`Invalid Schedule Expression ${expression}.`);
  }
}

function checkTarget(context: SchedulerContext, target: ScheduleTarget, caller: Caller | undefined): void {
  const { Arn, RoleArn, Input, SqsParameters, KinesisParameters, EventBridgeParameters } = target;
  const [, , kind = "", , , ...rest] = Arn.split(":");
  if (!Arn.startsWith("arn:")) throw invalid(`Provided Arn is not in correct format. Target Arn: ${Arn}`);
  checkRole(context, RoleArn, caller);
  if (kind === "scheduler") {
    checkUniversal(context, rest, Input);
    return;
  }
  if (!documents.has(kind) && !texts.has(kind)) {
    throw invalid(`Thaw has no schedules for targets of ${kind} yet: ${Arn}`);
  }
  if (documents.has(kind) && Input !== undefined && !isJson(Input)) {
    throw invalid(`Invalid RequestJson provided. Reason The Input of ${Arn} must be well-formed JSON.`);
  }
  const fifo = kind === "sqs" && Arn.endsWith(".fifo");
  if (fifo !== (SqsParameters?.MessageGroupId !== undefined)) {
    throw invalid(
      fifo ? "MessageGroupId is required for FIFO queues." : "SqsParameters is only supported for FIFO queues.",
    );
  }
  if (kind === "kinesis" && KinesisParameters === undefined)
    throw invalid("KinesisParameters is required for Kinesis.");
  if (kind === "events" && EventBridgeParameters === undefined) {
    throw invalid("EventBridgeParameters is required for EventBridge event buses.");
  }
}

function checkUniversal(
  context: SchedulerContext,
  [, name = "", action = ""]: readonly string[],
  input?: string,
): void {
  if (!context.buses.callable(name, action)) {
    throw invalid(
      `Thaw has no universal target ${name}:${action} yet; use lambda:invoke, sqs, sns, eventbridge or another service that speaks JSON.`,
    );
  }
  if (input === undefined || !isJson(input)) throw invalid("Invalid RequestJson provided.");
}

/** A role that nobody has made is taken as it is, unless permissions are checked. */
function checkRole({ roles }: SchedulerContext, arn: string, caller: Caller | undefined): void {
  const [, account = "", name = ""] = /^arn:aws[a-zA-Z-]*:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(arn) ?? [];
  const role = roles.get(account, name);
  if (role === undefined && caller?.permissions === undefined) return;
  try {
    const { statements } = parsePolicy(role?.assumeRolePolicy ?? "", "trust");
    const asked = { principal: serviceIdentity(service), action: "sts:AssumeRole", resource: arn };
    if (evaluate(statements, asked).decision === "allow") return;
  } catch {
    // There is none, or it was written before documents were checked.
  }
  throw invalid("The execution role you provide must allow AWS EventBridge Scheduler to assume the role.");
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
