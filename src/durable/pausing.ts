import { ServiceError } from "../model/index.ts";
import type { Unit } from "./engine.ts";
import { type Live, record, rootOf } from "./live.ts";
import { isClosed } from "./records.ts";

export interface PauseRequest {
  readonly reason?: string | undefined;
  readonly timeoutPaused: boolean;
  readonly clientToken?: string | undefined;
}

export interface ResumeRequest {
  readonly reason?: string | undefined;
  readonly clientToken?: string | undefined;
}

const conflict = (message: string): ServiceError => new ServiceError("ResourceConflictException", message);

/**
 * Pauses an execution: no more invocations, while waits go on. One that runs stops at its next checkpoint. Throws
 * ResourceConflictException when it is not running (API PauseDurableExecution).
 */
export function pause(unit: Unit, live: Live, request: PauseRequest, isRunning: boolean): void {
  const { execution } = live;
  if (execution.status !== "RUNNING") {
    const repeated = request.clientToken !== undefined && execution.pause?.clientToken === request.clientToken;
    if (repeated) return;
    throw conflict(`Cannot pause a durable execution in status ${execution.status}.`);
  }
  execution.pause = { requested: unit.now, ...request };
  if (isRunning) execution.status = "PAUSING";
  else pauseNow(live, unit.now);
}

/** The pause takes hold. */
export function pauseNow(live: Live, now: number): void {
  const { execution } = live;
  execution.status = "PAUSED";
  record(live, now, "ExecutionPaused", rootOf(live), {
    PauseRequestTimestamp: (execution.pause?.requested ?? now) / 1000,
    Reason: reasonOf(execution.pause?.reason),
    ExecutionTimeoutPaused: execution.pause?.timeoutPaused ?? true,
  });
}

/** Ends a pause, or calls it off. An invocation that is owed starts when this is written. */
export function resume(unit: Unit, live: Live, { reason, clientToken }: ResumeRequest): void {
  const { execution } = live;
  const { status, pause: paused } = execution;
  if (paused === undefined && clientToken !== undefined && execution.resumedBy === clientToken) return;
  if (isClosed(status) || paused === undefined) {
    throw conflict(`Cannot resume a durable execution in status ${status}.`);
  }
  execution.status = "RUNNING";
  execution.pause = undefined;
  execution.resumedBy = clientToken;
  if (paused.timeoutPaused) execution.deadline += unit.now - paused.requested;
  if (status === "PAUSING") return;
  record(live, unit.now, "ExecutionResumed", rootOf(live), {
    ResumeRequestTimestamp: unit.now / 1000,
    Reason: reasonOf(reason),
  });
}

const reasonOf = (reason: string | undefined) =>
  reason === undefined ? undefined : { Payload: reason, Truncated: false };
