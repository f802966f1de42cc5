import type { Execution, HistoryEvent, Operation } from "./records.ts";

/** How a moment is written: epoch seconds in answers of the API, milliseconds in the event that a function gets. */
type Stamp = (ms: number) => number;

export const seconds: Stamp = (ms) => ms / 1000;
const milliseconds: Stamp = (ms) => ms;

/** AWS's Operation, in answers of the API. */
export const operationView = (operation: Operation): Record<string, unknown> => viewOf(operation, seconds);

/** AWS's Operation inside an invocation's event, whose timestamps the SDKs read as milliseconds. */
export const operationEvent = (operation: Operation): Record<string, unknown> => viewOf(operation, milliseconds);

function viewOf(operation: Operation, stamp: Stamp): Record<string, unknown> {
  const { id, parentId, name, type, subType, status, started, ended } = operation;
  return {
    Id: id,
    ParentId: parentId,
    Name: name,
    Type: type,
    SubType: subType,
    StartTimestamp: stamp(started),
    EndTimestamp: ended === undefined ? undefined : stamp(ended),
    Status: status,
    ...detailsOf(operation, stamp),
  };
}

function detailsOf(operation: Operation, stamp: Stamp): Record<string, unknown> {
  const { type, status, due } = operation;
  const outcome = { Result: operation.result, Error: operation.error };
  switch (type) {
    case "EXECUTION":
      return { ExecutionDetails: { InputPayload: operation.input } };
    case "CONTEXT":
      return { ContextDetails: { ReplayChildren: operation.replayChildren, ...outcome } };
    case "STEP": {
      const next = status === "PENDING" && due !== undefined ? stamp(due) : undefined;
      return { StepDetails: { Attempt: operation.attempt ?? 0, NextAttemptTimestamp: next, ...outcome } };
    }
    case "WAIT":
      return { WaitDetails: { ScheduledEndTimestamp: due === undefined ? undefined : stamp(due) } };
    case "CALLBACK":
      return { CallbackDetails: { CallbackId: operation.callbackId, ...outcome } };
    case "CHAINED_INVOKE":
      return { ChainedInvokeDetails: outcome };
  }
}

/** AWS's Execution, as lists show it. */
export function listedExecution(execution: Execution): Record<string, unknown> {
  return {
    DurableExecutionArn: execution.arn,
    DurableExecutionName: execution.name,
    FunctionArn: functionArnOf(execution),
    Status: execution.status,
    StartTimestamp: seconds(execution.started),
    EndTimestamp: execution.ended === undefined ? undefined : seconds(execution.ended),
    KMSKeyArn: execution.settings.kmsKeyArn,
  };
}

/** The answer of GetDurableExecution; `input` only with the data. */
export function describedExecution(
  execution: Execution,
  withData: boolean,
  input: string | undefined,
  timesOutAt: number,
): Record<string, unknown> {
  const { pause, settings, ended, traceId } = execution;
  const { KMSKeyArn: _key, ...listed } = listedExecution(execution);
  return {
    ...listed,
    Version: execution.version,
    ...(withData ? { InputPayload: input, Result: execution.result, Error: execution.error } : {}),
    ExecutionDataIncluded: withData,
    TraceHeader: traceId === undefined ? undefined : { XAmznTraceId: traceId },
    DurableConfig: {
      KMSKeyArn: settings.kmsKeyArn,
      RetentionPeriodInDays: settings.retentionDays,
      ExecutionTimeout: settings.timeoutSeconds,
    },
    PauseDetails:
      pause === undefined
        ? undefined
        : {
            PauseRequestTimestamp: seconds(pause.requested),
            Reason: withData ? pause.reason : undefined,
            ExecutionTimeoutPaused: pause.timeoutPaused,
          },
    ExpectedExecutionTimeoutTimestamp: ended === undefined ? seconds(timesOutAt) : undefined,
  };
}

/** Qualified with the version that runs, whatever alias led to it. */
const functionArnOf = ({ arn }: Execution): string => arn.slice(0, arn.indexOf("/"));

/** The members of an event's details that carry what a customer wrote. */
const dataMembers = ["Input", "Result", "Error", "Reason"] as const;

/** An event of the history; without data, its payloads are said to be left out. */
export function historyView(event: HistoryEvent, withData: boolean): HistoryEvent {
  if (withData) return event;
  const member = `${event.EventType}Details`;
  const details = { ...(event[member] as Record<string, unknown>) };
  for (const name of dataMembers) if (details[name] !== undefined) details[name] = { Truncated: true };
  return { ...event, [member]: details };
}

/** What who waited for an execution gets: its result, or its error as a function's own failure reads. */
export function answerOf({ status, result, error = {} }: Pick<Execution, "status" | "result" | "error">) {
  if (status === "SUCCEEDED") return { failed: false, payload: Buffer.from(result ?? "null") };
  const { ErrorMessage: errorMessage, ErrorType: errorType, ErrorData: errorData, StackTrace: stackTrace } = error;
  return { failed: true, payload: Buffer.from(JSON.stringify({ errorMessage, errorType, errorData, stackTrace })) };
}
