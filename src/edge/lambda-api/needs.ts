import type { IncomingMessage } from "node:http";
import type { Artifacts } from "../../artifacts/index.ts";
import type { Durable } from "../../durable/index.ts";
import type { FunctionVersion, Invocation, InvocationResult } from "../../model/index.ts";
import type { Objects } from "../../objects/index.ts";
import type { MappingRecord, Registry } from "../../registry/index.ts";
import type { Caller } from "../caller.ts";
import type { MappingStatus } from "./mappings/view.ts";

/** Who sent a request; where signatures are checked, that is done before anybody asks. */
export type Identify = (request: IncomingMessage) => Caller;

/** What the Lambda API asks of the rooms below. */
export interface LambdaApiNeeds {
  readonly registry: Registry;
  readonly artifacts: Pick<
    Artifacts,
    "putZip" | "getZip" | "unzippedBytes" | "unpacked" | "layers" | "runtime" | "runtimes" | "images" | "storedBytes"
  >;
  /** Runs a function once. Rejects with ServiceError when the platform could not (throttled, …). */
  invoke(invocation: Invocation): Promise<InvocationResult>;
  /**
   * Takes an event of an asynchronous invocation; resolves when it is durable. `qualifier`: as the caller gave it. `looping`:
   * the function runs in a loop, and the event is to end as a failed one. Absent: none are taken.
   */
  accept?(invocation: Invocation, qualifier: string | undefined, looping: boolean): Promise<void>;
  /** Durable executions. Absent: none here. */
  readonly durable?: Durable;
  /** Buckets and objects of S3. Absent: none here. */
  readonly objects?: Objects | undefined;
  /** A function was changed or deleted: environments of before are to be drained. */
  retire(account: string, region: string, name: string): void;
  /**
   * Initialises a version, runs its beforeSnapshot hooks and keeps its image. `ok` without an image: the machine or a guard
   * refused (`why`), and the version starts plainly. Not ok: the function itself failed. Absent: no images here.
   */
  snapshot?(target: FunctionVersion): Promise<SnapshotResult>;
  /** Keep this many environments of the version initialised from now on; 0 ends it. Absent: not possible here. */
  provision?(target: FunctionVersion, count: number): void;
  /** How far provision() has come. */
  provisioned?(target: FunctionVersion): Provisioned;
  /** An event source mapping was made, changed or (`enabled` is false, and it is no longer in the registry) deleted. */
  mappingChanged?(mapping: MappingRecord): void;
  /** Looks for the source of a mapping that is to be made or changed. Rejects as Lambda does; absent: nobody looks. */
  checkSource?(mapping: MappingRecord): Promise<void>;
  /** How the reading of a source goes. Absent or undefined: nobody reads sources of this kind. */
  mappingStatus?(mapping: MappingRecord): MappingStatus | undefined;
  /** Told what the operator should know and what is no failure. */
  note?(line: string): void;
  /** Told about every failure that is ours, before it is answered as ServiceException. */
  report(error: unknown): void;
}

export type SnapshotResult =
  | { readonly ok: true; readonly why?: string | undefined }
  /** `errorType`: `timeout`, or what the runtime or the platform called it (`Runtime.ImportModuleError` …) */
  | { readonly ok: false; readonly errorType: string; readonly message: string };

/** Environments kept ready for a version. */
export interface Provisioned {
  /** initialised, whether or not they run something now */
  readonly allocated: number;
  /** initialised and healthy, of those that were asked for */
  readonly available: number;
  /** of the initialised ones, how many run something now; undefined: nobody counts */
  readonly inUse?: number | undefined;
  /** why no more could be initialised, when that is the function's fault or the machine's */
  readonly failure?: string | undefined;
  /** it is the function's */
  readonly initFailed?: boolean | undefined;
}
