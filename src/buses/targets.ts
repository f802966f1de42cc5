import type { Posting } from "../model/index.ts";
import type { BusEvent } from "./envelope.ts";
import { InputFailure, inputOf } from "./input.ts";
import { compilePath } from "./json-path.ts";
import { type BusesNeeds, functionOf } from "./needs.ts";
import type { RuleRecord, RuleTarget } from "./records.ts";

type Needs = Pick<BusesNeeds, "mayRun" | "maySend">;

/** Services whose resources a rule may send events to; another bus is one of them. */
const services: ReadonlySet<string> = new Set([
  "lambda",
  "sqs",
  "sns",
  "events",
  "logs",
  "kinesis",
  "firehose",
  "states",
]);

export const isTarget = (arn: string): boolean => services.has(arn.split(":")[2] ?? "");

/** The bus that a target is; undefined: it is none. */
export function busOf(arn: string) {
  const [, region = "", account = "", bus = ""] = /^arn:[^:]+:events:([^:]+):(\d{12}):event-bus\/(.+)$/.exec(arn) ?? [];
  return bus === "" ? undefined : { account, region, bus };
}

/** What brings an event to one target of a rule that it has met; not for buses. `now`: ms since the epoch, when it came in. */
export function postingFor(needs: Needs, rule: RuleRecord, target: RuleTarget, event: BusEvent, now: number): Posting {
  const { account, region } = rule;
  const occasion = { ruleArn: rule.arn, ruleName: rule.rule, ingested: new Date(now).toISOString() };
  const away = {
    to: "target",
    account,
    region,
    name: rule.rule,
    arn: target.Arn,
    roleArn: target.RoleArn,
    since: now,
    retries: target.RetryPolicy?.MaximumRetryAttempts,
    ageSeconds: target.RetryPolicy?.MaximumEventAgeInSeconds,
    letters: lettersOf(rule, target),
  } as const;
  let payload: Buffer;
  try {
    payload = Buffer.from(inputOf(target, event.document, event.text, occasion));
  } catch (error) {
    if (!(error instanceof InputFailure)) throw error;
    const refused = { code: "INVALID_JSON", message: error.message };
    return { ...away, payload: Buffer.from(event.text), refused };
  }
  const fn = functionOf(target.Arn);
  if (fn === undefined) {
    // As its own role whatever that may; else as the service, where the target's policy lets it in.
    const sender = { service: "events.amazonaws.com", sourceArn: rule.arn, sourceAccount: account };
    const refused = target.RoleArn === undefined && !needs.maySend(target.Arn, sender) ? refusals.send : undefined;
    return { ...away, payload, parameters: parametersOf(target, event), refused };
  }
  const may = needs.mayRun(fn, { service: "events.amazonaws.com", sourceArn: rule.arn, account });
  if (may === "yes") return { to: "function", ...fn, invokedArn: target.Arn, payload };
  return { ...away, payload, refused: refusals[may] };
}

const refusals = {
  send: { code: "NO_PERMISSIONS", message: "The target's policy does not let this rule send to it" },
  no: { code: "NO_PERMISSIONS", message: "Lambda: the function's policy does not let this rule invoke it" },
  gone: { code: "NO_RESOURCE", message: "Lambda: function not found" },
} as const;

function lettersOf(rule: RuleRecord, target: RuleTarget) {
  const arn = target.DeadLetterConfig?.Arn;
  return arn === undefined ? undefined : { arn, attributes: { RULE_ARN: rule.arn, TARGET_ARN: target.Arn } };
}

function parametersOf({ SqsParameters, KinesisParameters }: RuleTarget, event: BusEvent): Record<string, string> {
  const parameters: Record<string, string> = {};
  if (SqsParameters?.MessageGroupId !== undefined) parameters.MessageGroupId = SqsParameters.MessageGroupId;
  if (KinesisParameters !== undefined) {
    const key = compilePath(KinesisParameters.PartitionKeyPath)(event.document);
    parameters.PartitionKey = typeof key === "string" ? key : event.id;
  }
  return parameters;
}
