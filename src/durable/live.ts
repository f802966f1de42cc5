import { durableLimits, type Execution, forgottenAt, type HistoryEvent, isClosed, type Operation } from "./records.ts";
import type { Change, DurableStore } from "./store.ts";

/** An execution in memory: while it runs, and for the moment of a change. */
export interface Live {
  readonly execution: Execution;
  /** by id, in order of their starts */
  readonly operations: Map<string, Operation>;
  /** since the last save */
  readonly changed: Set<Operation>;
  readonly events: HistoryEvent[];
}

/** Undefined: there is none. */
export function loadLive(store: DurableStore, arn: string): Live | undefined {
  const execution = store.execution(arn);
  if (execution === undefined) return undefined;
  const operations = new Map(store.operations(arn).map((operation) => [operation.id, operation]));
  return { execution, operations, changed: new Set(), events: [] };
}

export const newLive = (execution: Execution): Live => ({
  execution,
  operations: new Map(),
  changed: new Set(),
  events: [],
});

/** An operation was changed: the function is to be told. */
export function touch(live: Live, operation: Operation): void {
  live.execution.changes += 1;
  operation.touched = live.execution.changes;
  live.changed.add(operation);
}

/** A new operation; `bytes` of payload are counted by the caller. */
export function add(live: Live, operation: Omit<Operation, "position" | "touched">): Operation {
  const added: Operation = { ...operation, position: live.execution.operations, touched: 0 };
  live.execution.operations += 1;
  live.operations.set(added.id, added);
  touch(live, added);
  return added;
}

/** Writes an event of the execution (no operation) or of one of its operations into the history. */
export function record(
  live: Live,
  now: number,
  type: string,
  operation: Operation | undefined,
  details: Readonly<Record<string, unknown>>,
): void {
  live.execution.events += 1;
  live.events.push({
    EventType: type,
    SubType: operation?.subType,
    EventId: live.execution.events,
    Id: operation?.id,
    Name: operation?.name,
    EventTimestamp: now / 1000,
    ParentId: operation?.parentId,
    [`${type}Details`]: details,
  });
}

/** The execution's own operation, which is always the first. */
export function rootOf(live: Live): Operation {
  const root = live.operations.get(live.execution.id);
  if (root === undefined) throw new Error(`${live.execution.arn} has no operation of its own`);
  return root;
}

/** What the function has not been told of, in order of starts. */
export const unseen = (live: Live): Operation[] =>
  [...live.operations.values()].filter((operation) => operation.touched > live.execution.seen);

export const hasUnseen = (live: Live): boolean => {
  for (const operation of live.operations.values()) if (operation.touched > live.execution.seen) return true;
  return false;
};

/** Is there anything that could wake the execution by itself? */
export function isWaiting(live: Live): boolean {
  for (const { type, status } of live.operations.values()) {
    if (type === "STEP" && status === "PENDING") return true;
    if (status === "STARTED" && (type === "WAIT" || type === "CALLBACK" || type === "CHAINED_INVOKE")) return true;
  }
  return false;
}

/** An invocation, a plain function that it waits for, or its letter would be lost with the process. */
export function isActive(live: Live): boolean {
  const { execution, operations } = live;
  if (isClosed(execution.status)) return execution.letterOwed === true;
  if (execution.owed) return true;
  for (const { type, status, child } of operations.values()) {
    if (type === "CHAINED_INVOKE" && status === "STARTED" && child === undefined) return true;
  }
  return false;
}

/** When an operation changes by itself; undefined: only others change it. */
export function dueOf({ type, status, due, heartbeatDue }: Operation): number | undefined {
  if (type === "STEP" ? status !== "PENDING" : status !== "STARTED") return undefined;
  if (heartbeatDue === undefined || due === undefined) return heartbeatDue ?? due;
  return Math.min(due, heartbeatDue);
}

/** When the execution times out: not while its timeout is paused, but 366 days after its start at the latest. */
export function deadlineOf({ status, pause, deadline, started }: Execution): number {
  const stopped = (status === "PAUSED" || status === "PAUSING") && pause?.timeoutPaused === true;
  return stopped ? started + durableLimits.longestMs : deadline;
}

/** When the engine must look at the execution without being asked. */
function dueAt(live: Live): number {
  const { execution } = live;
  if (isClosed(execution.status)) return forgottenAt(execution);
  let due = deadlineOf(execution);
  const { owed, retryAt, status } = execution;
  if (owed && retryAt !== undefined && status === "RUNNING") due = Math.min(due, retryAt);
  for (const operation of live.operations.values()) due = Math.min(due, dueOf(operation) ?? due);
  return due;
}

/** What has to be written since the last time, which is then forgotten. */
export function changesOf(live: Live): Change {
  const change = {
    execution: live.execution,
    due: dueAt(live),
    active: isActive(live),
    operations: [...live.changed],
    events: live.events.splice(0),
  };
  live.changed.clear();
  return change;
}
