import type { DurableSettings } from "../model/index.ts";

/** Moments are milliseconds since 1970 throughout this room; only views (views.ts) turn them into what clients read. */

export type ExecutionStatus = "RUNNING" | "PAUSING" | "PAUSED" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "STOPPED";

export type OperationType = "EXECUTION" | "CONTEXT" | "STEP" | "WAIT" | "CALLBACK" | "CHAINED_INVOKE";

export type OperationStatus =
  | "STARTED"
  | "PENDING"
  | "READY"
  | "SUCCEEDED"
  | "FAILED"
  | "CANCELLED"
  | "TIMED_OUT"
  | "STOPPED";

/** AWS's ErrorObject. */
export interface ErrorObject {
  readonly ErrorMessage?: string;
  readonly ErrorType?: string;
  readonly ErrorData?: string;
  readonly StackTrace?: readonly string[];
}

/** One durable execution, apart from its operations and its history. Changed in place by the engine, then saved whole. */
export interface Execution {
  readonly arn: string;
  readonly account: string;
  readonly region: string;
  readonly functionName: string;
  readonly version: string;
  readonly name: string;
  /** also the id of its EXECUTION operation */
  readonly id: string;
  readonly settings: DurableSettings;
  /** bytes that its result may have: fewer when nobody waits for it */
  readonly resultBytes: number;
  /** SHA-256 of its input: what makes a repeated start the same one */
  readonly inputDigest: string;
  readonly started: number;
  /** the operation of another execution that waits for this one */
  readonly parent?: { readonly arn: string; readonly operation: string } | undefined;
  readonly traceId?: string | undefined;
  readonly tenantId?: string | undefined;
  /** nobody waits for it: if it fails, its event goes to the function's dead-letter queue */
  readonly asynchronous?: boolean;

  status: ExecutionStatus;
  ended?: number;
  result?: string | undefined;
  error?: ErrorObject | undefined;
  /** when it times out; later by the time it was paused */
  deadline: number;
  /** an invocation is wanted or running: what a restart takes up */
  owed: boolean;
  /** its event has not been handed to the dead-letter queue yet: what a restart takes up, too */
  letterOwed?: boolean | undefined;
  /** the invocation that is owed waits until then */
  retryAt?: number | undefined;
  /** invocations in a row that failed */
  failures: number;
  /** times in a row that no invocation could be had: throttled, or the platform's fault */
  refusals: number;
  /** every change of an operation takes the next number */
  changes: number;
  /** the changes that the function has been told of */
  seen: number;
  operations: number;
  events: number;
  /** bytes of payloads kept for it so far */
  bytes: number;
  pause?: Pause | undefined;
  /** client token of the last resume, so that its repetition is no error */
  resumedBy?: string | undefined;
}

export interface Pause {
  readonly requested: number;
  readonly reason?: string | undefined;
  readonly timeoutPaused: boolean;
  /** of the request, so that its repetition is no error */
  readonly clientToken?: string | undefined;
}

/** One operation of an execution. Changed in place by the engine. */
export interface Operation {
  readonly id: string;
  /** order of starts, from 0 */
  readonly position: number;
  readonly type: OperationType;
  readonly parentId?: string | undefined;
  readonly name?: string | undefined;
  readonly subType?: string | undefined;
  readonly started: number;
  status: OperationStatus;
  ended?: number;
  /** Execution.changes when it was changed last */
  touched: number;
  /** EXECUTION: the event; CHAINED_INVOKE: what the other function is given */
  input?: string | undefined;
  result?: string | undefined;
  error?: ErrorObject | undefined;
  /** CONTEXT: its children are still told when it is complete */
  replayChildren?: boolean | undefined;
  /** STEP: attempts that are over */
  attempt?: number;
  /** WAIT: its end; STEP: the next attempt; CALLBACK: its timeout */
  due?: number | undefined;
  /** WAIT: how long it was to be, seconds */
  seconds?: number | undefined;
  callbackId?: string;
  heartbeatSeconds?: number | undefined;
  heartbeatDue?: number | undefined;
  /** CHAINED_INVOKE: the function as it was named */
  target?: string | undefined;
  tenantId?: string | undefined;
  /** CHAINED_INVOKE: the trace header that the function gets */
  traceId?: string | undefined;
  /** CHAINED_INVOKE of a durable function: the execution it started */
  child?: string | undefined;
}

/** One event of the history, in AWS's words; timestamps are epoch seconds, as clients read them. */
export interface HistoryEvent {
  readonly EventId: number;
  readonly EventType: string;
  readonly EventTimestamp: number;
  readonly Id?: string | undefined;
  readonly ParentId?: string | undefined;
  readonly Name?: string | undefined;
  readonly SubType?: string | undefined;
  /** `StepStartedDetails` …: the one that goes with the type */
  readonly [details: string]: unknown;
}

export const isClosed = (status: ExecutionStatus): boolean =>
  status === "SUCCEEDED" || status === "FAILED" || status === "TIMED_OUT" || status === "STOPPED";

/** Quotas. Source: Lambda Developer Guide, "Lambda quotas" and the API model's texts. */
export const durableLimits = Object.freeze({
  operations: 3000,
  /** bytes of payloads of one execution */
  storedBytes: 100 * 1024 * 1024,
  /** bytes of an operation's payload, and of a result nobody waits for */
  payloadBytes: 1024 * 1024,
  syncResultBytes: 6 * 1024 * 1024,
  /** longest execution that may be started synchronously, seconds */
  syncSeconds: 900,
  /** whatever was paused, an execution ends after 366 days */
  longestMs: 31_622_400_000,
  retentionDays: 14,
});

const day = 86_400_000;

/** When a closed execution is forgotten. */
export const forgottenAt = (execution: Execution): number =>
  (execution.ended ?? execution.started) + execution.settings.retentionDays * day;
