import { randomUUID } from "node:crypto";
import {
  type FunctionVersion,
  type Invocation,
  type InvocationResult,
  monotonicMs,
  ServiceError,
} from "../model/index.ts";
import type { Verdict } from "./dispatcher.ts";
import { backoffMs, type NewEvent, type QueuedEvent, runKey, type Scope, sendKey } from "./events.ts";
import {
  type Condition,
  deadLetterAttributes,
  type Ending,
  type Failure,
  failureOf,
  headOf,
  invocationRecord,
  mostBytes,
  type RunHead,
  recursiveTry,
  throttledTry,
} from "./records.ts";
import type { SendHead } from "./sending.ts";

/** How the events of a function, version or alias end; each member as FunctionEventInvokeConfig has it. */
export interface EventSettings {
  /** 0 to 2; undefined: 2 */
  readonly maximumRetryAttempts?: number | undefined;
  /** 60 to 21,600; undefined: 21,600 */
  readonly maximumEventAgeSeconds?: number | undefined;
  /** ARNs of destinations */
  readonly onSuccess?: string | undefined;
  readonly onFailure?: string | undefined;
}

export interface RunningNeeds {
  clock(): number;
  /** What to run. Throws ResourceNotFoundException when it is gone. */
  resolve(account: string, region: string, name: string, qualifier?: string): FunctionVersion;
  invoke(invocation: Invocation): Promise<InvocationResult>;
  settings(scope: Scope, name: string, qualifier: string): EventSettings | undefined;
  /** TargetArn of the version's DeadLetterConfig. */
  deadLetterArn(target: FunctionVersion): string | undefined;
  /** The version's execution role, which is who sends its records and letters. */
  roleOf(target: FunctionVersion): string;
  /** May a role do this? */
  roleAllows(roleArn: string, action: string, resource: string): boolean;
  /** A record was not delivered to a function, because its sender may not call it. */
  refused(from: RunHead, arn: string): void;
  /** The trace header to hand on, and whether the function would run in a loop. */
  trace(target: FunctionVersion, traceId: string | undefined): { readonly header: string; readonly looping: boolean };
  /** An event ended without its function having succeeded. */
  dropped(head: RunHead, why: Condition | "FunctionGone"): void;
  /** Told of every event of a function that counts for one of CloudWatch's metrics. */
  count?(of: Scope & { readonly name: string }, metric: string, value: number, also?: { readonly unit: string }): void;
  report(error: unknown): void;
}

const defaults = { retries: 2, ageSeconds: 21_600 };
const minute = 60_000;
const throttledResponse = Buffer.from(JSON.stringify(throttledTry));

