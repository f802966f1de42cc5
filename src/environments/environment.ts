import { randomUUID } from "node:crypto";
import type { Driver } from "../isolation/index.ts";
import { type FunctionVersion, type Invocation, limits, monotonicMs, type Outcome } from "../model/index.ts";
import type { InitializationType, InvocationLog } from "../observe/index.ts";
import { Deadline } from "./deadline.ts";
import { exited, type LoggedFailure, reported, timedOut } from "./failure.ts";
import { headOf } from "./head.ts";
import { Housing, type HousingEvents } from "./housing.ts";
import { type Move, next, type State } from "./lifecycle.ts";
import type { ReadyMarks, RuntimeExit } from "./link.ts";
import {
  bootDocument,
  initializationOf,
  logStreamOf,
  type Plan,
  resumeDocument,
  type StartTerms,
  sandboxOf,
} from "./plan.ts";
import { hookFailed, hooksTimedOut, RestoreFailed, restoreErrorType } from "./restore-failure.ts";
import { type Run, Serving } from "./serving.ts";
import { type InitFailure, Start, type StartMarks } from "./start.ts";

export type { Run } from "./serving.ts";
export type { StartMarks } from "./start.ts";

/** What an environment needs from its surroundings. */
export interface EnvironmentNeeds {
  readonly driver: Pick<Driver, "name" | "create">;
  openLog(target: FunctionVersion, logStream: string, initialization: InitializationType): InvocationLog;
  /** it is idle now and may serve whoever waits */
  onIdle(environment: Environment): void;
  /** it has begun to end, or ended by itself: never offer it again */
  onEnding(environment: Environment): void;
  /** a copy was ended by a signal at its first event or before: it may have been a bad copy */
  onCrash(environment: Environment, signal: string): void;
  /** idle for this long, it gets no more CPU (milliseconds) */
  readonly freezeAfterMs: number;
}

/** How an environment comes to be: the rungs of the ladder (ladder.ts) below "warm". */
export type StartMode =
  | { readonly kind: "plain" }
  /** a copy of an initialised runtime; `via`: how that one takes its events */
  | { readonly kind: "restore"; readonly image: string; readonly via: "frames" | "http" };

/** How long the processes of a copy may take to stand in their new sandbox (milliseconds): a hundred times what is usual. */
const wakeMs = 2000;

/** Signals that a process gets when its memory or registers are not what it believes them to be. */
const crashes: ReadonlySet<string> = new Set(["SIGSEGV", "SIGBUS", "SIGILL", "SIGTRAP", "SIGFPE"]);

/** One execution environment: a sandbox, the runtime in it, at most one event at a time. */
export class Environment {
  readonly id = randomUUID().replaceAll("-", "");
  readonly createdAt = Date.now();
  readonly plan: Plan;
  readonly mode: StartMode;
  /** it is kept for provisioned concurrency, whether it is used or not */
  provisioned: boolean;
  invocations = 0;
  /** milliseconds from the runtime's spawn until it asked for its first event */
  initMs = 0;
  /** when it last became idle, monotonicMs() */
  idleSince = 0;
  /** how long its last event occupied it, milliseconds */
  lastRunMs = 0;
  /** it serves the event it has and then ends */
  retired = false;

  #state: State = "creating";
  #housing: Housing | undefined;
  /** the end of the sandbox whose init failed */
  #discarded: Promise<unknown> | undefined;
  /** the most memory it used, bytes */
  #discardedPeak = 0;
  readonly #needs: EnvironmentNeeds;
  readonly #log: InvocationLog;
  readonly #terms: StartTerms;
  readonly #marks: StartMarks = { asked: 0, main: 0, spawned: 0, load: undefined, loaded: undefined, ready: 0 };
  #booting: Start<InitFailure> | undefined;
  #waking: Start<Error> | undefined;
  #initFailure: InitFailure | undefined;
  /** the init phase failed: whatever follows belongs to an invocation */
  #initLost = false;
  #serving: Serving | undefined;
  #stream = 0;
  /** why it serves no more, though nobody has stopped it */
  #lost: ((requestId: string) => LoggedFailure) | undefined;
  /** the end of an event's time; it holds until the runtime asks for the next one */
  readonly #limit = new Deadline(() => this.#overstayed());
  /** it has been idle for long enough to get no more CPU */
  readonly #quiet = new Deadline(() => this.#freeze());
  #stopped: Promise<void> | undefined;

  constructor(plan: Plan, mode: StartMode, provisioned: boolean, needs: EnvironmentNeeds) {
    this.plan = plan;
    this.mode = mode;
    this.provisioned = provisioned;
    this.#needs = needs;
    const logStream = logStreamOf(plan.target, this.createdAt, this.id);
    const initialization = initializationOf(plan.target, provisioned);
    this.#terms = { logStream, initialization, restore: mode.kind === "restore" };
    this.#log = needs.openLog(plan.target, logStream, initialization);
  }

