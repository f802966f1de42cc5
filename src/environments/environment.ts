import { randomUUID } from "node:crypto";
import type { ExtensionFault } from "../extensions/index.ts";
import { type Invocation, monotonicMs } from "../model/index.ts";
import type { InvocationLog } from "../observe/index.ts";
import { Arrival } from "./arrival.ts";
import type { EnvironmentNeeds } from "./environment-needs.ts";
import type { Errand } from "./errand.ts";
import { Events } from "./events.ts";
import { exited, extensionFailed, type LoggedFailure, reported } from "./failure.ts";
import type { ShutdownReason } from "./farewell.ts";
import { headOf, traceIn } from "./head.ts";
import type { HousingEvents } from "./housing.ts";
import { Life, type State } from "./lifecycle.ts";
import type { ReadyMarks, RuntimeExit, SentEvent } from "./link.ts";
import { initializationOf, logStreamOf, type Plan } from "./plan.ts";
import { Reports } from "./reports.ts";
import { Rest } from "./rest.ts";
import { isCrash } from "./restore-failure.ts";
import type { Run } from "./serving.ts";
import { initSeconds, type StartMode } from "./start.ts";

export type { EnvironmentNeeds } from "./environment-needs.ts";
export type { Run } from "./serving.ts";
export type { StartMarks } from "./start.ts";

/**
 * One execution environment: a sandbox, the runtime in it, at most one event at a time. On a capacity provider it is `shared`:
 * several events at once, each with a time of its own. One that takes too long is answered for, and goes on: nothing but
 * the function ends it, and its place is taken until then.
 */
export class Environment {
  readonly id = randomUUID().replaceAll("-", "");
  readonly createdAt = Date.now();
  readonly plan: Plan;
  readonly mode: StartMode;
  /** it is kept for provisioned concurrency, whether it is used or not */
  provisioned: boolean;
  /** whose events it may run, of a function that keeps its tenants apart; set before it starts */
  tenant: string | undefined;
  /** it serves the event it has and then ends */
  retired = false;
  readonly shared: boolean;

