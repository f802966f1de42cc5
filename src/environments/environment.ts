import { randomUUID } from "node:crypto";
import type { Driver, Sandbox } from "../isolation/index.ts";
import {
  type FunctionVersion,
  type Invocation,
  limits,
  monotonicMs,
  type Outcome,
  type StartKind,
} from "../model/index.ts";
import type { InvocationLog } from "../observe/index.ts";
import { Deadline } from "./deadline.ts";
import { answerTooLarge, exited, type LoggedFailure, reported, timedOut } from "./failure.ts";
import { headOf } from "./head.ts";
import { type Move, next, type State } from "./lifecycle.ts";
import { createLink, type Link, type ReadyMarks, type RuntimeExit } from "./link.ts";
import { bootDocument, type Plan } from "./plan.ts";

/** What an environment needs from its surroundings. */
export interface EnvironmentNeeds {
  readonly driver: Pick<Driver, "name" | "create">;
  openLog(target: FunctionVersion, logStream: string): InvocationLog;
  /** it is idle now and may serve whoever waits */
  onIdle(environment: Environment): void;
  /** it has begun to end, or ended by itself: never offer it again */
  onEnding(environment: Environment): void;
  /** idle for this long, it gets no more CPU (milliseconds) */
  readonly freezeAfterMs: number;
}

/** Stations of a start, monotonicMs(). */
export interface StartMarks {
  asked: number;
  main: number;
  spawned: number;
  load: number | undefined;
  loaded: number | undefined;
  ready: number;
}

/** One run of one event: what came of it and when. */
export interface Run {
  readonly outcome: Outcome;
  /** the event was sent; the answer was read */
  readonly invoked: number;
  readonly answered: number;
  readonly logTail: Buffer | undefined;
  /** set when this run is the first of its environment */
  readonly start: Readonly<StartMarks> | undefined;
}

interface Current {
  readonly stream: number;
  readonly invocation: Invocation;
  readonly began: number;
  readonly settle: (run: Run) => void;
  /** answers that a streaming function gives to a caller who wants it whole */
  collected: Buffer[] | undefined;
  collectedBytes: number;
  streaming: boolean;
}

interface InitFailure {
  /** `timeout`, or the runtime's error type */
  readonly errorType: string;
  /** what the caller gets when the second try fails too */
  readonly failure: (requestId: string) => LoggedFailure;
}

/** One execution environment: a sandbox, the runtime in it, at most one event at a time. */
export class Environment {
  readonly id = randomUUID().replaceAll("-", "");
  readonly createdAt = Date.now();
  readonly startKind: StartKind = "plain";
  invocations = 0;
  /** milliseconds from the runtime's spawn until it asked for its first event */
  initMs = 0;
  /** when it last became idle, monotonicMs() */
  idleSince = 0;
  /** how long its last event occupied it, milliseconds */
  lastRunMs = 0;
  /** it serves the event it has and then ends */
  retired = false;
  readonly plan: Plan;

  #state: State = "creating";
  #sandbox: Sandbox | undefined;
  #link: Link | undefined;
  /** the end of the sandbox whose init failed */
  #discarded: Promise<unknown> | undefined;
  /** the most memory it used, bytes */
  #discardedPeak = 0;
  readonly #needs: EnvironmentNeeds;
  readonly #log: InvocationLog;
  readonly #logStream: string;
  readonly #marks: StartMarks = { asked: 0, main: 0, spawned: 0, load: undefined, loaded: undefined, ready: 0 };
  #current: Current | undefined;
  #stream = 0;
  #initSettled: (() => void) | undefined;
  #initFailure: InitFailure | undefined;
  /** the init phase failed: whatever follows belongs to an invocation */
  #initLost = false;
  /** why it serves no more, though nobody has stopped it */
  #lost: ((requestId: string) => LoggedFailure) | undefined;
  /** the end of an event's time; it holds until the runtime asks for the next one */
  readonly #limit = new Deadline(() => this.#overstayed());
  /** it has been idle for long enough to get no more CPU */
  readonly #quiet = new Deadline(() => this.#freeze());
  #stopped: Promise<void> | undefined;

  constructor(plan: Plan, needs: EnvironmentNeeds) {
    this.plan = plan;
    this.#needs = needs;
    const day = new Date(this.createdAt).toISOString().slice(0, 10).replaceAll("-", "/");
    this.#logStream = `${day}/[${plan.target.version}]${this.id}`;
    this.#log = needs.openLog(plan.target, this.#logStream);
  }

  get state(): State {
    return this.#state;
  }

  /** It ended without the platform's wish: the function took the agent or the whole sandbox along. */
  get perished(): boolean {
    return this.#lost !== undefined;
  }

