import type { KeepAlive } from "../capacity/index.ts";
import type { ThrottleReason } from "../model/index.ts";

/** A function of the simulated world. */
export interface SimulatedFunction {
  readonly name: string;
  /** what it is billed for */
  readonly memoryMb: number;
  /** what an idle environment of it holds, bytes */
  readonly idleBytes: number;
  /** how long a cold start makes its caller wait, milliseconds */
  readonly startMs: number;
  /** undefined: no reservation */
  readonly reserved?: number | undefined;
  readonly provisioned?: number | undefined;
}

/** One call. */
export interface Call {
  /** milliseconds since the beginning; calls come in this order */
  readonly atMs: number;
  /** index of its function */
  readonly of: number;
  /** how long it runs once it has an environment, milliseconds */
  readonly runMs: number;
}

/** What limits the world; everything that decides in it is the platform's own code. */
export interface World {
  readonly functions: readonly SimulatedFunction[];
  /** concurrent executions of the account */
  readonly accountConcurrency: number;
  /** environments a function may get in ten seconds; undefined: as many as the machine makes */
  readonly perTenSeconds?: number | undefined;
  /** CPUs of the machine: as many starts go on at once, for a start takes all of one. Absent: without end, as at AWS */
  readonly cpus?: number | undefined;
  /** what all environments may hold, bytes; absent: without end */
  readonly memoryBudgetBytes?: number | undefined;
  readonly keepAlive: KeepAlive;
  /** how often idle environments are looked through, milliseconds (default 5,000, as the platform does) */
  readonly reclaimEveryMs?: number;
  /** a caller that is turned away comes again after this, milliseconds; absent: it does not */
  readonly retryMs?: number | undefined;
  /** into how many parts of equal length the result's course is cut (default 60) */
  readonly parts?: number;
}

/** What went on in one part of the time. */
export interface Part {
  readonly fromMs: number;
  calls: number;
  coldStarts: number;
  throttled: number;
  /** the most invocations that ran at once */
  running: number;
  /** the most environments there were */
  environments: number;
}

/** What came out of it. */
export interface SimulationResult {
  /** calls that were made; one that came again counts once */
  readonly calls: number;
  readonly answered: number;
  /** calls that waited for a new environment, or for one that another start freed */
  readonly coldStarts: number;
  /** times that a call was turned away, by reason */
  readonly throttles: Readonly<Partial<Record<ThrottleReason, number>>>;
  /** calls that never were let in */
  readonly rejected: number;
  /** how long the calls that waited did so, from when they first came, milliseconds */
  readonly wait: { readonly p50: number; readonly p99: number; readonly most: number };
  /** when the last call that was answered got its environment, milliseconds */
  readonly lastServedMs: number;
  readonly peakRunning: number;
  readonly peakEnvironments: number;
  /** environments that were started before somebody called, those of provisioned concurrency left out */
  readonly prewarms: number;
  readonly starts: number;
  /** memory of environments that served nobody, times how long; provisioned ones left out */
  readonly idleGbSeconds: number;
  /** billed memory times run time; and of provisioned concurrency, times how long it was asked for */
  readonly runGbSeconds: number;
  readonly provisionedRunGbSeconds: number;
  readonly provisionedGbSeconds: number;
  /** until when it went, milliseconds */
  readonly endMs: number;
  readonly course: readonly Part[];
}
