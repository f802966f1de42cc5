import type { Extensions } from "../extensions/index.ts";
import { monotonicMs } from "../model/index.ts";
import type { Housing } from "./housing.ts";

/** Why an environment ends, as its extensions are told. */
export type ShutdownReason = "spindown" | "timeout" | "failure";

/** The runtime has this part of the time to end (the Runtime Interface Emulator's `runtimeDeadlineShare`). */
const runtimeShare = 0.3;
/** How much later than the runtime's end the news of it may come, milliseconds. */
const newsMs = 100;

/**
 * The shutdown of an environment that has extensions: the runtime gets SIGTERM, then its external extensions get SHUTDOWN; who
 * takes longer than the phase lasts is killed with the sandbox. Source: Lambda Developer Guide, "Shutdown phase".
 */
export class Farewell {
  /** resolves when nobody needs more time */
  readonly over: Promise<void>;
  readonly #beside: Extensions;
  readonly #reason: ShutdownReason;
  readonly #end: () => void;
  readonly #deadline: number;
  readonly #timers: NodeJS.Timeout[] = [];
  #runtimeEnded = false;

  constructor(beside: Extensions, housing: Housing, reason: ShutdownReason) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#end = () => {
      for (const timer of this.#timers) clearTimeout(timer);
      resolve();
    };
    this.#beside = beside;
    this.#reason = reason;
    const { shutdownMs, hasExternal } = beside;
    this.#deadline = monotonicMs() + shutdownMs;
    if (shutdownMs > 0) this.#begin(housing, shutdownMs, hasExternal);
    else this.#end();
  }

  #begin(housing: Housing, shutdownMs: number, hasExternal: boolean): void {
    void housing.sandbox.exited.then(this.#end);
    this.#timers.push(setTimeout(this.#end, shutdownMs));
    if (housing.hasEnded) {
      this.runtimeEnded();
      return;
    }
    const runtimeMs = hasExternal ? shutdownMs * runtimeShare : shutdownMs;
    housing.link.terminate(monotonicMs() + runtimeMs);
    if (hasExternal) this.#timers.push(setTimeout(() => this.runtimeEnded(), runtimeMs + newsMs));
  }

  runtimeEnded(): void {
    if (this.#runtimeEnded) return;
    this.#runtimeEnded = true;
    this.#beside.shutDown(this.#reason, Date.now() + this.#deadline - monotonicMs());
    this.check();
  }

  /** Somebody has gone. */
  check(): void {
    if (this.#runtimeEnded && this.#beside.departed) this.#end();
  }
}
