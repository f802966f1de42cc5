import type { Sealer } from "../keys/index.ts";
import { type Invocation, type InvocationResult, ServiceError } from "../model/index.ts";
import { type CallbackEnd, type CallbackOwner, endCallback, heartbeat } from "./callbacks.ts";
import { type ChainsNeeds, createChains } from "./chains.ts";
import { type Checkpoints, createCheckpoints } from "./checkpoints.ts";
import { close } from "./closing.ts";
import { createDocuments } from "./documents.ts";
import { createEngine, isOverdue, type Unit } from "./engine.ts";
import type { InvokingNeeds } from "./invoking.ts";
import { createLetters, type LettersNeeds } from "./letters.ts";
import { deadlineOf, type Live } from "./live.ts";
import { type PauseRequest, pause, pauseNow, resume } from "./pausing.ts";
import { type ErrorObject, type Execution, forgottenAt, type HistoryEvent, isClosed } from "./records.ts";
import { createRunner } from "./runner.ts";
import { runOnce } from "./running-once.ts";
import { type StartRequest, startOrFind } from "./starting.ts";
import { type Listing, openDurableStore } from "./store.ts";
import { fireDue } from "./timers.ts";
import { checkError } from "./validate.ts";

export interface DurableNeeds extends InvokingNeeds, Pick<ChainsNeeds, "trace"> {
  /** the database file; its folder must exist. `:memory:` for none */
  readonly path: string;
  /** seals what is written of them; absent: nothing is sealed */
  readonly sealer?: Sealer | undefined;
  /** milliseconds since 1970 */
  clock(): number;
  /** Calls back once, at this moment of the clock or soon after; gives back how to call it off. */
  schedule(at: number, run: () => void): () => void;
  deadLetter: LettersNeeds["deadLetter"];
  report(error: unknown): void;
}

/**
 * Durable executions: functions that checkpoint, give their environment back while they wait, and are invoked again. What
 * was done survives the process, and a power cut once it is synced(). Failures are thrown as ServiceError in Lambda's words.
 */
export interface Durable extends Checkpoints {
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

export function createDurable(needs: DurableNeeds): Durable {
  const store = openDurableStore(needs.path, createDocuments(needs.sealer));
  const runner = createRunner({ ...needs, engine: () => engine });
  const chains = createChains({ ...needs, engine: () => engine });
  const letters = createLetters({ ...needs, store, engine: () => engine });
  const engine = createEngine({
    ...needs,
    store,
    owesLetter: letters.owed,
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
    ...createCheckpoints(engine, runner, chains),
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
      engine.change((unit) => endCallback(unit, id, owner, end));
    },
    heartbeat: (id, owner) => engine.change((unit) => heartbeat(unit, id, owner)),
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
      letters.stop();
      runner.stop();
      chains.stop();
      store.close();
    },
  };
}
