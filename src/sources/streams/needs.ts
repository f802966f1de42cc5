import type { StreamApi } from "./api.ts";
import type { GivenUp } from "./failure-record.ts";
import type { StartingPosition } from "./lineage.ts";

/** What a mapping says about how its stream is read. */
export interface StreamSettings {
  readonly sourceArn: string;
  readonly starting: StartingPosition;
  /** of AT_TIMESTAMP, milliseconds since the epoch */
  readonly startingAt: number | undefined;
  readonly batchSize: number;
  readonly batchingSeconds: number;
  /** ParallelizationFactor */
  readonly lanes: number;
  /** MaximumRetryAttempts; -1: without end */
  readonly retries: number;
  /** MaximumRecordAgeInSeconds, in milliseconds; undefined: as long as the stream keeps it */
  readonly mostAgeMs: number | undefined;
  readonly bisect: boolean;
  readonly reportsItems: boolean;
  /** TumblingWindowInSeconds; 0: none */
  readonly tumblingSeconds: number;
}

/** What a function said to one batch. */
export interface Invoked {
  readonly requestId: string;
  readonly executedVersion: string;
  /** `Unhandled`, when it failed */
  readonly functionError?: string | undefined;
  readonly payload: Buffer;
}

/** Texts under keys, kept for one mapping until it is deleted. */
export interface Checkpoints {
  all(): ReadonlyMap<string, string>;
  /** Puts and (undefined) removes, all or nothing; resolves when a killed platform finds it again. */
  write(changes: ReadonlyMap<string, string | undefined>): Promise<void>;
}

export type Counter =
  | "PolledEventCount"
  | "FilteredOutEventCount"
  | "InvokedEventCount"
  | "FailedInvokeEventCount"
  | "DroppedEventCount";

export interface StreamNeeds {
  readonly api: StreamApi;
  readonly settings: StreamSettings;
  readonly checkpoints: Checkpoints;
  clock(): number;
  /** FilterCriteria; throws nothing. `item`: an element of `Records` */
  wants(item: Readonly<Record<string, unknown>>): boolean;
  /** Runs the function. Rejects when it could not be run now: throttled, not ready. */
  invoke(payload: Buffer, signal: AbortSignal): Promise<Invoked>;
  /** Tells the on-failure destination; resolves when that cannot be lost any more. */
  giveUp(lost: Omit<GivenUp, "functionArn" | "streamArn">): Promise<void>;
  count(counter: Counter, records: number): void;
  /** how old the last record of a batch was when it was sent, milliseconds */
  iteratorAge(ms: number): void;
  /** LastProcessingResult */
  result(text: string): void;
  /** why nothing can be read now, for the mapping's description; undefined: it can */
  problem(text: string | undefined): void;
  report(error: unknown): void;
}
