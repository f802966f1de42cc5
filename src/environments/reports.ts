import type { Invocation } from "../model/index.ts";
import type { InvocationLog } from "../observe/index.ts";
import type { Arrival } from "./arrival.ts";
import type { LoggedFailure } from "./failure.ts";
import { restoreDurations, type StartMarks, type StartMode } from "./start.ts";

/** One event that is over. */
export interface Over {
  readonly log: InvocationLog;
  readonly invocation: Invocation;
  readonly durationMs: number;
  /** it was the first of its environment */
  readonly start: Readonly<StartMarks> | undefined;
  readonly failure: LoggedFailure | undefined;
}

/** What is said at the end of an environment's events, of its start with the first of them. */
export class Reports {
  readonly #arrival: Arrival;
  readonly #mode: StartMode;

  constructor(arrival: Arrival, mode: StartMode) {
    this.#arrival = arrival;
    this.#mode = mode;
  }

  /** milliseconds from the spawn of the runtime, or of extensions before it, until all were ready for their first event; 0: they are not yet */
  get initMs(): number {
    const { spawned, ready, extended = spawned } = this.#arrival.marks;
    return ready === 0 ? ready - spawned : ready - extended;
  }

  /** The marks of the start, once: with the first event, or with what the start has failed of. */
  takeStart(failure: LoggedFailure | undefined): Readonly<StartMarks> | undefined {
    const { ready, asked } = this.#arrival.marks;
    if (asked === 0 || (ready === 0 && !failure)) return undefined;
    const marks = { ...this.#arrival.marks };
    this.#arrival.marks.asked = 0;
    return marks;
  }

  /** Ends the event's log; returns the end of that, if it is wanted. */
  end({ log, invocation, durationMs, start, failure }: Over): Buffer | undefined {
    if (failure?.logged) log.platform(failure.logged);
    return log.end({
      durationMs,
      initMs: start && this.#mode.kind !== "restore" && !this.#arrival.initLost ? this.initMs : undefined,
      restore: start && this.#mode.kind === "restore" ? restoreDurations(start) : undefined,
      memoryPeakBytes: this.#arrival.memoryPeakBytes(),
      errorType: failure?.errorType,
      tail: invocation.tail,
    });
  }
}