  /**
   * Makes the sandbox and boots the runtime. Resolves when the environment is idle, or when its init failed (state
   * `failed`: the first invocation tries once more, as Lambda does). Rejects with the driver's error when there is no sandbox.
   */
  async start(): Promise<void> {
    this.#marks.asked = monotonicMs();
    await this.#settleIn(this.id);
    this.#marks.main = this.#sandbox!.marks.main;
    await this.#boot("init", limits.initSeconds * 1e3);
  }

  /** Makes a sandbox and the link to it. Rejects with the driver's error; the environment is gone then. */
  async #settleIn(sandboxId: string): Promise<void> {
    let sandbox: Sandbox;
    try {
      sandbox = await this.#needs.driver.create({
        id: sandboxId,
        mounts: this.plan.mounts,
        tmpBytes: this.plan.tmpBytes,
        memoryBytes: this.plan.memoryBytes,
        cpus: this.plan.cpus,
        initCpus: this.plan.initCpus,
        network: this.plan.target.network,
        runtimeLink: this.plan.link === "frames",
      });
    } catch (error) {
      this.#ended();
      throw error;
    }
    if (this.#state !== "creating") {
      await sandbox.kill();
      throw new Error("the environment was stopped while its sandbox was being made");
    }
    this.#sandbox = sandbox;
    void sandbox.exited.then(() => {
      // Nobody's wish: the function took the whole sandbox along.
      if (this.#sandbox === sandbox) this.#exit({ signal: "SIGKILL" });
    });
    this.#link = createLink(sandbox.link, sandbox.runtimeLink, {
      ready: (marks) => this.#ready(marks),
      initError: (errorType, document) => this.#initBroke(errorType, () => reported(errorType, document)),
      response: (stream, body, ready) => {
        if (this.#is(stream)) this.#returned(body, ready);
      },
      streamStart: (stream, contentType) => this.#streamStart(stream, contentType),
      streamChunk: (stream, bytes) => this.#streamChunk(stream, bytes),
      streamEnd: (stream, error, ready) => this.#streamEnd(stream, error, ready),
      error: (stream, errorType, document, ready) => {
        if (this.#is(stream)) this.#fail(reported(errorType, document), ready);
      },
      log: (source, bytes) => this.#log.write(source, bytes),
      exit: (status) => this.#exit(status),
      closed: () => this.#exit({ signal: "SIGKILL" }),
    });
    this.#move("made");
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
    return Math.max(this.#sandbox?.memoryPeakBytes() ?? 0, this.#discardedPeak);
  }

  memoryBytes(): number {
    return this.#sandbox?.memoryBytes() ?? 0;
  }

  #move(move: Move): void {
    this.#state = next(this.#state, move);
  }

  #is(stream: number): boolean {
    return this.#current?.stream === stream && this.#state === "busy";
  }

  // — init —

  async #boot(phase: "init" | "invoke", limitMs: number): Promise<void> {
    const began = monotonicMs();
    this.#initFailure = undefined;
    this.#marks.load = undefined;
    this.#marks.loaded = undefined;
    this.#log.initStart(this.plan.runtimeVersion);
    const sandbox = this.#sandbox!;
    const settled = new Promise<void>((resolve) => {
      this.#initSettled = resolve;
    });
    this.#link!.boot(bootDocument(this.plan, sandbox, this.#logStream, this.#needs.driver.name !== "process"));
    const late = (requestId: string) => timedOut(requestId, this.plan.target.timeoutSeconds);
    const timer = setTimeout(() => this.#initBroke("timeout", late), limitMs);
    await settled;
    clearTimeout(timer);
    const failure = this.#brokeWith();
    if (failure) this.#log.initReport(monotonicMs() - began, phase, failure.errorType);
  }

  #brokeWith(): InitFailure | undefined {
    return this.#initFailure;
  }

  #ready(marks: ReadyMarks | undefined): void {
    if (this.#state === "initializing") {
      const now = monotonicMs();
      this.#marks.spawned = marks?.spawned ?? now;
      this.#marks.load = marks?.load;
      this.#marks.loaded = marks?.loaded;
      this.#marks.ready = now;
      this.initMs = now - this.#marks.spawned;
      this.#becomeIdle();
      // After the first event is on its way: two writes that nobody should wait for.
      setImmediate(() => this.#sandbox?.limitCpu());
      this.#initSettled?.();
    } else if (this.#state === "settling") {
      this.#becomeIdle();
      this.#needs.onIdle(this);
    }
  }

  /** The sandbox goes with whatever the failed init has left in it. */
  #initBroke(errorType: string, failure: (requestId: string) => LoggedFailure): void {
    if (this.#state !== "initializing") return;
    this.#initFailure = { errorType, failure };
    this.#initLost = true;
    this.#move("broke");
    this.#discardedPeak = this.memoryPeakBytes();
    this.#link?.close();
    this.#discarded = this.#sandbox?.kill();
    this.#sandbox = undefined;
    this.#initSettled?.();
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
    const { failure } = this.#brokeWith() ?? first;
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
    return new Promise<Run>((settle) => {
      this.#current = {
        stream,
        invocation,
        began,
        settle,
        collected: undefined,
        collectedBytes: 0,
        streaming: false,
      };
      this.#link!.invoke(stream, headOf(invocation, Date.now() + limitMs), invocation.payload);
    });
  }

  #answer(outcome: Outcome, ready: boolean, failure?: LoggedFailure): void {
    const current = this.#current!;
    this.#current = undefined;
    const run = this.#finish(current.invocation, current.began, outcome, failure, monotonicMs());
    if (ready) this.#becomeIdle();
    else this.#move("answered");
    current.settle(run);
    // After the caller has its answer: whoever waits for this environment comes second.
    if (ready) this.#needs.onIdle(this);
    else if (this.retired) void this.stop();
  }

  /** A whole answer. Who sends it keeps to the limit, or should. */
  #returned(payload: Buffer, ready: boolean): void {
    const limit = limits.syncResponseBytes;
    if (payload.length <= limit) this.#answer({ kind: "returned", payload }, ready);
    else this.#fail(answerTooLarge(this.#current!.invocation.requestId, limit), ready);
  }

  #fail(failure: LoggedFailure, ready: boolean): void {
    this.#answer({ kind: "failed", failure }, ready, failure);
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
      initMs: first && !this.#initLost ? this.initMs : undefined,
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
    const current = this.#current;
    if (!current) {
      // It has answered and would never ask for more.
      if (this.#state === "settling") void this.stop();
      return;
    }
    this.#fail(timedOut(current.invocation.requestId, current.invocation.target.timeoutSeconds), false);
    void this.stop();
  }

  /** The runtime is gone, or the agent itself, or one of them spoke wrongly: the sandbox with everything in it follows. */
  #exit(status: RuntimeExit): void {
    const outOfMemory = this.#sandbox?.takeOutOfMemory() ?? false;
    const failure = (requestId: string) => exited(requestId, status, outOfMemory);
    if (this.#state === "initializing") {
      this.#initBroke(outOfMemory ? "Runtime.OutOfMemory" : "Runtime.ExitError", failure);
      return;
    }
    if (this.#state === "stopping" || this.#state === "gone") return;
    this.#lost = failure;
    const current = this.#current;
    if (current) this.#fail(failure(current.invocation.requestId), false);
    void this.stop();
  }

  // — streamed answers —

  #streamStart(stream: number, contentType: string): void {
    if (!this.#is(stream)) return;
    const current = this.#current!;
    current.streaming = true;
    if (current.invocation.onStream) current.invocation.onStream.start(contentType);
    else current.collected = [];
  }

  #streamChunk(stream: number, bytes: Buffer): void {
    if (!this.#is(stream)) return;
    const current = this.#current!;
    if (current.collected) {
      current.collectedBytes += bytes.length;
      if (current.collectedBytes <= limits.syncResponseBytes) current.collected.push(bytes);
      return;
    }
    const wait = current.invocation.onStream?.write(bytes);
    if (!wait) return;
    this.#link?.pause();
    void wait.finally(() => this.#link?.resume());
  }

  #streamEnd(
    stream: number,
    error: { readonly type: string; readonly document: Buffer } | undefined,
    ready: boolean,
  ): void {
    if (!this.#is(stream)) return;
    const current = this.#current!;
    const failure = error ? reported(error.type, error.document) : undefined;
    if (!current.collected) {
      this.#answer(failure ? { kind: "streamed", error: failure } : { kind: "streamed" }, ready, failure);
    } else if (failure) {
      this.#fail(failure, ready);
    } else if (current.collectedBytes > limits.syncResponseBytes) {
      this.#fail(answerTooLarge(current.invocation.requestId, limits.syncResponseBytes), ready);
    } else {
      this.#returned(Buffer.concat(current.collected), ready);
    }
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
    if (this.#sandbox!.freezer) this.#sandbox!.freeze();
    else this.#link!.freeze();
  }

  #thaw(): void {
    this.#move("thaw");
    if (this.#sandbox!.freezer) this.#sandbox!.thaw();
    else this.#link!.thaw();
  }

  // — the end —

  async #stop(): Promise<void> {
    if (this.#state === "gone") return;
    this.#move("stop");
    this.#leave();
    await Promise.all([this.#sandbox?.kill(), this.#discarded]);
    this.#ended();
  }

  #ended(): void {
    if (this.#state === "gone") return;
    const current = this.#current;
    if (current) this.#fail(exited(current.invocation.requestId, { signal: "SIGKILL" }, false), false);
    this.#leave();
    this.#move("ended");
  }

  #leave(): void {
    this.#limit.close();
    this.#quiet.close();
    this.#initSettled?.();
    this.#link?.close();
    this.#needs.onEnding(this);
  }
}
