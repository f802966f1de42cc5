import { type Invocation, type InvocationResult, ServiceError } from "../model/index.ts";
import { applyUpdates, errorOf, resultOf } from "./apply.ts";
import { type ChainsNeeds, createChains } from "./chains.ts";
import { close } from "./closing.ts";
import { createEngine, isOverdue, type Unit } from "./engine.ts";
import type { InvokingNeeds } from "./invoking.ts";
import { deadlineOf, type Live, record, type rootOf, touch, unseen } from "./live.ts";
import { type PauseRequest, pause, pauseNow, resume } from "./pausing.ts";
import { type ErrorObject, type Execution, forgottenAt, type HistoryEvent, isClosed } from "./records.ts";
import { statePage } from "./replay.ts";
import { createRunner, type Running } from "./runner.ts";
import { runOnce } from "./running-once.ts";
import { type StartRequest, startOrFind } from "./starting.ts";
import { type Listing, openDurableStore } from "./store.ts";
import { fireDue } from "./timers.ts";
import { checkpointToken, readCallbackId, readCheckpointToken } from "./tokens.ts";
import { checkError, checkUpdates, invalid, type OperationUpdate } from "./validate.ts";
import { operationView } from "./views.ts";

export interface DurableNeeds extends InvokingNeeds, Pick<ChainsNeeds, "trace"> {
  /** the database file; its folder must exist. `:memory:` for none */
  readonly path: string;
  /** milliseconds since 1970 */
  clock(): number;
  /** Calls back once, at this moment of the clock or soon after; gives back how to call it off. */
  schedule(at: number, run: () => void): () => void;
  report(error: unknown): void;
}

export interface CheckpointAnswer {
  /** undefined: this invocation has no more to say, for its execution ended or was paused */
  readonly CheckpointToken: string | undefined;
  readonly NewExecutionState: { readonly Operations: readonly Record<string, unknown>[] };
}

/** How a callback ended. */
export type CallbackEnd = { readonly result: string | undefined } | { readonly error: ErrorObject };

/**
 * Durable executions: functions that checkpoint, give their environment back while they wait, and are invoked again. What
 * was done survives the process, and a power cut once it is synced(). Failures are thrown as ServiceError in Lambda's words.
 */
export interface Durable {
  /** A new execution, or the one that has this name already. Its function is invoked in the background. */
  start(request: StartRequest): Execution;
  /** Resolves when it has ended. */
  finished(arn: string): Promise<Execution>;
  /** Runs a durable function like any other, for doors that know nothing of executions: waits for the end of one. */
  run(invocation: Invocation): Promise<InvocationResult>;
  /** With the event it was started with and the moment it will time out. Throws ResourceNotFoundException. */
  get(arn: string): { readonly execution: Execution; readonly input: string | undefined; readonly timesOutAt: number };
  /** `from`: EventId to begin with. */
  history(arn: string, page: { from?: number | undefined; limit: number; newestFirst: boolean }): HistoryEvent[];
  list(listing: Listing): Execution[];
  checkpoint(
    arn: string,
    token: string,
    updates: readonly OperationUpdate[],
    clientToken: string | undefined,
  ): CheckpointAnswer;
  /** A page of what a replay needs. */
  state(
    arn: string,
    token: string,
    page: { marker?: string | undefined; limit: number },
  ): { readonly operations: readonly Record<string, unknown>[]; readonly nextMarker: string | undefined };
  /** Of an execution that has ended, nothing changes. */
  stop(arn: string, error: ErrorObject | undefined): Execution;
  pause(arn: string, request: PauseRequest): void;
  resume(arn: string, reason: string | undefined, clientToken: string | undefined): void;
  /** Forgets one that has ended. */
  remove(arn: string): void;
  /** `owner`: the caller, whose callbacks alone it may answer. Throws CallbackTimeoutException. */
  endCallback(id: string, owner: CallbackOwner, end: CallbackEnd): void;
  heartbeat(id: string, owner: CallbackOwner): void;
  /** Resolves when everything done so far is on the disk: whoever acknowledges something waits for it. */
  synced(): Promise<void>;
  /** Takes up what was running when the process ended, and arms the timer; to be called when functions can be invoked. */
  takeUp(): void;
  /** Stops waking and recording: what runs is taken up by the next start. */
  close(): void;
}