  get state(): State {
    return this.#state;
  }

  get startKind(): StartMode["kind"] {
    return this.mode.kind;
  }

  /** It ended without the platform's wish: the function took the agent or the whole sandbox along. */
  get perished(): boolean {
    return this.#lost !== undefined;
  }

  /**
   * Makes the sandbox and the runtime in it. Resolves when the environment is idle, or when its init failed (state
   * `failed`: the first invocation tries once more, as Lambda does). Rejects when there is no environment: with the
   * driver's error when there is no sandbox, with RestoreFailed when a copy did not wake, with ServiceError
   * (SnapStartException, SnapStartTimeoutException) when its own hooks kept it from that.
   */
  async start(): Promise<void> {
    this.#marks.asked = monotonicMs();
    const { mode } = this;
    await this.#settleIn(this.id, mode.kind === "restore" ? mode.image : undefined);
    this.#marks.main = this.#housing!.sandbox.marks.main;
    if (mode.kind === "restore") await this.#restore(mode.via);
    else await this.#boot("init", initSeconds(this.plan.target, this.provisioned) * 1e3);
  }

  /**
   * Runs one event. Legal when idle, frozen, failed or perished. Never rejects: whatever the function does is an outcome.
   * `admitted` and what came before are the caller's to time.
   */
  run(invocation: Invocation): Promise<Run> | Run {
    if (this.#lost) return this.#failedAtOnce(invocation, monotonicMs(), this.#lost(invocation.requestId));
    if (this.#state === "failed") return this.#runAfterFailedInit(invocation);
    return this.#invoke(invocation, monotonicMs(), invocation.target.timeoutSeconds * 1e3);
  }

  /** Kills everything in it. Resolves when nothing is left. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Highest memory use so far, bytes. */
  memoryPeakBytes(): number {
    return Math.max(this.#housing?.sandbox.memoryPeakBytes() ?? 0, this.#discardedPeak);
  }

  memoryBytes(): number {
    return this.#housing?.sandbox.memoryBytes() ?? 0;
  }

  #move(move: Move): void {
    this.#state = next(this.#state, move);
  }

  // — the start —

  /** Makes a sandbox and the links into it. Rejects with the driver's error; the environment is gone then. */
  async #settleIn(sandboxId: string, image?: string): Promise<void> {
    let housing: Housing;
    try {
      housing = await Housing.make(this.#needs.driver, sandboxOf(this.plan, sandboxId, image), this.#events());
    } catch (error) {
      this.#ended();
      throw error;
    }
    if (this.#state !== "creating") {
      await housing.leave();
      throw new Error("the environment was stopped while its sandbox was being made");
    }
    this.#housing = housing;
    this.#move(image === undefined ? "made" : "restore");
  }

  #events(): HousingEvents {
    return {
      ready: (marks) => this.#ready(marks),
      initError: (errorType, document) => this.#initBroke(errorType, () => reported(errorType, document)),
      // A runtime that would be copied, but is not, goes on at once; a copy says it again.
      prepared: () => this.#housing?.link.wake("http", resumeDocument(this.#terms)),
      restoreError: (errorType, document) => {
        if (this.#state === "restoring") this.#restoreBroke(hookFailed(reported(errorType, document).errorType));
        else this.#initBroke(errorType, () => reported(errorType, document));
      },
      response: (stream, body, ready) => this.#served(stream)?.returned(body, ready),
      error: (stream, errorType, document, ready) => this.#served(stream)?.failed(reported(errorType, document), ready),
      streamStart: (stream, contentType) => this.#served(stream)?.streamStarted(contentType),
      streamChunk: (stream, bytes) => this.#served(stream)?.streamed(bytes),
      streamEnd: (stream, error, ready) => this.#served(stream)?.streamEnded(error, ready),
      log: (source, bytes) => this.#log.write(source, bytes),
      exit: (status, outOfMemory) => this.#exit(status, outOfMemory),
    };
  }

  #sendBoot(): void {
    const { sandbox, link } = this.#housing!;
    link.boot(bootDocument(this.plan, sandbox, this.#terms, this.#needs.driver.name !== "process"));
  }

  /** Boots a runtime from nothing. */
  async #boot(phase: "init" | "invoke", limitMs: number): Promise<void> {
    this.#initFailure = undefined;
    this.#log.initStart(this.plan.runtimeVersion);
    const late = (requestId: string) => timedOut(requestId, this.plan.target.timeoutSeconds);
    const start = new Start<InitFailure>(limitMs, () => this.#initBroke("timeout", late));
    this.#booting = start;
    this.#sendBoot();
    await start.ended;
    this.#initFailure = start.failure;
    if (start.failure) this.#log.initReport(monotonicMs() - start.began, phase, start.failure.errorType);
  }

  /** Lets a copy of an initialised runtime wake. */
  async #restore(via: "frames" | "http"): Promise<void> {
    this.#log.restoreStart(this.plan.runtimeVersion);
    const start = new Start<Error>(limits.restoreSeconds * 1e3, () => {
      this.#restoreBroke(this.plan.target.snapStart ? hooksTimedOut() : new RestoreFailed("it never became ready"));
    });
    this.#waking = start;
    this.#sendBoot();
    // It waits in the socket until there is somebody to read it. Over HTTP the copy has to ask first.
    if (via === "frames") this.#housing!.link.wake("frames", resumeDocument(this.#terms));
    const hangs = setTimeout(() => {
      if (!this.#housing?.link.hasSpawned) this.#restoreBroke(new RestoreFailed("the agent did not make the process"));
    }, wakeMs);
    await start.ended;
    clearTimeout(hangs);
    const { failure } = start;
    this.#log.restoreReport(monotonicMs() - this.#marks.asked, failure && restoreErrorType(failure));
    if (!failure) return;
    void this.stop();
    throw failure;
  }

  #ready(marks: ReadyMarks | undefined): void {
    if (this.#state === "initializing" || this.#state === "restoring") {
      const now = monotonicMs();
      this.#marks.spawned = marks?.spawned ?? now;
      this.#marks.load = marks?.load;
      this.#marks.loaded = marks?.loaded;
      this.#marks.ready = now;
      this.initMs = now - this.#marks.spawned;
      this.#becomeIdle();
      // After the first event is on its way: two writes that nobody should wait for.
      setImmediate(() => this.#housing?.sandbox.limitCpu());
      this.#booting?.close();
      this.#waking?.close();
    } else if (this.#state === "settling") {
      this.#becomeIdle();
      this.#needs.onIdle(this);
    }
  }

  /** The sandbox goes with whatever the failed init has left in it. */
  #initBroke(errorType: string, failure: (requestId: string) => LoggedFailure): void {
    if (this.#state === "restoring") this.#restoreBroke(new RestoreFailed(errorType));
    if (this.#state !== "initializing") return;
    this.#initLost = true;
    this.#move("broke");
    this.#discardedPeak = this.memoryPeakBytes();
    this.#discarded = this.#housing?.leave();
    this.#housing = undefined;
    this.#booting!.break({ errorType, failure });
  }

  #restoreBroke(failure: Error): void {
    if (this.#state === "restoring") this.#waking!.break(failure);
  }

  /** Lambda tries a failed init once more inside the first invocation, under the function's timeout. */
  async #runAfterFailedInit(invocation: Invocation): Promise<Run> {
    let began = monotonicMs();
    const limitMs = invocation.target.timeoutSeconds * 1e3;
    const first = this.#initFailure!;
    this.#move("retry");
    try {
      await this.#settleIn(randomUUID().replaceAll("-", ""));
      // Making the sandbox is no time of the function's.
      began = monotonicMs();
      await this.#boot("invoke", limitMs);
    } catch {
      // No second sandbox to be had: the first one's failure stands.
      this.#initFailure = first;
    }
    if (this.state === "idle") return this.#invoke(invocation, began, limitMs - (monotonicMs() - began));
    const { failure } = this.#initFailure ?? first;
    const run = this.#failedAtOnce(invocation, began, failure(invocation.requestId));
    void this.stop();
    return run;
  }

  /** The event never reached a runtime. */
  #failedAtOnce(invocation: Invocation, began: number, failure: LoggedFailure): Run {
    this.#log.begin(invocation);
    return this.#finish(invocation, began, { kind: "failed", failure }, failure, began);
  }

  // — one event —

  #invoke(invocation: Invocation, began: number, limitMs: number): Promise<Run> {
    this.#quiet.lift();
    this.#limit.set(monotonicMs() + limitMs);
    if (this.#state === "frozen") this.#thaw();
    this.#move("invoke");
    const stream = ++this.#stream;
    this.invocations++;
    this.#log.begin(invocation);
    const { link } = this.#housing!;
    return new Promise<Run>((settle) => {
      this.#serving = new Serving(stream, invocation, began, {
        link,
        answered: (outcome, ready, failure) => this.#answered(outcome, ready, failure, settle),
      });
      link.invoke(stream, headOf(invocation, Date.now() + limitMs), invocation.payload);
    });
  }

