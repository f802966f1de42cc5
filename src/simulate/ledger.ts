import type { ThrottleReason } from "../model/index.ts";
import type { Part, SimulationResult } from "./world.ts";

/** What is counted while the simulation goes on. */
export class Ledger {
  calls = 0;
  answered = 0;
  coldStarts = 0;
  rejected = 0;
  prewarms = 0;
  starts = 0;
  running = 0;
  environments = 0;
  peakRunning = 0;
  peakEnvironments = 0;
  lastServedMs = 0;
  idleByteMs = 0;
  runGbSeconds = 0;
  provisionedRunGbSeconds = 0;
  provisionedGbSeconds = 0;
  readonly #throttles = new Map<ThrottleReason, number>();
  readonly #course: Part[];
  readonly #partMs: number;
  #waits = new Float64Array(1024);
  #waited = 0;

  /** @param endMs what happens later counts as of the last part */
  constructor(endMs: number, parts: number) {
    this.#partMs = Math.max(1, endMs / parts);
    this.#course = Array.from({ length: parts }, (_, index) => ({
      fromMs: index * this.#partMs,
      calls: 0,
      coldStarts: 0,
      throttled: 0,
      running: 0,
      environments: 0,
    }));
  }

  came(nowMs: number): void {
    this.calls++;
    this.#at(nowMs).calls++;
  }

  throttled(reason: ThrottleReason, nowMs: number): void {
    this.#throttles.set(reason, (this.#throttles.get(reason) ?? 0) + 1);
    this.#at(nowMs).throttled++;
  }

  runs(nowMs: number): void {
    this.running++;
    this.lastServedMs = nowMs;
    if (this.running > this.peakRunning) this.peakRunning = this.running;
    const part = this.#at(nowMs);
    if (this.running > part.running) part.running = this.running;
    // A part in which nothing starts has the environments of before.
    if (this.environments > part.environments) part.environments = this.environments;
  }

  made(nowMs: number): void {
    this.environments++;
    if (this.environments > this.peakEnvironments) this.peakEnvironments = this.environments;
    const part = this.#at(nowMs);
    if (this.environments > part.environments) part.environments = this.environments;
  }

  waited(ms: number, nowMs: number): void {
    this.coldStarts++;
    this.#at(nowMs).coldStarts++;
    if (this.#waited === this.#waits.length) {
      const more = new Float64Array(2 * this.#waited);
      more.set(this.#waits);
      this.#waits = more;
    }
    this.#waits[this.#waited++] = ms;
  }

  result(endMs: number): SimulationResult {
    const waits = this.#waits.slice(0, this.#waited).sort();
    const quantile = (share: number) => waits[Math.max(0, Math.ceil(share * waits.length) - 1)] ?? 0;
    const { calls, answered, coldStarts, rejected, prewarms, starts, peakRunning, peakEnvironments } = this;
    const { lastServedMs, runGbSeconds, provisionedRunGbSeconds, provisionedGbSeconds } = this;
    return {
      calls,
      answered,
      coldStarts,
      throttles: Object.fromEntries(this.#throttles),
      rejected,
      wait: { p50: quantile(0.5), p99: quantile(0.99), most: waits.at(-1) ?? 0 },
      lastServedMs,
      peakRunning,
      peakEnvironments,
      prewarms,
      starts,
      idleGbSeconds: this.idleByteMs / 1000 / 2 ** 30,
      runGbSeconds,
      provisionedRunGbSeconds,
      provisionedGbSeconds,
      endMs,
      course: this.#course,
    };
  }

  #at(nowMs: number): Part {
    return this.#course[Math.min(this.#course.length - 1, Math.floor(nowMs / this.#partMs))]!;
  }
}
