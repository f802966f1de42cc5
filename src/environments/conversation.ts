import { flagRaw, flagReady, frameType, ProtocolError } from "./frames.ts";

/** Where a runtime stands on its own link. */
type Phase =
  | "init" // has not asked for an event yet
  | "ready" // waits for an event
  | "preparing" // has been asked to make itself ready to be copied
  | "prepared" // waits to be copied
  | "resuming" // is a copy, and has been told so
  | "loading" // is a copy that was made without a function, and has been told which to load
  | "running" // has an event
  | "streaming" // answers it piece by piece
  | "over"; // has said its last word, or takes its events elsewhere

/** source of a LOG frame that is one whole message: the only one a runtime may name */
const framed = 2;

/**
 * What a runtime may say on its link, and when (agent/PROTOCOL.md). It is the customer's process: everything it sends is
 * checked here before it means anything.
 */
export class Conversation {
  #phase: Phase = "init";
  /** the invocation it has been given last */
  #stream = 0;
  /** the invocation that was sent to a copy together with RESUME; 0: none */
  #ahead = 0;

  /** An event goes to it. */
  given(stream: number): void {
    this.#phase = "running";
    this.#stream = stream;
  }

  /**
   * PREPARE goes to it. Throws when it is not waiting for its first event: a process that has served one is never copied.
   */
  prepare(): void {
    if (this.#phase !== "ready" || this.#stream !== 0) {
      throw new Error(`PREPARE for a runtime that is ${this.#phase} (${this.#stream})`);
    }
    this.#phase = "preparing";
  }

  /**
   * RESUME goes to it: the first frame on the link of a copy. `load`: it was copied without a function and loads one now, so
   * that its init may fail. `ahead`: the invocation that goes with it, and is the copy's once it is ready. Throws when
   * anything has been said since it was copied.
   */
  resume(load = false, ahead = 0): void {
    if (this.#phase !== "init" && this.#phase !== "prepared") {
      throw new Error(`RESUME for a runtime that is ${this.#phase} (${this.#stream})`);
    }
    this.#phase = load ? "loading" : "resuming";
    this.#ahead = ahead;
  }

  /** Another runtime of the same sandbox gets the events: nothing but its log is of interest any more. */
  passOver(): void {
    this.#phase = "over";
  }

  /** Takes one frame. Throws ProtocolError for anything that it may not say now. */
  take(type: number, flags: number, stream: number, payload: Buffer): void {
    if ((flags & ~allowedFlags(type)) !== 0) throw new ProtocolError(`flags ${flags} on type 0x${type.toString(16)}`);
    switch (type) {
      case frameType.LOG:
        if (payload[0] === framed) break;
        throw new ProtocolError(`a LOG of source ${payload[0]} on a runtime's own link`);
      case frameType.COMPILED:
        this.#step("init", 0, stream, "init");
        break;
      case frameType.READY:
        this.#step(this.#isCopy() ? this.#phase : "init", 0, stream, "ready");
        if (this.#ahead > 0) this.given(this.#ahead);
        this.#ahead = 0;
        break;
      case frameType.INIT_ERROR:
        this.#step(this.#phase === "preparing" || this.#phase === "loading" ? this.#phase : "init", 0, stream, "over");
        break;
      case frameType.PREPARED:
        this.#step("preparing", 0, stream, "prepared");
        break;
      case frameType.RESTORE_ERROR:
        this.#step(this.#isCopy() ? this.#phase : "resuming", 0, stream, "over");
        break;
      case frameType.RESPONSE:
      case frameType.ERROR:
        this.#step("running", this.#stream, stream, afterAnswer(flags));
        break;
      case frameType.RESPONSE_START:
      case frameType.CHUNK:
        this.#step(type === frameType.CHUNK ? "streaming" : "running", this.#stream, stream, "streaming");
        break;
      case frameType.RESPONSE_END:
        this.#step("streaming", this.#stream, stream, afterAnswer(flags));
        break;
      default:
        throw new ProtocolError(`a frame of type 0x${type.toString(16)} from a runtime`);
    }
  }

  #isCopy(): boolean {
    return this.#phase === "resuming" || this.#phase === "loading";
  }

  #step(from: Phase, expected: number, stream: number, to: Phase): void {
    if (this.#phase !== from || stream !== expected) {
      throw new ProtocolError(`a frame for stream ${stream} from a runtime that is ${this.#phase} (${this.#stream})`);
    }
    this.#phase = to;
  }
}

/** Flags that a frame of this type may have. */
export function allowedFlags(type: number): number {
  switch (type) {
    case frameType.RESPONSE:
    case frameType.ERROR:
    case frameType.RESPONSE_END:
      return flagReady | flagRaw;
    case frameType.READY:
    case frameType.INIT_ERROR:
    case frameType.PREPARED:
    case frameType.RESTORE_ERROR:
      return flagRaw;
    default:
      return 0;
  }
}

/** Such a runtime reads its next event right after its answer, or it is about to end. */
function afterAnswer(flags: number): Phase {
  return (flags & flagReady) !== 0 ? "ready" : "over";
}
