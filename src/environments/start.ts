import { monotonicMs } from "../model/index.ts";
import type { LoggedFailure } from "./failure.ts";

/** Stations of a start, monotonicMs(). */
export interface StartMarks {
  asked: number;
  main: number;
  spawned: number;
  /** the function's code, or in a copy its afterRestore hooks, begins to run and is done; only our own bootstraps say so */
  load: number | undefined;
  loaded: number | undefined;
  ready: number;
}

export interface InitFailure {
  /** `timeout`, or the runtime's error type */
  readonly errorType: string;
  /** what the caller gets when there is no other try */
  readonly failure: (requestId: string) => LoggedFailure;
}

/** One try to bring a runtime to where it waits for events. It ends once: ready, broken with a `Failure`, or given up. */
export class Start<Failure> {
  readonly began = monotonicMs();
  /** settles with the end */
  readonly ended: Promise<void>;
  /** why it broke */
  failure: Failure | undefined;
  readonly #settle: () => void;
  readonly #timer: NodeJS.Timeout;

  /** `late` is called when the limit (milliseconds) has passed without an end. */
  constructor(limitMs: number, late: () => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#settle = resolve;
    this.#timer = setTimeout(late, limitMs);
  }

  break(failure: Failure): void {
    this.failure ??= failure;
    this.close();
  }

  /** It is ready, or given up by whoever wanted it. */
  close(): void {
    clearTimeout(this.#timer);
    this.#settle();
  }
}
