import type { ExtensionFault, Extensions } from "../extensions/index.ts";
import type { Driver } from "../isolation/index.ts";
import { limits, monotonicMs } from "../model/index.ts";
import type { InvocationLog } from "../observe/index.ts";
import { Company, loadRoom } from "./company.ts";
import { extensionFailed, messageIn, reported, timedOut } from "./failure.ts";
import type { ShutdownReason } from "./farewell.ts";
import { Housing, type HousingEvents } from "./housing.ts";
import type { Life } from "./lifecycle.ts";
import type { ReadyMarks, RuntimeExit, SentEvent } from "./link.ts";
import {
  bootDocument,
  extendDocument,
  loadDocument,
  type Plan,
  resumeDocument,
  type StartTerms,
  sandboxOf,
} from "./plan.ts";
import {
  endWords,
  hookFailed,
  hooksTimedOut,
  mayBeBadCopy,
  RestoreFailed,
  restoreErrorType,
} from "./restore-failure.ts";
import { type InitFailure, Start, type StartMarks } from "./start.ts";

export interface ArrivalNeeds {
  readonly driver: Pick<Driver, "name" | "create">;
  readonly plan: Plan;
  readonly terms: Omit<StartTerms, "restore">;
  readonly log: InvocationLog;
  readonly life: Life;
  /** what is heard from the sandbox */
  readonly events: Omit<HousingEvents, "beside">;
  /** its extensions have got somewhere */
  besideChanged(): void;
  besideFailed(fault: ExtensionFault): void;
}

/** How long the processes of a copy may take to stand in their new sandbox (milliseconds): a hundred times what is usual. */
const standMs = 2000;
/**
 * The most that a copy keeps the CPUs lent to its init after it is ready (milliseconds). Its first event faults in
 * the pages of its image, which a process that was initialised in place had done by then with these very CPUs.
 */
const lentMs = 100;
/** How the agent says that it could not make a copy (agent/PROTOCOL.md). */
const notMade = "Sandbox.RestoreFailed";

/** How the runtime of one environment comes to be: its sandbox, and the boot or the waking in it. */
export class Arrival {
  /** where it lives now */
  housing: Housing | undefined;
  readonly marks: StartMarks = { asked: 0, main: 0, spawned: 0, load: undefined, loaded: undefined, ready: 0 };
  /** why the latest init failed */
  initFailure: InitFailure | undefined;
  /** an init has failed: whatever follows belongs to an invocation */
  initLost = false;
  /** who is there beside the runtime; another sandbox has another */
  #company: Company;
  readonly #needs: ArrivalNeeds;
  #booting: Start<InitFailure> | undefined;
  #waking: Start<Error> | undefined;
  /** it is a copy that loads its function; and why it turned out to be a bad one */
  #loading = false;
  #unfit: RestoreFailed | undefined;
  /** the copy has an event already, which it serves once it is ready */
  #hasEvent = false;
  /** it took too long, and is being killed */
  #late: Error | undefined;
  /** a copy still has the CPUs of an init */
  #lent: NodeJS.Timeout | undefined;
  /** the end of the sandbox whose init failed, and the most memory it used, bytes */
  #discarded: Promise<unknown> | undefined;
  #discardedPeak = 0;

  constructor(needs: ArrivalNeeds) {
    this.#needs = needs;
    this.#company = this.#makeCompany();
  }

