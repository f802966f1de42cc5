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
  /** of a function that keeps its tenants apart */
  readonly tenantId?: string | undefined;
  /** its chain of requests has run this function too often: it is not to run */
  readonly looping?: boolean | undefined;
}

/** How a try ended, kept with its event until the next one. */
export interface Failure {
  /** 200 where the function ran */
  readonly statusCode: number;
  readonly executedVersion?: string | undefined;
  readonly functionError?: string | undefined;
  /** its answer, as JSON; undefined: too long to be kept */
  readonly payload?: string | undefined;
}

export type Condition =
  | "Success"
  | "RetriesExhausted"
  | "EventAgeExceeded"
  | "ZeroReservedConcurrency"
  | "RecursiveInvocation";

export const throttledTry: Failure = { statusCode: 429 };
export const recursiveTry: Failure = { statusCode: 400, functionError: "RecursiveInvocationException" };

/** Answers beyond this are not kept between tries, for no destination takes a record of this size: bytes. */
const keptAnswer = 256 * 1024;

export function failureOf(executedVersion: string, functionError: string, payload: Buffer): Failure {
  const short = payload.length <= keptAnswer;
  return { statusCode: 200, executedVersion, functionError, ...(short ? { payload: payload.toString("utf8") } : {}) };
}

export interface Ending {
  readonly condition: Condition;
  /** qualified */
  readonly functionArn: string;
  readonly now: number;
  /** how often it ran */
  readonly invocations: number;
  /** the last try; undefined: there was none */
  readonly response?: Failure | undefined;
}

/**
 * The record of an invocation, as JSON, that its destination gets. What never ran has no answer.
 * Source: Developer Guide, "Capturing records of Lambda asynchronous invocations".
 */
export function invocationRecord(head: RunHead, payload: Buffer, ending: Ending): string {
  const { condition, functionArn, now, invocations, response } = ending;
  const parts = [
    `"version":"1.0","timestamp":"${new Date(now).toISOString()}"`,
    `"requestContext":${JSON.stringify({ requestId: head.requestId, functionArn, condition, approximateInvokeCount: invocations })}`,
    // Event and answer are JSON already, with numbers that no parser of ours would keep.
    `"requestPayload":${payload.toString("utf8")}`,
  ];
  if (response !== undefined) {
    const { payload: answer, ...context } = response;
    parts.push(`"responseContext":${JSON.stringify(context)}`);
    if (answer !== undefined) parts.push(`"responsePayload":${answer === "" ? "null" : answer}`);
  }
  return `{${parts.join(",")}}`;
}

/**
 * What is said to a dead-letter queue or topic, beside the event: RequestID, ErrorMessage and ErrorCode, an HTTP status.
 * Source: Developer Guide, "Dead-letter queues"; the text for functions without concurrency is Lambda's own, as observers of the service report it.
 */
export function deadLetterAttributes(
  head: RunHead,
  condition: Condition,
  last: Failure | undefined,
): DeadLetterAttributes {
  const RequestID = head.requestId;
  if (condition === "ZeroReservedConcurrency") {
    const ErrorMessage = "Function not invoked. Function isconfigured with zero reserved concurrent executions";
    return { RequestID, ErrorMessage };
  }
  const ErrorMessage = messageOf(last).slice(0, 1024);
  return { RequestID, ErrorMessage, ...(last === undefined ? {} : { ErrorCode: String(last.statusCode) }) };
}

export type DeadLetterAttributes = Readonly<Record<string, string>>;

function messageOf(last: Failure | undefined): string {
  if (last === undefined) return "The event aged out before its function could run.";
  if (last.statusCode === 429) return "Rate Exceeded.";
  try {
    const parsed = JSON.parse(last.payload ?? "") as { errorMessage?: unknown };
    if (typeof parsed.errorMessage === "string" && parsed.errorMessage !== "") return parsed.errorMessage;
  } catch {
    // What is no document has no message either.
  }
  return last.functionError ?? "";
}

export const headOf = (event: Pick<QueuedEvent, "head">): RunHead => JSON.parse(event.head) as RunHead;

/** Bytes that an event may have, also where one function's record is another one's event. */
export const mostBytes = limits.asyncPayloadBytes;
