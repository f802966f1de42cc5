/** What an agent and its runtime tell (agent/PROTOCOL.md), one function a fact. */
export interface LinkEvents {
  /** the runtime asks for an event; `marks` the first time, later the stream that it has answered */
  ready(marks: ReadyMarks | undefined, stream: number): void;
  initError(errorType: string, document: Buffer): void;
  /** Its init and its beforeSnapshot hooks are done, and it waits to be copied. `drew`: init drew random bytes, which copies would share; undefined: the runtime does not say. */
  prepared(drew: boolean | undefined): void;
  /** an afterRestore hook of a copy failed */
  restoreError(errorType: string, document: Buffer): void;
  /** It hands over a file of what it compiled of the function's code. Absent: it was not asked to, and may not. */
  compiled?(name: string, bytes: Buffer): void;
  /** Somebody in the sandbox has sent this to X-Ray's daemon. */
  datagram?(bytes: Buffer): void;
  /** What extensions ask and do, and whoever else speaks like one. */
  readonly beside: BesideEvents;
  /** `ready`: the runtime waits for its next event already */
  response(stream: number, body: Buffer, ready: boolean): void;
  streamStart(stream: number, contentType: string): void;
  streamChunk(stream: number, bytes: Buffer): void;
  streamEnd(
    stream: number,
    error: { readonly type: string; readonly document: Buffer } | undefined,
    ready: boolean,
  ): void;
  error(stream: number, errorType: string, document: Buffer, ready: boolean): void;
  /** source 0 stdout, 1 stderr (raw bytes), 2 one whole message */
  log(source: number, bytes: Buffer, stream: number): void;
  exit(status: RuntimeExit): void;
  /** the agent's connection ended, cleanly or by a broken frame of either */
  closed(error: Error | undefined): void;
}

/** What the agent tells of extensions (src/extensions/). */
export interface BesideEvents {
  /** to be answered by reply() */
  request(number: number, head: string, body: Buffer): void;
  /** nobody waits for the answer to that request any more */
  gone(number: number): void;
  /** an external one has ended, or could not be started */
  ended(how: {
    readonly extension: number;
    readonly code?: number;
    readonly signal?: string;
    readonly error?: string;
  }): void;
  /** what came of send(); `answer` is how its answer begins */
  sent(number: number, arrived: boolean, answer: string): void;
}

/** When the runtime's init passed its stations, monotonicMs(); the last two are known for our own bootstraps only. */
export interface ReadyMarks {
  readonly spawned: number | undefined;
  readonly load: number | undefined;
  readonly loaded: number | undefined;
  /** how it takes its events: on its own link, or over the agent's Runtime API */
  readonly via: "frames" | "http";
}

export interface RuntimeExit {
  readonly code?: number;
  readonly signal?: string;
}

/** What INVOKE says. */
export interface SentEvent {
  readonly stream: number;
  /** head.ts */
  readonly head: string;
  readonly payload: Uint8Array;
}
