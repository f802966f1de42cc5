import { randomBytes } from "node:crypto";
import type { Posting } from "../model/index.ts";
import { seconds } from "./envelope.ts";
import { type BusesNeeds, functionOf } from "./needs.ts";
import type { ScheduleRecord } from "./records.ts";

/**
 * What brings an occasion of a schedule to its target. `scheduled`: ms since the epoch; its age counts from there, also
 * where the platform was away. Source: Scheduler User Guide, "Adding context attributes", "Using templated targets".
 */
export function scheduledPosting(
  needs: Pick<BusesNeeds, "exists" | "roleAllows">,
  schedule: ScheduleRecord,
  scheduled: number,
): Posting {
  const { account, region, arn, name, target } = schedule;
  const executionId = randomBytes(8).toString("hex");
  const attributes = {
    "aws.scheduler.schedule-arn": arn,
    "aws.scheduler.scheduled-time": seconds(scheduled),
    "aws.scheduler.execution-id": executionId,
    // Retries say so, too: what lies in the queue is not written anew.
    "aws.scheduler.attempt-number": "1",
  };
  const text = filled(target.Input ?? defaultInput(schedule, scheduled, executionId), attributes);
  const letters =
    target.DeadLetterConfig?.Arn === undefined
      ? undefined
      : {
          arn: target.DeadLetterConfig.Arn,
          attributes: {
            EXECUTION_ID: executionId,
            SCHEDULE_ARN: arn,
            SCHEDULED_TIME: seconds(scheduled),
            TARGET_ARN: target.Arn,
          },
        };
  const away = {
    to: "target",
    account,
    region,
    name,
    arn: target.Arn,
    roleArn: target.RoleArn,
    since: scheduled,
    retries: target.RetryPolicy?.MaximumRetryAttempts,
    ageSeconds: target.RetryPolicy?.MaximumEventAgeInSeconds,
    letters,
    payload: Buffer.from(text),
  } as const;
  const called = calledFunction(schedule, text);
  if (called === undefined) return { ...away, parameters: parametersOf(schedule) };
  if (called !== "none" && !needs.roleAllows(target.RoleArn, "lambda:InvokeFunction", called.arn)) {
    const message = `${target.RoleArn} is not authorized to perform: lambda:InvokeFunction on resource: ${called.arn}`;
    return { ...away, refused: { code: "AccessDeniedException", message } };
  }
  if (called !== "none" && needs.exists(called.fn)) {
    return { to: "function", ...called.fn, invokedArn: called.arn, payload: Buffer.from(called.payload) };
  }
  return { ...away, refused: { code: "ResourceNotFoundException", message: "Function not found" } };
}

/** What a target gets of a schedule without Input. */
function defaultInput({ account, region, arn }: ScheduleRecord, scheduled: number, id: string): string {
  return JSON.stringify({
    version: "0",
    id,
    "detail-type": "Scheduled Event",
    source: "aws.scheduler",
    account,
    time: seconds(scheduled),
    region,
    resources: [arn],
    detail: "{}",
  });
}

function filled(text: string, attributes: Readonly<Record<string, string>>): string {
  return text.replaceAll(/<(aws\.scheduler\.[a-z-]+)>/g, (whole, name: string) =>
    Object.hasOwn(attributes, name) ? attributes[name]! : whole,
  );
}

/** `lambda:invoke` as a universal target, or a function's ARN. Undefined: no function is meant; `none`: there is none. */
function calledFunction(schedule: ScheduleRecord, text: string) {
  const { Arn: arn } = schedule.target;
  const fn = functionOf(arn);
  if (fn !== undefined) return { fn, arn, payload: text };
  if (!arn.endsWith(":aws-sdk:lambda:invoke")) return undefined;
  const { FunctionName: given = "", Payload, Qualifier } = JSON.parse(text) as Readonly<Record<string, string>>;
  const named = functionArn(schedule, given, Qualifier);
  const found = functionOf(named);
  if (found === undefined) return "none";
  // The API takes the payload as text; who wrote a document means that document.
  const payload = typeof Payload === "string" ? Payload : JSON.stringify(Payload ?? {});
  return { fn: found, arn: named, payload: isJson(payload) ? payload : JSON.stringify(payload) };
}

function functionArn({ account, region }: ScheduleRecord, given: string, qualifier: string | undefined): string {
  const [, owner = account, name = given] = /^(?:(\d{12}):)?function:(.+)$/.exec(given) ?? [];
  const base = given.startsWith("arn:") ? given : `arn:aws:lambda:${region}:${owner}:function:${name}`;
  return qualifier === undefined ? base : `${base}:${qualifier}`;
}

function parametersOf({ target }: ScheduleRecord): Record<string, string> {
  const { SqsParameters, KinesisParameters, EventBridgeParameters } = target;
  return {
    ...(SqsParameters?.MessageGroupId === undefined ? {} : { MessageGroupId: SqsParameters.MessageGroupId }),
    ...(KinesisParameters === undefined ? {} : { PartitionKey: KinesisParameters.PartitionKey }),
    ...(EventBridgeParameters === undefined
      ? {}
      : { Source: EventBridgeParameters.Source, DetailType: EventBridgeParameters.DetailType }),
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
