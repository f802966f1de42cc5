import type { Extensions } from "../extensions/index.ts";
import { type Invocation, monotonicMs, type Outcome } from "../model/index.ts";
import type { InvocationLog } from "../observe/index.ts";
import { Aftermath } from "./aftermath.ts";
import { Deadline } from "./deadline.ts";
import { type LoggedFailure, timedOut } from "./failure.ts";
import type { Life } from "./lifecycle.ts";
import type { Link } from "./link.ts";
import type { Reports } from "./reports.ts";
import type { Rest } from "./rest.ts";
import { type Run, Serving } from "./serving.ts";

/** What the events of an environment need from it. */
export interface EventsNeeds {
  readonly life: Life;
  readonly rest: Rest;
  readonly reports: Reports;
  readonly log: InvocationLog;
  /** A log for one event of several: they would mix their lines' ids and their tails. */
  ownLog(): InvocationLog;
  link(): Pick<Link, "pause" | "resume">;
  /** One was answered. */
  answered(): void;
  /** who has events beside the runtime; undefined: nobody */
  beside(): Pick<Extensions, "busy"> | undefined;
  /** Extensions went on for so long (milliseconds) after the runtime was done with one. */
  extensionsTook(afterMs: number): void;
  /** There is a place for one more. */
  free(): void;
  /** It is to serve no more. */
  retired(): boolean;
  end(reason: "spindown" | "timeout"): void;
}

/**
 * The events that an environment runs, by stream: one at most, unless it is `shared`. There each has a time of its own, and
 * one that was answered for holds its place until the runtime has done with it.
 */
export class Events {
  /** events that it has been given */
  count = 0;
  /** how long the last one occupied it, milliseconds */
  lastRunMs = 0;
  readonly #shared: boolean;
  readonly #needs: EventsNeeds;
  readonly #running = new Map<number, Serving>();
  readonly #lingering = new Set<number>();
  readonly #watches = new Map<number, NodeJS.Timeout>();
  /** the end of the only event's time; it holds until the runtime asks for the next one */
  readonly #limit = new Deadline(() => this.#overstayed());
  readonly #aftermath = new Aftermath();

  constructor(shared: boolean, needs: EventsNeeds) {
    this.#shared = shared;
    this.#needs = needs;
  }

  /** places that are taken */
  get load(): number {
    return this.#running.size + this.#lingering.size;
  }

  /** The event that a frame of this stream is about, if it is waited for. */
  served(stream: number): Serving | undefined {
    return this.#needs.life.state === "busy" ? this.#running.get(stream) : undefined;
  }

  /** The same for what ends an answer. One that comes after its event was answered for is for nobody, and leaves its place. */
  hears(stream: number, ready: boolean): Serving | undefined {
    if (ready) this.settled(stream);
    return this.served(stream);
  }

