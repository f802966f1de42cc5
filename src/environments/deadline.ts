import { monotonicMs } from "../model/index.ts";

/** Node.js may call a timer this much early, as it counts whole milliseconds. */
const slackMs = 0.5;

/**
 * A moment after which something is done, for moments that are set and lifted far more often than they pass: setting one
 * costs no timer while that of an earlier one still runs; it looks again when it goes off too early.
 */
export class Deadline {
  readonly #passed: () => void;
  #at = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** when the timer goes off */
  #due = Number.POSITIVE_INFINITY;

  /** `passed` runs once for each deadline that passes. */
  constructor(passed: () => void) {
    this.#passed = passed;
  }

  /** In place of an earlier one. `at`: monotonicMs(). */
  set(at: number): void {
    this.#at = at;
    if (this.#due > at) this.#arm(at);
  }

  lift(): void {
    this.#at = Number.POSITIVE_INFINITY;
  }

  /** Lifts it and lets go of the timer. */
  close(): void {
    this.lift();
    clearTimeout(this.#timer);
    this.#due = Number.POSITIVE_INFINITY;
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#due = at;
    this.#timer = setTimeout(() => this.#goesOff(), Math.max(0, at - monotonicMs()));
  }

  #goesOff(): void {
    this.#due = Number.POSITIVE_INFINITY;
    const at = this.#at;
    if (at === Number.POSITIVE_INFINITY) return;
    if (monotonicMs() + slackMs < at) {
      this.#arm(at);
      return;
    }
    this.lift();
    this.#passed();
  }
}
