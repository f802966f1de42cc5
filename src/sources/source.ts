import type { MappingRecord } from "../registry/index.ts";
import type { Place, Remote, RemoteCall, WireService } from "../remote/index.ts";
import type { Counter } from "./counters.ts";

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
  /** Puts and (undefined) removes, all or nothing; resolves when a killed platform, or machine, finds it again. */
  write(changes: ReadonlyMap<string, string | undefined>): Promise<void>;
}

/** A batch that is given up, for the on-failure destination. */
export interface LostBatch {
  /** the record, as AWS has it for the kind of source */
  readonly record: Readonly<Record<string, unknown>>;
  /** what of the source it came from, in an object's name: the shard */
  readonly part: string;
  /** the event that the function got: a bucket gets it, too */
  payload(): string;
}

/** What reading a source for one mapping takes. A mapping that is changed is read by another reader. */
export interface SourceNeeds {
  readonly mapping: MappingRecord;
  /** with the mapping's qualifier */
  readonly functionArn: string;
  /** ARN of the role that the function has now */
  roleArn(): string;
  clock(): number;
  /** Operations of a service of AWS JSON where this mapping's source is. */
  calls(service: WireService): RemoteCall;
  /** Where a service is. Throws an Error that says what is to be told to the platform. */
  place(service: string): Place;
  send: Remote["send"];
  readonly checkpoints: Checkpoints;
  /** FilterCriteria. `item`: the record as the function would get it */
  wants(item: Readonly<Record<string, unknown>>): boolean;
  /**
   * Runs the function once. Rejects with ServiceError when it could not be run now: throttled, not there, not ready.
   * `traceId`: X-Amzn-Trace-Id of what caused the event.
   */
  invoke(payload: Buffer, traceId?: string): Promise<Invoked>;
  /** Tells the on-failure destination, if there is one; resolves when that cannot be lost any more. */
  giveUp(lost: LostBatch): Promise<void>;
  count(counter: Counter, records: number): void;
  /** how old the last record of a batch was when it was sent, milliseconds */
  iteratorAge(ms: number): void;
  /** the most records that a partition of a topic has behind the last that is done */
  offsetLag(records: number): void;
  /** LastProcessingResult */
  result(text: string): void;
  /** why nothing can be read now, for the mapping's description; undefined: it can */
  problem(text: string | undefined): void;
  /** Told about failures that are the platform's. */
  report(error: unknown): void;
}

/**
 * Reads a source for one mapping until the signal says so. Then it asks for nothing more, lets what runs come to its end and
 * hands back what did not begin; it resolves when everything that was done is kept. A rejection is a failure of the platform's: the
 * reader is started anew, after a while.
 */
export type Source = (needs: SourceNeeds, signal: AbortSignal) => Promise<void>;