export interface CallbackOwner {
  readonly account: string;
  readonly region: string;
}

export function createDurable(needs: DurableNeeds): Durable {
  const store = openDurableStore(needs.path);
  const runner = createRunner({ ...needs, engine: () => engine });
  const chains = createChains({ ...needs, engine: () => engine });
  const engine = createEngine({
    ...needs,
    store,
    isRunning: (arn) => runner.running(arn) !== undefined,
    begin: runner.begin,
    fire,
  });

  function fire(unit: Unit, live: Live): void {
    const { execution } = live;
    if (isClosed(execution.status)) {
      if (forgottenAt(execution) <= unit.now) unit.remove(execution.arn);
    } else if (isOverdue(execution, unit.now)) {
      const ErrorMessage = `Execution timed out after ${execution.settings.timeoutSeconds} seconds.`;
      close(unit, live, { status: "TIMED_OUT", error: { ErrorMessage } });
    } else if (fireDue(live, unit.now)) {
      execution.owed = true;
    }
  }

  function found<T>(one: T | undefined): T {
    if (one !== undefined) return one;
    throw new ServiceError("ResourceNotFoundException", "Durable Execution does not exist");
  }

  /** The running invocation that a token belongs to; `sequence` need not be the current one. */
  function bearer(arn: string, token: string): { readonly run: Running; readonly sequence: number } {
    const given = readCheckpointToken(token);
    const run = runner.running(arn);
    if (given === undefined || run === undefined || given.arn !== arn || given.secret !== run.secret) throw stale();
    return { run, sequence: given.sequence };
  }

  function checkpoint(...[arn, token, updates, clientToken]: Parameters<Durable["checkpoint"]>): CheckpointAnswer {
    const { run, sequence } = bearer(arn, token);
    if (clientToken !== undefined && run.last?.clientToken === clientToken && run.last.sequence === sequence) {
      return run.last.answer as CheckpointAnswer;
    }
    if (sequence !== run.sequence || run.interrupted) throw stale();
    const live = engine.look(arn);
    if (live === undefined || isClosed(live.execution.status)) throw stale();
    checkUpdates(live, updates);
    const answer = engine.change((unit) => applyBatch(unit, found(unit.get(arn)), run, updates));
    run.last = { clientToken: clientToken ?? "", sequence, answer };
    return answer;
  }

  function applyBatch(unit: Unit, live: Live, run: Running, updates: readonly OperationUpdate[]): CheckpointAnswer {
    const { execution } = live;
    const { chained, closed } = applyUpdates(live, updates, unit.now);
    for (const operation of chained) chains.start(unit, live, operation);
    if (closed === undefined) fireDue(live, unit.now);
    const Operations = unseen(live).map(operationView);
    if (closed !== undefined) {
      close(unit, live, closed);
      return { CheckpointToken: undefined, NewExecutionState: { Operations } };
    }
    if (execution.status === "PAUSING") {
      pauseNow(live, unit.now);
      run.interrupted = true;
      return { CheckpointToken: undefined, NewExecutionState: { Operations: [] } };
    }
    execution.seen = execution.changes;
    run.sequence += 1;
    const next = checkpointToken({ arn: execution.arn, secret: run.secret, sequence: run.sequence });
    return { CheckpointToken: next, NewExecutionState: { Operations } };
  }

  /** The operation of a callback that is still awaited. */
  function awaited(unit: Unit, id: string, owner: CallbackOwner): { live: Live; operation: ReturnType<typeof rootOf> } {
    const token = readCallbackId(id);
    if (token === undefined) throw invalid("Invalid callback ID");
    const live = unit.get(token.arn);
    const operation = live?.operations.get(token.operation);
    const owned = live?.execution.account === owner.account && live.execution.region === owner.region;
    if (live !== undefined && operation?.callbackId === id && owned && !isClosed(live.execution.status)) {
      // What is overdue has timed out, whether the timer was quicker or not.
      if (!isOverdue(live.execution, unit.now) && !isPast(operation, unit.now) && operation.status === "STARTED") {
        return { live, operation };
      }
    }
    throw new ServiceError(
      "CallbackTimeoutException",
      "The callback ID token has either expired or the callback associated with the token has already been closed.",
    );
  }

  return {
    start: (request) => ({ ...engine.change((unit) => startOrFind(store, unit, request)) }),
    finished: engine.finished,
    run: (invocation) => runOnce(engine, store, invocation),
    get(arn) {
      const execution = found(engine.glance(arn));
      return { execution, input: store.root(arn)?.input, timesOutAt: deadlineOf(execution) };
    },
    history(arn, { from, limit, newestFirst }) {
      const { events } = found(engine.glance(arn));
      return store.events(arn, from ?? (newestFirst ? events : 1), limit, newestFirst);
    },
    list: store.list,
    checkpoint,
    state(arn, token, { marker, limit }) {
      const { run, sequence } = bearer(arn, token);
      const live = engine.look(arn);
      if (sequence !== run.sequence || live === undefined || isClosed(live.execution.status)) throw stale();
      const { operations, nextMarker } = statePage(live, marker, limit);
      return { operations: operations.map(operationView), nextMarker };
    },
    stop(arn, error) {
      checkError(error);
      return engine.change((unit) => {
        const live = found(unit.get(arn));
        if (!isClosed(live.execution.status)) close(unit, live, { status: "STOPPED", error: error ?? {} });
        return { ...live.execution };
      });
    },
    pause: (arn, request) =>
      engine.change((unit) => pause(unit, found(unit.get(arn)), request, runner.running(arn) !== undefined)),
    resume: (arn, reason, clientToken) =>
      engine.change((unit) => resume(unit, found(unit.get(arn)), { reason, clientToken })),
    remove: (arn) =>
      engine.change((unit) => {
        const { status } = found(unit.get(arn)).execution;
        if (!isClosed(status)) {
          throw new ServiceError(
            "ResourceConflictException",
            `Cannot delete a durable execution in status ${status}. It must have ended.`,
          );
        }
        unit.remove(arn);
      }),
    endCallback(id, owner, end) {
      if ("error" in end) checkError(end.error);
      engine.change((unit) => {
        const { live, operation } = awaited(unit, id, owner);
        operation.ended = unit.now;
        if ("result" in end) {
          operation.status = "SUCCEEDED";
          operation.result = end.result;
          record(live, unit.now, "CallbackSucceeded", operation, { Result: resultOf(end.result) });
        } else {
          operation.status = "FAILED";
          operation.error = end.error;
          record(live, unit.now, "CallbackFailed", operation, { Error: errorOf(end.error) });
        }
        live.execution.bytes += Buffer.byteLength(JSON.stringify(end));
        touch(live, operation);
        live.execution.owed = true;
      });
    },
    heartbeat: (id, owner) =>
      engine.change((unit) => {
        const { live, operation } = awaited(unit, id, owner);
        if (operation.heartbeatSeconds === undefined) return;
        operation.heartbeatDue = unit.now + operation.heartbeatSeconds * 1000;
        live.changed.add(operation);
      }),
    synced: store.synced,
    takeUp() {
      for (const arn of store.active()) {
        // A step without a change: what is owed starts when it is over.
        const live = engine.change((unit) => {
          const owing = unit.get(arn);
          // The invocation that was to stop at its next checkpoint is gone: the pause has nothing to wait for.
          if (owing?.execution.status === "PAUSING") pauseNow(owing, unit.now);
          return owing;
        });
        if (live !== undefined) chains.takeUp(live);
      }
      engine.start();
    },
    close() {
      engine.stop();
      runner.stop();
      chains.stop();
      store.close();
    },
  };
}

const isPast = ({ due, heartbeatDue }: { due?: number | undefined; heartbeatDue?: number | undefined }, now: number) =>
  (due ?? Number.POSITIVE_INFINITY) <= now || (heartbeatDue ?? Number.POSITIVE_INFINITY) <= now;

/** The text that the official SDKs look for: such an invocation is to be repeated, not its execution to be failed. */
const stale = (): ServiceError => invalid("Invalid checkpoint token");