  /** The event that an answer is for, if it is waited for. */
  #served(stream: number): Serving | undefined {
    return this.#serving?.stream === stream && this.#state === "busy" ? this.#serving : undefined;
  }

  #answered(outcome: Outcome, ready: boolean, failure: LoggedFailure | undefined, settle: (run: Run) => void): void {
    const { invocation, began } = this.#serving!;
    this.#serving = undefined;
    const run = this.#finish(invocation, began, outcome, failure, monotonicMs());
    if (ready) this.#becomeIdle();
    else this.#move("answered");
    settle(run);
    // After the caller has its answer: whoever waits for this environment comes second.
    if (ready) this.#needs.onIdle(this);
    else if (this.retired) void this.stop();
  }

  #finish(
    invocation: Invocation,
    began: number,
    outcome: Outcome,
    failure: LoggedFailure | undefined,
    answered: number,
  ): Run {
    this.lastRunMs = answered - began;
    const first = this.#marks.ready > 0 || failure ? this.#takeStart() : undefined;
    if (failure?.logged) this.#log.platform(failure.logged);
    const logTail = this.#log.end({
      durationMs: monotonicMs() - began,
      initMs: first && this.mode.kind === "plain" && !this.#initLost ? this.initMs : undefined,
      restore: first && this.mode.kind === "restore" ? restoreDurations(first) : undefined,
      memoryPeakBytes: this.memoryPeakBytes(),
      errorType: failure?.errorType,
      tail: invocation.tail,
    });
    return { outcome, invoked: began, answered, logTail, start: first };
  }

  #takeStart(): Readonly<StartMarks> | undefined {
    if (this.#marks.asked === 0) return undefined;
    const marks = { ...this.#marks };
    this.#marks.asked = 0;
    return marks;
  }

  #overstayed(): void {
    const serving = this.#serving;
    if (!serving) {
      // It has answered and would never ask for more.
      if (this.#state === "settling") void this.stop();
      return;
    }
    serving.failed(timedOut(serving.invocation.requestId, serving.invocation.target.timeoutSeconds), false);
    void this.stop();
  }

  /** The runtime is gone: the sandbox with everything in it follows. */
  #exit(status: RuntimeExit, outOfMemory: boolean): void {
    const failure = (requestId: string) => exited(requestId, status, outOfMemory);
    if (this.#state === "initializing") {
      this.#initBroke(outOfMemory ? "Runtime.OutOfMemory" : "Runtime.ExitError", failure);
      return;
    }
    if (this.#state === "restoring") {
      this.#restoreBroke(new RestoreFailed(`the process ended: ${status.signal ?? `code ${status.code}`}`));
      return;
    }
    if (this.#state === "stopping" || this.#state === "gone") return;
    this.#lost = failure;
    if (this.mode.kind !== "plain" && this.invocations <= 1 && crashes.has(status.signal ?? "")) {
      this.#needs.onCrash(this, status.signal!);
    }
    const serving = this.#serving;
    serving?.failed(failure(serving.invocation.requestId), false);
    void this.stop();
  }

  // — between events —

  #becomeIdle(): void {
    this.#move("ready");
    this.idleSince = monotonicMs();
    this.#limit.lift();
    this.#quiet.set(this.idleSince + this.#needs.freezeAfterMs);
  }

  #freeze(): void {
    if (this.#state !== "idle") return;
    this.#move("freeze");
    this.#housing!.freeze();
  }

  #thaw(): void {
    this.#move("thaw");
    this.#housing!.thaw();
  }

  // — the end —

  async #stop(): Promise<void> {
    if (this.#state === "gone") return;
    this.#move("stop");
    this.#leave();
    await Promise.all([this.#housing?.leave(), this.#discarded]);
    this.#ended();
  }

  #ended(): void {
    if (this.#state === "gone") return;
    const serving = this.#serving;
    serving?.failed(exited(serving.invocation.requestId, { signal: "SIGKILL" }, false), false);
    this.#leave();
    this.#move("ended");
  }

  #leave(): void {
    this.#limit.close();
    this.#quiet.close();
    this.#booting?.close();
    this.#waking?.close();
    this.#needs.onEnding(this);
  }
}

/** What REPORT says of a restore: all of it, and its hooks' part. Milliseconds. */
function restoreDurations(start: Readonly<StartMarks>): { durationMs: number; runtimeMs: number } {
  const { asked, load, loaded, ready } = start;
  return { durationMs: ready - asked, runtimeMs: load === undefined || loaded === undefined ? 0 : loaded - load };
}

/** Seconds an init may take before its first event: longer where nobody waits ("Understanding the Lambda execution environment lifecycle"). */
function initSeconds(target: FunctionVersion, provisioned: boolean): number {
  return provisioned ? Math.max(limits.snapshotInitSeconds, target.timeoutSeconds) : limits.initSeconds;
}
