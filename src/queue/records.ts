import { limits } from "../model/index.ts";
import type { QueuedEvent, Scope } from "./events.ts";

/** The head of an event that a function is to be run with. */
export interface RunHead extends Scope {
  /** UUID; the same on every try */
  readonly requestId: string;
  readonly name: string;
  /** as the caller gave it */
  readonly qualifier?: string | undefined;
  readonly invokedArn: string;
  readonly clientContext?: string | undefined;
  readonly traceId?: string | undefined;
}

/** How a function failed, kept with its event until the next try. */
export interface Failure {
  readonly executedVersion: string;
  readonly functionError: string;
  /** its answer, as JSON; undefined: too long to be kept */
  readonly payload?: string | undefined;
}

export type Condition = "Success" | "RetriesExhausted" | "EventAgeExceeded";

/** Answers beyond this are not kept between tries, for no destination takes a record of this size: bytes. */
const keptAnswer = 256 * 1024;

export function failureOf(executedVersion: string, functionError: string, payload: Buffer): Failure {
  const short = payload.length <= keptAnswer;
  return { executedVersion, functionError, ...(short ? { payload: payload.toString("utf8") } : {}) };
}

export interface Ending {
  readonly condition: Condition;
  /** qualified */
  readonly functionArn: string;
  readonly now: number;
  /** how often it ran */
  readonly invocations: number;
  readonly executedVersion?: string | undefined;
  readonly functionError?: string | undefined;
  /** JSON, as text */
  readonly answer?: string | undefined;
}

/**
 * The record of an invocation, as JSON, that its destination gets. What never ran has no answer.
 * Source: Developer Guide, "Capturing records of Lambda asynchronous invocations".
 */
export function invocationRecord(head: RunHead, payload: Buffer, ending: Ending): string {
  const { condition, functionArn, now, invocations, executedVersion, functionError, answer } = ending;
  const parts = [
    `"version":"1.0","timestamp":"${new Date(now).toISOString()}"`,
    `"requestContext":${JSON.stringify({ requestId: head.requestId, functionArn, condition, approximateInvokeCount: invocations })}`,
    // Event and answer are JSON already, with numbers that no parser of ours would keep.
    `"requestPayload":${payload.toString("utf8")}`,
  ];
  if (executedVersion !== undefined) {
    const context = { statusCode: 200, executedVersion, ...(functionError ? { functionError } : {}) };
    parts.push(`"responseContext":${JSON.stringify(context)}`);
  }
  if (answer !== undefined) parts.push(`"responsePayload":${answer === "" ? "null" : answer}`);
  return `{${parts.join(",")}}`;
}

/** What is said to a dead-letter queue or topic, beside the event. Source: Developer Guide, "Dead-letter queues". */
export function deadLetterAttributes(head: RunHead, failure: Failure | undefined): DeadLetterAttributes {
  return {
    RequestID: head.requestId,
    ErrorCode: "200",
    ErrorMessage: messageOf(failure).slice(0, 1024),
  };
}

export interface DeadLetterAttributes {
  readonly RequestID: string;
  /** HTTP status, in digits */
  readonly ErrorCode: string;
  readonly ErrorMessage: string;
}

function messageOf(failure: Failure | undefined): string {
  if (failure === undefined) return "The event aged out before its function could run.";
  try {
    const parsed = JSON.parse(failure.payload ?? "") as { errorMessage?: unknown };
    if (typeof parsed.errorMessage === "string" && parsed.errorMessage !== "") return parsed.errorMessage;
  } catch {
    // What is no document has no message either.
  }
  return failure.functionError;
}

export const headOf = (event: Pick<QueuedEvent, "head">): RunHead => JSON.parse(event.head) as RunHead;

/** Bytes that an event may have, also where one function's record is another one's event. */
export const mostBytes = limits.asyncPayloadBytes;