/** Runs the function of an event, and says what is to become of the event. */
export function createRunning(needs: RunningNeeds): (event: QueuedEvent) => Promise<Verdict> {
  return async (event) => {
    const head = headOf(event);
    const target = targetOf(needs, head);
    if (target === undefined) {
      needs.dropped(head, "FunctionGone");
      return { kind: "done" };
    }
    const settings = needs.settings(head, head.name, head.qualifier ?? "$LATEST") ?? {};
    const expires = event.accepted + (settings.maximumEventAgeSeconds ?? defaults.ageSeconds) * 1000;
    if (head.looping) return givenUp(event, head, target, settings, "RecursiveInvocation", 1, recursiveTry);
    if (needs.clock() >= expires) return tooOld(event, head, target, settings);
    // Who cannot be called at all does not keep others waiting for the record. Without a place for it the event is kept.
    if (target.reservedConcurrency === 0 && (settings.onFailure ?? needs.deadLetterArn(target)) !== undefined) {
      return givenUp(event, head, target, settings, "ZeroReservedConcurrency", 0, undefined);
    }
    needs.count?.(head, "AsyncEventAge", needs.clock() - event.accepted, { unit: "Milliseconds" });
    let result: InvocationResult;
    try {
      result = await needs.invoke(invocationOf(event, head, target));
    } catch (error) {
      return postponed(event, error, expires);
    }
    const { outcome, executedVersion } = result;
    if (outcome.kind === "failed") {
      const { functionError, payload } = outcome.failure;
      return failed(event, head, target, settings, expires, failureOf(executedVersion, functionError, payload));
    }
    const payload = outcome.kind === "returned" ? outcome.payload.toString("utf8") : undefined;
    const response = { statusCode: 200, executedVersion, payload };
    // Lambda says 1, however often it had to try.
    const next = recordFor(settings.onSuccess, event, head, target, { condition: "Success", invocations: 1, response });
    return { kind: "done", next };
  };

  /** Kept for another try, or given up. */
  function failed(
    event: QueuedEvent,
    head: RunHead,
    target: FunctionVersion,
    settings: EventSettings,
    expires: number,
    failure: Failure,
  ): Verdict {
    const tries = event.tries + 1;
    if (tries > (settings.maximumRetryAttempts ?? defaults.retries)) {
      return givenUp(event, head, target, settings, "RetriesExhausted", tries, failure);
    }
    // One minute before the second attempt and two before the third; who would be too old by then is so now.
    const due = needs.clock() + tries * minute;
    if (due > expires) return givenUp(event, head, target, settings, "EventAgeExceeded", tries, failure);
    const response = Buffer.from(JSON.stringify(failure));
    return { kind: "later", due, tries, delays: 0, response };
  }

  function tooOld(event: QueuedEvent, head: RunHead, target: FunctionVersion, settings: EventSettings): Verdict {
    const last = event.response === undefined ? undefined : (JSON.parse(event.response.toString("utf8")) as Failure);
    return givenUp(event, head, target, settings, "EventAgeExceeded", event.tries, last);
  }

  function givenUp(
    event: QueuedEvent,
    head: RunHead,
    target: FunctionVersion,
    settings: EventSettings,
    condition: Condition,
    invocations: number,
    failure: Failure | undefined,
  ): Verdict {
    needs.dropped(head, condition);
    const ending = { condition, invocations, response: failure };
    const next = recordFor(settings.onFailure, event, head, target, ending);
    const letters = needs.deadLetterArn(target);
    if (letters !== undefined) next.push(deadLetter(letters, event, head, target, condition, failure));
    return { kind: "done", next };
  }

  function recordFor(
    arn: string | undefined,
    event: QueuedEvent,
    head: RunHead,
    target: FunctionVersion,
    ending: Pick<Ending, "condition" | "invocations" | "response">,
  ): NewEvent[] {
    if (arn === undefined) return [];
    const now = needs.clock();
    const functionArn = qualifiedArn(head);
    const payload = Buffer.from(invocationRecord(head, event.payload, { ...ending, functionArn, now }));
    if (arn.split(":")[2] === "lambda") return toFunction(arn, head, target, payload, now);
    const { account, region, name } = head;
    const to: SendHead = {
      kind: "record",
      arn,
      account,
      region,
      name,
      roleArn: needs.roleOf(target),
      functionArn,
      success: ending.condition === "Success",
    };
    return [{ queue: sendKey(arn), accepted: now, due: now, head: JSON.stringify(to), payload }];
  }

  /** A function as a destination: its event is in its queue in the moment in which this one is over. */
  function toFunction(arn: string, from: RunHead, source: FunctionVersion, payload: Buffer, now: number): NewEvent[] {
    const [, , , region = "", account = "", , name = "", qualifier] = arn.split(":");
    const head: RunHead = { account, region, name, qualifier, requestId: randomUUID(), invokedArn: arn };
    if (!needs.roleAllows(needs.roleOf(source), "lambda:InvokeFunction", arn)) {
      needs.refused(from, arn);
      return [];
    }
    try {
      if (payload.length > mostBytes) throw new Error(`the record of ${source.arn} is too long for ${arn}`);
      const { header, looping } = needs.trace(needs.resolve(account, region, name, qualifier), from.traceId);
      const text = JSON.stringify({ ...head, traceId: header, looping } satisfies RunHead);
      return [{ queue: runKey({ account, region }, name, qualifier), accepted: now, due: now, head: text, payload }];
    } catch (error) {
      if (!isGone(error)) needs.report(error);
      needs.dropped(head, "FunctionGone");
      return [];
    }
  }

  function deadLetter(
    arn: string,
    event: QueuedEvent,
    head: RunHead,
    target: FunctionVersion,
    condition: Condition,
    failure: Failure | undefined,
  ): NewEvent {
    const { account, region, name } = head;
    const attributes = deadLetterAttributes(head, condition, failure);
    const to: SendHead = {
      kind: "dead-letter",
      arn,
      account,
      region,
      name,
      roleArn: needs.roleOf(target),
      attributes,
    };
    const now = needs.clock();
    return { queue: sendKey(arn), accepted: now, due: now, head: JSON.stringify(to), payload: event.payload };
  }

  /** Something else than the function was in the way: that is asked again and again, until the event is too old. */
  function postponed(event: QueuedEvent, error: unknown, expires: number): Verdict {
    if (error instanceof ServiceError && error.code === "TooManyRequestsException")
      return { kind: "busy", until: expires, response: throttledResponse };
    if (!(error instanceof ServiceError)) needs.report(error);
    const due = Math.min(needs.clock() + backoffMs(event.delays), expires);
    const { tries, delays, response } = event;
    return { kind: "later", due, tries, delays: delays + 1, response };
  }
}

function invocationOf(event: QueuedEvent, head: RunHead, target: FunctionVersion): Invocation {
  const { requestId, invokedArn, clientContext, traceId, tenantId } = head;
  const { payload } = event;
  const received = monotonicMs();
  return { requestId, invokedArn, clientContext, traceId, tenantId, target, payload, tail: false, received };
}

function targetOf(needs: RunningNeeds, head: RunHead): FunctionVersion | undefined {
  try {
    return needs.resolve(head.account, head.region, head.name, head.qualifier);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

const isGone = (error: unknown): boolean => error instanceof ServiceError && error.code === "ResourceNotFoundException";

const qualifiedArn = ({ account, region, name, qualifier }: RunHead): string =>
  `arn:aws:lambda:${region}:${account}:function:${name}:${qualifier ?? "$LATEST"}`;
