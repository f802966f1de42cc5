import type { FunctionVersion } from "./function-version.ts";

/** A request to run a function once, as every door hands it to `invoke()`. */
export interface Invocation {
  /** UUID, also the client's RequestId */
  readonly requestId: string;
  readonly target: FunctionVersion;
  /** the ARN the caller used: with its alias or version qualifier if it gave one */
  readonly invokedArn: string;
  /** event bytes, passed on as they came */
  readonly payload: Buffer;
  /** decoded client context JSON */
  readonly clientContext?: string | undefined;
  readonly cognitoIdentity?: string;
  /** whose environments may run it, of a function that keeps its tenants apart */
  readonly tenantId?: string | undefined;
  /** X-Amzn-Trace-Id of the caller, if it sent one */
  readonly traceId?: string | undefined;
  /** keep the last 4 KB of the log for the answer */
  readonly tail: boolean;
  /** when the request entered, monotonicMs() */
  readonly received: number;
  /** streamed answers: called once with the content type, then with every chunk; absent: the answer is collected */
  readonly onStream?: StreamSink;
}

/** Receives a streamed answer. `write` resolves when more may follow (back-pressure). */
export interface StreamSink {
  start(contentType: string): void;
  write(chunk: Buffer): Promise<void> | undefined;
}

/** What the customer's code did with an event. A value, never an exception: the platform did its part. */
export type Outcome =
  | { readonly kind: "returned"; readonly payload: Buffer }
  /** answered through the stream sink; `error` set when it broke off midway */
  | { readonly kind: "streamed"; readonly error?: FunctionFailure }
  | { readonly kind: "failed"; readonly failure: FunctionFailure };

/** How the function failed, in Lambda's words. */
export interface FunctionFailure {
  /** `Handled` is what old runtimes said; every current one says `Unhandled` */
  readonly functionError: "Unhandled";
  /** `Runtime.ExitError`, `Runtime.OutOfMemory`, `Sandbox.Timedout`, or the error type the runtime reported */
  readonly errorType: string;
  /** the JSON document the caller gets */
  readonly payload: Buffer;
}

/** The answer to an invocation with everything a door may want to show. */
export interface InvocationResult {
  readonly requestId: string;
  readonly executedVersion: string;
  readonly outcome: Outcome;
  /** last 4 KB of this invocation's log, when asked for */
  readonly logTail: Buffer | undefined;
  readonly timing: Timing;
}

/** How the environment that served an invocation came to be. "pool": a copy of a runtime that had booted without a function loaded it. */
export type StartKind = "warm" | "plain" | "pool" | "restore" | "clone";

/** Phases of one invocation in milliseconds, from one clock; they sum to `total` with `unexplained` as the rest. Zero where a phase did not occur. */
export interface Timing {
  readonly start: StartKind;
  readonly total: number;
  readonly admit: number;
  readonly place: number;
  readonly sandbox: number;
  readonly agent: number;
  readonly runtimeBoot: number;
  readonly codeInit: number;
  /** the copy of an initialised process, or of a runtime without a function, is made and wakes; then its afterRestore hooks run */
  readonly restore: number;
  readonly hooks: number;
  readonly handler: number;
  readonly response: number;
  readonly unexplained: number;
}