  /** The runtime asks for more after an event that held its place. */
  settled(stream: number): void {
    if (this.#lingering.delete(stream)) this.#leaves();
  }

  /** What cannot be told apart belongs to the environment. */
  logOf(stream: number): InvocationLog {
    return this.#running.get(stream)?.log ?? this.#needs.log;
  }

  /** The runtime has the event, or is about to. Resolves with what comes of it. */
  serve(stream: number, invocation: Invocation, began: number, limitMs: number): Promise<Run> {
    const { life, rest, log: wholeLog } = this.#needs;
    if (this.#shared) this.#watch(stream, limitMs);
    else this.#limit.set(monotonicMs() + limitMs);
    rest.end();
    life.move(this.#shared && life.state === "busy" ? "join" : "invoke");
    this.count++;
    const log = this.#shared ? this.#needs.ownLog() : wholeLog;
    log.begin(invocation);
    const link = this.#needs.link();
    return new Promise<Run>((settle) => {
      const serving = new Serving(stream, invocation, began, log, {
        link,
        answered: (outcome, ready, failure) => this.#answered(serving, outcome, ready, failure, settle),
      });
      this.#running.set(stream, serving);
    });
  }

  /** None of them will be answered by the runtime. */
  fail(failure: (requestId: string) => LoggedFailure): void {
    for (const serving of [...this.#running.values()]) serving.failed(failure(serving.invocation.requestId), false);
  }

  /** The environment ends. */
  close(): void {
    this.#aftermath.end();
    this.#limit.close();
  }

  #answered(
    { stream, invocation, began, log, streamedAt }: Serving,
    outcome: Outcome,
    ready: boolean,
    failure: LoggedFailure | undefined,
    settle: (run: Run) => void,
  ): void {
    const { life, reports } = this.#needs;
    this.#over(stream, this.#shared && !ready);
    this.#needs.answered();
    const answered = monotonicMs();
    this.lastRunMs = answered - began;
    const start = reports.takeStart(failure);
    const report = () => reports.end({ log, invocation, durationMs: answered - began, start, failure });
    /** it was failed because the environment is being ended: nobody takes another step */
    const ended = life.state !== "busy";
    if (this.#needs.beside() && !this.#shared && !ended) {
      const producedBytes = outcome.kind === "returned" ? outcome.payload.length : undefined;
      // What the platform says in a function's stead is no answer of its.
      const firstMs = failure?.logged === undefined ? (streamedAt || answered) - began : undefined;
      log.runtimeDone({ durationMs: answered - began, errorType: failure?.errorType, producedBytes, firstMs });
      life.move("answered");
      const run = { outcome, invoked: began, answered, start };
      // The end of a log that somebody wants is there only when its REPORT is.
      if (!invocation.tail) settle({ ...run, logTail: undefined });
      this.#aftermath.begin(() => {
        const durationMs = monotonicMs() - began;
        this.lastRunMs = durationMs;
        this.#needs.extensionsTook(began + durationMs - answered);
        const logTail = reports.end({ log, invocation, durationMs, start, failure });
        if (invocation.tail) settle({ ...run, logTail });
      });
      this.settleDown(ready);
      return;
    }
    if (this.#shared) {
      settle({ outcome, invoked: began, answered, logTail: report(), start });
      if (ready) this.#leaves();
      return;
    }
    if (start && ready && !invocation.tail) {
      // A report needs the memory's counters, whose files are opened now for the first time: the answer goes before.
      settle({ outcome, invoked: began, answered, logTail: undefined, start });
      setImmediate(() => {
        report();
        if (life.state !== "busy") return;
        this.rest();
        this.#needs.free();
      });
      return;
    }
    const logTail = report();
    if (ready) this.rest();
    else if (!ended) life.move("answered");
    settle({ outcome, invoked: began, answered, logTail, start });
    // After the caller has its answer: whoever waits for this environment comes second.
    if (ready) this.#needs.free();
    else if (this.#needs.retired()) this.#needs.end("spindown");
  }

  /**
   * Extensions have got somewhere, or the runtime asks for more (`ready`): an event that has its answer is over when all have
   * asked for the next one.
   */
  settleDown(ready: boolean): void {
    const { life, beside } = this.#needs;
    this.#aftermath.ready ||= ready;
    if (!this.#aftermath.ready || life.state !== "settling" || beside()?.busy) return;
    this.#aftermath.end();
    this.rest();
    this.#needs.free();
  }

  /** None is left, and the runtime waits for the next one. */
  rest(): void {
    this.#limit.lift();
    this.#needs.rest.begin();
  }

  /** Its answer is there. `lingers`: and it holds its place. */
  #over(stream: number, lingers: boolean): void {
    this.#running.delete(stream);
    if (!this.#shared) return;
    clearTimeout(this.#watches.get(stream));
    this.#watches.delete(stream);
    if (lingers) this.#lingering.add(stream);
  }

  /** One of several events is over, and its place is free. */
  #leaves(): void {
    const { life } = this.#needs;
    if (life.state !== "busy") return;
    if (this.load === 0) this.rest();
    else life.move("leave");
    this.#needs.free();
  }

  #watch(stream: number, limitMs: number): void {
    const passed = () => {
      const serving = this.#running.get(stream);
      if (serving) late(serving);
    };
    this.#watches.set(stream, setTimeout(passed, limitMs));
  }

  #overstayed(): void {
    const [serving] = this.#running.values();
    if (serving) late(serving);
    // It has answered and would never ask for more.
    else if (this.#needs.life.state !== "settling") return;
    this.#needs.end("timeout");
  }
}

function late(serving: Serving): void {
  const { requestId, target } = serving.invocation;
  serving.failed(timedOut(requestId, target.timeoutSeconds), false);
}
