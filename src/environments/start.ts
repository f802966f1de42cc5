import { type FunctionVersion, limits, monotonicMs } from "../model/index.ts";
import type { LoggedFailure } from "./failure.ts";

/** How an environment comes to be: the rungs of the ladder (ladder.ts) below "warm". */
export type StartMode =
  | { readonly kind: "plain" }
  /** a copy of a runtime that has booted without a function, which loads this one */
  | { readonly kind: "pool"; readonly image: string }
  /** a copy of an initialised runtime; `via`: how that one takes its events */
  | { readonly kind: "restore"; readonly image: string; readonly via: "frames" | "http" };

/** Stations of a start, monotonicMs(). */
export interface StartMarks {
  asked: number;
  main: number;
  /** its external extensions were started; absent: it has none */
  extended?: number;
  spawned: number;
  /** the function's code, or in a copy its afterRestore hooks, begins to run and is done; only our own bootstraps say so */
  load: number | undefined;
  loaded: number | undefined;
  ready: number;
}

/** What REPORT says of a restore: all of it, and its hooks' part. Milliseconds. */
export function restoreDurations(start: Readonly<StartMarks>): { durationMs: number; runtimeMs: number } {
  const { asked, spawned, load, loaded, ready } = start;
  // A runtime over HTTP does not say when its hooks run: from the making of its process to its next event, then.
  const runtimeMs = load === undefined || loaded === undefined ? ready - spawned : loaded - load;
  return { durationMs: ready - asked, runtimeMs };
}

/** Seconds an init may take before its first event: longer where nobody waits ("Understanding the Lambda execution environment lifecycle"). */
export function initSeconds(target: FunctionVersion, provisioned: boolean): number {
  const long = Math.max(limits.snapshotInitSeconds, Math.min(target.timeoutSeconds, limits.timeoutSeconds.max));
  return provisioned || target.managed ? long : limits.initSeconds;
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
