import { randomUUID } from "node:crypto";
import type { DeadLetters, Posting } from "../model/index.ts";
import { type NewEvent, type QueuedEvent, runKey, sendKey } from "./events.ts";
import type { RunHead } from "./records.ts";
import { DeliveryRefused } from "./refused.ts";
import type { SendHead } from "./sending.ts";

/** Of an event that a rule, a schedule or a bucket sends to another service. */
export interface TargetHead {
  readonly kind: "event";
  readonly parameters: Readonly<Record<string, string>>;
  /** tries after the first */
  readonly retries: number;
  /** how old it may become */
  readonly ageSeconds: number;
  readonly letters?: DeadLetters | undefined;
}

/** As EventBridge and its Scheduler have them. Source: EventBridge User Guide, "Retry policy"; Scheduler API, RetryPolicy. */
const defaults = { retries: 185, ageSeconds: 86_400 };

/** What lies in the queue for it: nothing, where it failed already and nobody wants to know. */
export function posted(posting: Posting, now: number): NewEvent[] {
  const { account, region, name, payload } = posting;
  if (posting.to === "function") {
    const { qualifier, invokedArn, traceId, looping } = posting;
    const head: RunHead = {
      requestId: randomUUID(),
      account,
      region,
      name,
      qualifier,
      invokedArn,
      traceId,
      looping,
    };
    return [{ queue: runKey(posting, name, qualifier), accepted: now, due: now, head: JSON.stringify(head), payload }];
  }
  const { arn, letters, roleArn, parameters = {}, since = now } = posting;
  const { retries = defaults.retries, ageSeconds = defaults.ageSeconds, refused } = posting;
  const head: SendHead = {
    kind: "event",
    account,
    region,
    name,
    arn,
    parameters,
    retries,
    ageSeconds,
    letters,
    roleArn,
  };
  if (refused !== undefined) return letterOf(head, payload, now, refusedAttributes(refused));
  return [{ queue: sendKey(arn), accepted: since, due: now, head: JSON.stringify(head), payload }];
}

const refusedAttributes = ({ code, message }: { readonly code: string; readonly message: string }) => ({
  ERROR_CODE: code,
  ERROR_MESSAGE: message,
});

/** The dead letter of an event whose last try failed, where it has a queue for those. */
export function failedEvent(
  head: SendHead & TargetHead,
  { payload, tries }: QueuedEvent,
  error: unknown,
  now: number,
): NewEvent[] {
  const message = error instanceof Error ? error.message : String(error);
  const exhausted = tries >= head.retries ? "MaximumRetryAttempts" : "MaximumEventAgeInSeconds";
  return letterOf(head, payload, now, {
    ...refusedAttributes({ code: codeOf(error, message), message: message.slice(0, 1024) }),
    ...(error instanceof DeliveryRefused ? {} : { EXHAUSTED_RETRY_CONDITION: exhausted }),
    RETRY_ATTEMPTS: String(tries),
  });
}

function letterOf(
  { account, region, name, letters }: SendHead & TargetHead,
  payload: Buffer,
  now: number,
  why: Readonly<Record<string, string>>,
): NewEvent[] {
  if (letters === undefined) return [];
  const attributes = { ...letters.attributes, ...why };
  const head: SendHead = { kind: "dead-letter", arn: letters.arn, account, region, name, attributes };
  return [{ queue: sendKey(letters.arn), accepted: now, due: now, head: JSON.stringify(head), payload }];
}

/** Source: EventBridge User Guide, "Using dead-letter queues to process undelivered events": the sample of its codes. */
function codeOf(error: unknown, message: string): string {
  if (!(error instanceof DeliveryRefused)) {
    if (/^(429 |.*Throttl)/.test(message)) return "THROTTLING";
    if (error instanceof Error && error.name === "TimeoutError") return "TIMEOUT";
    return /^\d{3} /.test(message) ? "ERROR_FROM_TARGET" : "CONNECTION_FAILURE";
  }
  if (/AccessDenied|NotAuthorized|not authorized/i.test(message)) return "NO_PERMISSIONS";
  if (/NonExistent|NotFound|NoSuch|does not exist/i.test(message)) return "NO_RESOURCE";
  if (/Validation|InvalidParameter|InvalidMessage|MissingParameter/i.test(message)) return "INVALID_PARAMETER";
  return "ERROR_FROM_TARGET";
}