  #makeCompany(): Company {
    const { plan, log, besideChanged, besideFailed } = this.#needs;
    const external = plan.extensions;
    return new Company({ target: plan.target, external, log, changed: besideChanged, failed: besideFailed });
  }

  get company(): Company {
    return this.#company;
  }

  /** its extensions; undefined: nobody has spoken of any */
  get beside(): Extensions | undefined {
    return this.#company.extensions;
  }

  /** Makes a sandbox, for a boot or for a copy of an image, and the links into it. Rejects with the driver's error. */
  async settle(sandboxId: string, move: "made" | "restore", image?: string): Promise<void> {
    const { driver, plan, life } = this.#needs;
    const events = { ...this.#needs.events, beside: this.#company.events };
    // They hear of the start from its first line on.
    if (plan.extensions.length > 0) await loadRoom();
    const housing = await Housing.make(
      driver,
      sandboxOf(plan, sandboxId, image),
      events,
      plan.target.managed !== undefined,
    );
    if (life.state !== "creating") {
      await housing.leave();
      throw new Error("the environment was stopped while its sandbox was being made");
    }
    this.housing = housing;
    this.#company.settle(housing);
    this.marks.main ||= housing.sandbox.marks.main;
    life.move(move);
  }

  /** Boots a runtime from nothing. Resolves when it is ready, or has broken (`initFailure`). */
  async boot(phase: "init" | "invoke", limitMs: number): Promise<void> {
    this.#loading = false;
    await this.#init(phase, limitMs, () => this.#sendBoot(false));
  }

  /**
   * Lets a copy of a runtime without a function wake and load this one. Resolves when it is ready, or when the function's
   * init has broken (`initFailure`). Rejects with RestoreFailed when that may have been the copy's fault.
   */
  async load(limitMs: number): Promise<void> {
    const { plan, terms, log } = this.#needs;
    this.#loading = true;
    let stands: NodeJS.Timeout | undefined;
    await this.#init("init", limitMs, () => {
      stands = this.#watchStanding();
      this.#sendBoot(true);
      // It waits in the socket until there is somebody to read it. Over HTTP the copy has to ask first.
      if (plan.link === "frames") this.housing!.link.load("frames", loadDocument(plan, terms));
    });
    clearTimeout(stands);
    if (!this.#unfit) return;
    log.initReport(monotonicMs() - this.marks.asked, "init", notMade);
    throw this.#unfit;
  }

  async #init(phase: "init" | "invoke", limitMs: number, send: () => void): Promise<void> {
    const { plan, log } = this.#needs;
    this.initFailure = undefined;
    const late = (requestId: string) => timedOut(requestId, plan.target.timeoutSeconds);
    const start = new Start<InitFailure>(limitMs, () => this.#initBroke({ errorType: "timeout", failure: late }));
    this.#booting = start;
    if (plan.extensions.length > 0) this.#extend(send);
    else send();
    // Nothing of the sandbox is heard before the next turn of the loop: the log keeps its order, and nobody waits for it.
    log.initStart(plan.runtimeVersion);
    await start.ended;
    this.initFailure = start.failure;
    if (start.failure) log.initReport(monotonicMs() - start.began, phase, start.failure.errorType);
    else if (this.beside) log.initialised(monotonicMs() - start.began);
  }

  #extend(boot: () => void): void {
    const { plan, terms, driver } = this.#needs;
    this.#company.boot = boot;
    this.marks.extended = monotonicMs();
    const { sandbox, link } = this.housing!;
    this.#company.open((extensions) => {
      if (extensions.withinLimit) link.extend(extendDocument(plan, sandbox, terms, driver.name !== "process"));
      else setImmediate(() => extensions.tooMany());
    });
  }

  /** An extension has failed during init. */
  extensionFailed(fault: ExtensionFault): void {
    this.#initBroke({ errorType: fault.errorType, failure: (requestId) => extensionFailed(requestId, fault) });
  }

  /**
   * Lets a copy of an initialised runtime wake. Rejects with RestoreFailed, or with the ServiceError of its own hooks.
   * `ahead`: the event that it serves as soon as it is ready; only for a copy with a link of its own. After a rejection it is
   * certain that it was not read.
   */
  async wake(via: "frames" | "http", ahead?: SentEvent): Promise<void> {
    const { plan, log, terms } = this.#needs;
    const start = new Start<Error>(limits.restoreSeconds * 1e3, () =>
      this.#restoreLate(plan.target.snapStart ? hooksTimedOut() : new RestoreFailed("it never became ready")),
    );
    this.#waking = start;
    this.#hasEvent = ahead !== undefined;
    this.#sendBoot(true);
    // It waits in the socket until there is somebody to read it. Over HTTP the copy has to ask first.
    if (via === "frames") this.housing!.link.wake("frames", resumeDocument(terms), ahead);
    log.restoreStart(plan.runtimeVersion);
    const stands = this.#watchStanding();
    await start.ended;
    clearTimeout(stands);
    const { failure } = start;
    if (!failure) return;
    this.#reportRestore(failure);
    throw failure;
  }

  /** It asks for its first event. */
  ready(marks: ReadyMarks | undefined): void {
    const now = monotonicMs();
    const { spawned = now, load, loaded } = marks ?? {};
    // With its event there it has begun as soon as it was ready, by its own word: the clock is one and the same.
    const ready = this.#hasEvent && loaded !== undefined ? Math.max(spawned, Math.min(loaded, now)) : now;
    Object.assign(this.marks, { spawned, load, loaded, ready });
    if (this.#waking) this.#reportRestore(undefined);
    if (this.#loading || this.#waking) this.#lent = setTimeout(() => this.#limitCpu(), lentMs);
    // After the first event is on its way: two writes that nobody should wait for.
    else setImmediate(() => this.#limitCpu());
    this.#booting?.close();
    this.#waking?.close();
  }

  /** It has answered its first event. */
  firstAnswered(): void {
    if (this.#lent) setImmediate(() => this.#limitCpu());
  }

  /** Its runtime would be copied, but it is not a template: it goes on at once. A copy says it again. */
  prepared(): void {
    const { plan, terms } = this.#needs;
    if (this.#loading) this.housing?.link.load("http", loadDocument(plan, terms));
    else this.housing?.link.wake("http", resumeDocument(terms));
  }

  /** The runtime reported that it cannot begin; of a copy the agent says so. */
  initError(errorType: string, document: Buffer): void {
    if (errorType === notMade) this.#copyBroke(`${errorType}: ${messageIn(document)}`);
    this.#initBroke({ errorType, failure: () => reported(errorType, document) });
    this.#restoreBroke(new RestoreFailed(`${errorType}: ${messageIn(document)}`));
  }

  restoreError(errorType: string, document: Buffer): void {
    this.#initBroke({ errorType, failure: () => reported(errorType, document) });
    this.#restoreBroke(hookFailed(reported(errorType, document).errorType));
  }

  /** It ended before it was ready. */
  exited(status: RuntimeExit, outOfMemory: boolean, failure: InitFailure["failure"]): void {
    if (!outOfMemory && mayBeBadCopy(status)) this.#copyBroke(endWords(status));
    this.#initBroke({ errorType: outOfMemory ? "Runtime.OutOfMemory" : "Runtime.ExitError", failure });
    this.#restoreBroke(this.#late ?? new RestoreFailed(endWords(status)));
  }

  /** Nobody waits for it any more. */
  giveUp(): void {
    this.#booting?.close();
    this.#waking?.close();
    clearTimeout(this.#lent);
    this.#lent = undefined;
  }

  /** Resolves when nothing is left of it. */
  async leave(): Promise<void> {
    await Promise.all([this.housing?.leave(), this.#discarded]);
  }

  /** Highest memory use so far, bytes. */
  memoryPeakBytes(): number {
    return Math.max(this.housing?.sandbox.memoryPeakBytes() ?? 0, this.#discardedPeak);
  }

  #sendBoot(restore: boolean): void {
    const { sandbox, link } = this.housing!;
    const { plan, terms, driver } = this.#needs;
    link.boot(bootDocument(plan, sandbox, { ...terms, restore }, driver.name !== "process"));
  }

  #limitCpu(): void {
    clearTimeout(this.#lent);
    this.#lent = undefined;
    this.housing?.sandbox.limitCpu();
  }

  /** The copy's process has to be there soon. */
  #watchStanding(): NodeJS.Timeout {
    return setTimeout(() => {
      if (this.housing?.link.hasSpawned) return;
      this.#copyBroke("its process was not made");
      this.#restoreLate(new RestoreFailed("its process was not made"));
    }, standMs);
  }

  /** The sandbox goes with whatever the failed init has left in it. */
  #initBroke(failure: InitFailure): void {
    const { life } = this.#needs;
    if (life.state !== "initializing" || this.#unfit) return;
    this.initLost = true;
    life.move("broke");
    this.#discardedPeak = this.memoryPeakBytes();
    const reason = failure.errorType === "timeout" ? "timeout" : "failure";
    this.#discarded = Promise.all([this.#discarded, this.#discard(reason)]);
    this.housing = undefined;
    this.#company = this.#makeCompany();
    this.#booting!.break(failure);
  }

  /** The sandbox of a failed init goes, when its extensions have had their time. */
  async #discard(reason: ShutdownReason): Promise<void> {
    const { housing } = this;
    const company = this.#company;
    if (company.extensions) {
      housing?.deafen();
      await company.part(reason);
    }
    await housing?.leave();
  }

  /** A copy that was to load its function: it may be the copy that is bad. Whoever wanted it gives it up. */
  #copyBroke(why: string): void {
    if (!this.#loading || this.#needs.life.state !== "initializing") return;
    this.#unfit = new RestoreFailed(why);
    this.#booting!.close();
  }

  #restoreBroke(failure: Error): void {
    if (this.#needs.life.state === "restoring") this.#waking!.break(failure);
  }

  /** What it has not done until now. Has it an event, only its end tells whether it did not begin at this very moment. */
  #restoreLate(failure: Error): void {
    if (this.#hasEvent) {
      this.#late ??= failure;
      void this.housing?.sandbox.kill();
    } else this.#restoreBroke(failure);
  }

  #reportRestore(failure: Error | undefined): void {
    this.#needs.log.restoreReport(monotonicMs() - this.marks.asked, failure && restoreErrorType(failure));
  }
}