  readonly #life = new Life();
  readonly #arrival: Arrival;
  readonly #reports: Reports;
  readonly #needs: EnvironmentNeeds;
  readonly #log: InvocationLog;
  readonly #rest: Rest;
  readonly #running: Events;
  #stream = 0;
  /** the event that a copy was given before it was ready; and what comes of it, from then on */
  #ahead: { readonly invocation: Invocation; run?: Promise<Run> } | undefined;
  /** it was no copy, or has had its first event */
  #proven: boolean;
  /** why it serves no more, though nobody has stopped it */
  #lost: ((requestId: string) => LoggedFailure) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(plan: Plan, mode: StartMode, provisioned: boolean, needs: EnvironmentNeeds) {
    this.plan = plan;
    this.mode = mode;
    this.provisioned = provisioned;
    this.#needs = needs;
    this.#proven = mode.kind === "plain";
    this.shared = plan.target.managed !== undefined;
    const logStream = logStreamOf(plan.target, this.createdAt, this.id);
    const initialization = initializationOf(plan.target, provisioned);
    const credentials = plan.credentials?.();
    const terms = { logStream, initialization, credentials, rehearse: provisioned };
    const log = needs.openLog(plan.target, logStream, initialization);
    this.#log = log;
    const events = this.#events();
    const besideChanged = () => this.#besideChanged();
    const besideFailed = (fault: ExtensionFault) => this.#besideFailed(fault);
    const { driver } = needs;
    this.#arrival = new Arrival({ driver, plan, terms, log, life: this.#life, events, besideChanged, besideFailed });
    this.#reports = new Reports(this.#arrival, mode);
    const housing = () => this.#arrival.housing!;
    // On a capacity provider they run on between events.
    const freezeAfterMs = this.shared ? undefined : needs.freezeAfterMs;
    this.#rest = new Rest({ life: this.#life, housing, freezeAfterMs });
    this.#running = new Events(this.shared, {
      life: this.#life,
      rest: this.#rest,
      reports: this.#reports,
      log,
      ownLog: () => needs.openLog(plan.target, logStream, initialization),
      link: () => housing().link,
      answered: () => this.#prove(undefined),
      beside: () => this.#arrival.beside,
      extensionsTook: (afterMs) => needs.onExtensions(this, afterMs),
      free: () => needs.onIdle(this),
      retired: () => this.retired,
      end: (reason) => void this.stop(reason),
    });
  }

  get state(): State {
    return this.#life.state;
  }

  /** milliseconds from the runtime's spawn until it asked for its first event; 0: it has not yet */
  get initMs(): number {
    return this.#reports.initMs;
  }

  /** milliseconds that its runtime took to load the function's code; undefined: it has not said */
  get loadMs(): number | undefined {
    const { load, loaded } = this.#arrival.marks;
    return load === undefined || loaded === undefined ? undefined : loaded - load;
  }

  /** when it was ready for its first event, monotonicMs(); 0: it has not been */
  get readyAt(): number {
    return this.#arrival.marks.ready;
  }

  /** events that it has been given */
  get invocations(): number {
    return this.#running.count;
  }

  /** how long its last event occupied it, milliseconds */
  get lastRunMs(): number {
    return this.#running.lastRunMs;
  }

  /** when it last became idle, monotonicMs() */
  get idleSince(): number {
    return this.#rest.since;
  }

  /** frozen, it has given the memory back that the kernel could take */
  get hibernated(): boolean {
    return this.#rest.hibernated;
  }

  /** events that hold a place in it */
  get load(): number {
    return this.#running.load;
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
   * (SnapStartException, SnapStartTimeoutException) when its own hooks kept it from that. With an event from its `errand` it
   * resolves when that has begun: busy, or beyond. Whoever waits for it asks run() for what comes of it.
   */
  async start(errand?: Errand): Promise<void> {
    this.#arrival.marks.asked = monotonicMs();
    const { mode } = this;
    const image = mode.kind === "plain" ? undefined : mode.image;
    await this.#settle(this.id, mode.kind === "restore" ? "restore" : "made", image);
    const limitMs = initSeconds(this.plan.target, this.provisioned) * 1e3;
    if (mode.kind === "plain") {
      await this.#arrival.boot("init", limitMs);
      return;
    }
    try {
      if (mode.kind === "pool") await this.#arrival.load(limitMs);
      else await this.#arrival.wake(mode.via, mode.via === "frames" ? this.#takeAlong(errand) : undefined);
    } catch (error) {
      if (this.#ahead) errand!.giveBack();
      this.#ahead = undefined;
      void this.stop();
      throw error;
    }
  }

  /**
   * Runs one event of its tenant. Legal when idle, frozen, failed or perished, and when busy if it is shared. Never rejects: whatever the function does is an outcome.
   * `admitted` and what came before are the caller's to time.
   */
  run(invocation: Invocation): Promise<Run> | Run {
    this.#checkTenant(invocation);
    const ahead = this.#ahead?.invocation === invocation ? this.#ahead.run : undefined;
    if (ahead) {
      this.#ahead = undefined;
      return ahead;
    }
    if (this.#lost) return this.#failedAtOnce(invocation, monotonicMs(), this.#lost(invocation.requestId));
    if (this.state === "failed") return this.#runAfterFailedInit(invocation);
    return this.#invoke(invocation, monotonicMs(), invocation.target.timeoutSeconds * 1e3);
  }

  /** Another tenant's event here would be a fault of the platform's. */
  #checkTenant({ tenantId }: Invocation): void {
    if (tenantId !== this.tenant) throw new Error("an event of another tenant");
  }

  /** Kills everything in it, after its extensions have had their time. Resolves when nothing is left. */
  stop(reason: ShutdownReason = "spindown"): Promise<void> {
    this.#stopped ??= this.#stop(reason);
    return this.#stopped;
  }

  /** Gives memory back while it is frozen. Resolves with the bytes; undefined: it is not frozen. Never rejects. */
  hibernate(): Promise<number | undefined> {
    return this.#rest.hibernate();
  }

  /** Highest memory use so far, bytes. */
  memoryPeakBytes(): number {
    return this.#arrival.memoryPeakBytes();
  }

  memoryBytes(): number {
    return this.#arrival.housing?.sandbox.memoryBytes() ?? 0;
  }

  // — the start —

  /** Rejects with the driver's error; the environment is gone then. */
  async #settle(sandboxId: string, move: "made" | "restore", image?: string): Promise<void> {
    try {
      await this.#arrival.settle(sandboxId, move, image);
    } catch (error) {
      this.#ended();
      throw error;
    }
  }

  #events(): Omit<HousingEvents, "beside"> {
    return {
      ready: (marks, stream) => this.#ready(marks, stream),
      initError: (errorType, document) => this.#arrival.initError(errorType, document),
      prepared: () => this.#arrival.prepared(),
      restoreError: (errorType, document) => this.#arrival.restoreError(errorType, document),
      response: (stream, body, ready) => this.#running.hears(stream, ready)?.returned(body, ready),
      error: (stream, type, document, ready) =>
        this.#running.hears(stream, ready)?.failed(reported(type, document), ready),
      streamStart: (stream, contentType) => this.#running.served(stream)?.streamStarted(contentType),
      streamChunk: (stream, bytes) => this.#running.served(stream)?.streamed(bytes),
      streamEnd: (stream, error, ready) => this.#running.hears(stream, ready)?.streamEnded(error, ready),
      datagram: (bytes) => this.#needs.onDatagram(this, bytes),
      log: (source, bytes, stream) => this.#running.logOf(stream).write(source, bytes),
      exit: (status, outOfMemory) => this.#exit(status, outOfMemory),
    };
  }

  #ready(marks: ReadyMarks | undefined, stream: number): void {
    if (this.state === "initializing" || this.state === "restoring") {
      if (!this.#arrival.company.isReady(marks)) return;
      this.#running.rest();
      this.#arrival.ready(marks);
      if (this.#ahead) this.#runAhead(this.#ahead);
    } else if (this.state === "settling") {
      this.#running.settleDown(true);
    } else this.#running.settled(stream);
  }

  /** Lambda tries a failed init once more inside the first invocation, under the function's timeout. */
  async #runAfterFailedInit(invocation: Invocation): Promise<Run> {
    let began = monotonicMs();
    const limitMs = invocation.target.timeoutSeconds * 1e3;
    const first = this.#arrival.initFailure!;
    this.#life.move("retry");
    try {
      await this.#settle(randomUUID().replaceAll("-", ""), "made");
      // Making the sandbox is no time of the function's.
      began = monotonicMs();
      await this.#arrival.boot("invoke", limitMs);
    } catch {
      // No second sandbox to be had: the first one's failure stands.
      this.#arrival.initFailure = first;
    }
    if (this.state === "idle") return this.#invoke(invocation, began, limitMs - (monotonicMs() - began));
    const { failure } = this.#arrival.initFailure ?? first;
    const run = this.#failedAtOnce(invocation, began, failure(invocation.requestId));
    void this.stop();
    return run;
  }

  /** The event never reached a runtime. */
  #failedAtOnce(invocation: Invocation, began: number, failure: LoggedFailure): Run {
    this.#log.begin(invocation);
    this.#running.lastRunMs = 0;
    const start = this.#reports.takeStart(failure);
    const log = this.#log;
    const logTail = this.#reports.end({ log, invocation, durationMs: monotonicMs() - began, start, failure });
    return { outcome: { kind: "failed", failure }, invoked: began, answered: began, logTail, start };
  }

  // — one event —

  #invoke(invocation: Invocation, began: number, limitMs: number): Promise<Run> {
    const stream = ++this.#stream;
    const run = this.#running.serve(stream, invocation, began, limitMs);
    const deadlineMs = Date.now() + limitMs;
    const head = headOf(invocation, { deadlineMs });
    const { beside, housing } = this.#arrival;
    beside?.invoke(invocation, traceIn(head), deadlineMs);
    housing!.link.invoke({ stream, head, payload: invocation.payload });
    return run;
  }

  /** The event that goes with RESUME. Its time begins when the copy is ready, which the function is to see as well. */
  #takeAlong(errand: Errand | undefined): SentEvent | undefined {
    const invocation = errand?.take();
    if (!invocation) return undefined;
    this.#checkTenant(invocation);
    this.#ahead = { invocation };
    const timeoutMs = invocation.target.timeoutSeconds * 1e3;
    return { stream: ++this.#stream, head: headOf(invocation, { timeoutMs }), payload: invocation.payload };
  }

  /** The copy is ready, and reads the event that it has. */
  #runAhead(ahead: { readonly invocation: Invocation; run?: Promise<Run> }): void {
    const { invocation } = ahead;
    const began = this.#arrival.marks.ready;
    ahead.run = this.#running.serve(this.#stream, invocation, began, invocation.target.timeoutSeconds * 1e3);
  }

  /** What comes of the first event of a copy says whether it was a good one. */
  #prove(signal: string | undefined): void {
    if (this.#proven) return;
    this.#proven = true;
    this.#arrival.firstAnswered();
    if (!this.#arrival.initLost) this.#needs.onProven(this, signal);
  }

  /** The runtime is gone: the sandbox with everything in it follows. */
  #exit(status: RuntimeExit, outOfMemory: boolean): void {
    const failure = (requestId: string) => exited(requestId, status, outOfMemory);
    if (this.state === "initializing" || (this.state === "restoring" && !this.#mayHaveBegun())) {
      this.#arrival.exited(status, outOfMemory, failure);
      return;
    }
    this.#arrival.company.runtimeEnded();
    if (this.state === "stopping" || this.state === "gone") return;
    if (isCrash(status)) this.#prove(status.signal);
    this.#lose(failure);
  }

  #lose(failure: (requestId: string) => LoggedFailure): void {
    this.#lost = failure;
    this.#running.fail(failure);
    void this.stop("failure");
  }

  // — its extensions —

  #besideChanged(): void {
    const { company } = this.#arrival;
    if (this.state === "initializing") company.bootIfRegistered();
    if (company.early && !company.extensions?.settleIn) this.#ready(company.early.marks, 0);
    this.#running.settleDown(false);
  }

  #besideFailed(fault: ExtensionFault): void {
    if (this.state === "initializing") this.#arrival.extensionFailed(fault);
    else if (this.state !== "stopping" && this.state !== "gone") this.#lose((id) => extensionFailed(id, fault));
  }

  /** A copy that is not ready yet, as far as is known, has an event: did it read it, and could not say so any more? */
  #mayHaveBegun(): boolean {
    return this.#ahead !== undefined && !this.#arrival.housing!.link.hasFallenSilent;
  }

  // — the end —

  async #stop(reason: ShutdownReason): Promise<void> {
    if (this.state === "gone") return;
    const { beside, company } = this.#arrival;
    if (this.#ahead && this.state === "restoring") {
      this.#lost ??= (requestId) => exited(requestId, { signal: "SIGKILL" }, false);
    }
    if (beside && this.state === "frozen") this.#rest.end();
    this.#life.move("stop");
    this.#leave();
    if (beside) {
      // Whoever waits for an answer need not wait for that.
      this.#running.fail((requestId) => exited(requestId, { signal: "SIGKILL" }, false));
      await company.part(reason);
    }
    await this.#arrival.leave();
    this.#ended();
  }

  #ended(): void {
    if (this.state === "gone") return;
    this.#running.fail((requestId) => exited(requestId, { signal: "SIGKILL" }, false));
    this.#leave();
    this.#life.move("ended");
  }

  #leave(): void {
    this.#running.close();
    this.#rest.close();
    this.#arrival.giveUp();
    this.#needs.onEnding(this);
  }
}
