import { changesOf, deadlineOf, type Live, loadLive } from "./live.ts";
import { type Execution, isClosed } from "./records.ts";
import type { DurableStore } from "./store.ts";

/** One step: whatever it changes is written in one transaction before anybody hears of it. */
export interface Unit {
  readonly now: number;
  /** Loads an execution for a change. */
  get(arn: string): Live | undefined;
  /** A new execution. */
  add(live: Live): void;
  remove(arn: string): void;
  /** Runs when the step is on the disk. */
  after(effect: () => void): void;
}

export interface EngineNeeds {
  readonly store: DurableStore;
  clock(): number;
  /** Calls back once, at this moment or soon after; gives back how to call it off. */
  schedule(at: number, run: () => void): () => void;
  report(error: unknown): void;
  /** Has the function of an execution an invocation running? */
  isRunning(arn: string): boolean;
  /** An invocation is owed and may start. */
  begin(live: Live): void;
  /** The event of an execution that has ended is to go to the dead-letter queue. */
  owesLetter(execution: Execution): void;
  /** Something of the execution is due. */
  fire(unit: Unit, live: Live): void;
}

export interface Engine {
  /** Rejects what `work` throws, with nothing changed. Not to be nested. */
  change<T>(work: (unit: Unit) => T): T;
  /** For reading; undefined: there is none. */
  look(arn: string): Live | undefined;
  /** The same without its operations, which may be many megabytes. */
  glance(arn: string): Execution | undefined;
  /** Resolves when the execution has ended. */
  finished(arn: string): Promise<Execution>;
  /** Looks at what became due while nobody did. */
  start(): void;
  stop(): void;
}

/** How many executions are woken in one transaction: as many share one flush of the disk. */
const wokenAtOnce = 100;

/** Loads executions for the time they change, writes what changed, keeps one timer for all that are due. */
export function createEngine(needs: EngineNeeds): Engine {
  const { store } = needs;
  /** executions that run; all others are only on the disk */
  const loaded = new Map<string, Live>();
  const waiters = new Map<string, ((execution: Execution) => void)[]>();
  let cancel: (() => void) | undefined;
  let started = false;

  const look = (arn: string): Live | undefined => loaded.get(arn) ?? loadLive(store, arn);

  const glance = (arn: string): Execution | undefined => loaded.get(arn)?.execution ?? store.execution(arn);

  function change<T>(work: (unit: Unit) => T): T {
    const lives = new Map<string, Live>();
    const removed: string[] = [];
    const effects: (() => void)[] = [];
    const unit: Unit = {
      now: needs.clock(),
      get(arn) {
        const live = lives.get(arn) ?? look(arn);
        if (live !== undefined) lives.set(arn, live);
        return live;
      },
      add: (live) => void lives.set(live.execution.arn, live),
      remove(arn) {
        lives.delete(arn);
        removed.push(arn);
      },
      after: (effect) => void effects.push(effect),
    };
    let result: T;
    try {
      result = work(unit);
      store.transaction(() => {
        for (const live of lives.values()) store.save(changesOf(live));
        for (const arn of removed) store.remove(arn);
      });
    } catch (error) {
      // What memory says may be half a change: the disk knows better.
      for (const arn of lives.keys()) loaded.delete(arn);
      throw error;
    }
    for (const arn of removed) loaded.delete(arn);
    for (const live of lives.values()) settle(live, unit.now);
    for (const effect of effects) effect();
    arm();
    return result;
  }

  /** Starts what is owed, tells who waits, and forgets an execution that does not run. */
  function settle(live: Live, now: number): void {
    const { arn, status, owed, retryAt } = live.execution;
    if (isClosed(status)) {
      for (const resolve of waiters.get(arn) ?? []) resolve({ ...live.execution });
      waiters.delete(arn);
      if (live.execution.letterOwed === true) needs.owesLetter(live.execution);
    } else if (owed && status === "RUNNING" && (retryAt === undefined || retryAt <= now) && !needs.isRunning(arn)) {
      // Before it begins, for the function may be as quick as to checkpoint at once.
      loaded.set(arn, live);
      needs.begin(live);
      return;
    }
    if (needs.isRunning(arn)) loaded.set(arn, live);
    else loaded.delete(arn);
  }

  function arm(earliest = 0): void {
    if (!started) return;
    cancel?.();
    const due = store.nextDue();
    cancel = due === undefined ? undefined : needs.schedule(Math.max(due, earliest), wake);
  }

  function wake(): void {
    cancel = undefined;
    const arns = store.due(needs.clock(), wokenAtOnce);
    try {
      if (arns.length > 0) change((unit) => fireAll(unit, arns));
      else arm();
    } catch (error) {
      needs.report(error);
      // Never in a busy loop about what cannot be done.
      arm(needs.clock() + 1000);
    }
  }

  function fireAll(unit: Unit, arns: readonly string[]): void {
    for (const arn of arns) {
      const live = unit.get(arn);
      if (live !== undefined) needs.fire(unit, live);
    }
  }

  return {
    change,
    look,
    glance,
    finished(arn) {
      const execution = glance(arn);
      if (execution === undefined) return Promise.reject(new Error(`there is no durable execution ${arn}`));
      if (isClosed(execution.status)) return Promise.resolve(execution);
      return new Promise((resolve) => {
        waiters.set(arn, [...(waiters.get(arn) ?? []), resolve]);
      });
    },
    start() {
      started = true;
      arm();
    },
    stop() {
      started = false;
      cancel?.();
      cancel = undefined;
    },
  };
}

/** Is its time over? */
export const isOverdue = (execution: Execution, now: number): boolean =>
  !isClosed(execution.status) && deadlineOf(execution) <= now;
