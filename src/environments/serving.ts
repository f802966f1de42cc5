import { type Invocation, limits, monotonicMs, type Outcome } from "../model/index.ts";
import type { InvocationLog } from "../observe/index.ts";
import { answerTooLarge, type LoggedFailure, reported } from "./failure.ts";
import type { Link } from "./link.ts";
import type { StartMarks } from "./start.ts";

/** One run of one event: what came of it and when. */
export interface Run {
  readonly outcome: Outcome;
  /** the event was sent, or a copy that had it was ready to read it; the answer was read */
  readonly invoked: number;
  readonly answered: number;
  readonly logTail: Buffer | undefined;
  /** set when this run is the first of its environment */
  readonly start: Readonly<StartMarks> | undefined;
}

/** What an event that is being served needs from its environment. */
export interface ServingNeeds {
  readonly link: Pick<Link, "pause" | "resume">;
  /** The answer, once. `ready`: the runtime waits for its next event already. */
  answered(outcome: Outcome, ready: boolean, failure?: LoggedFailure): void;
}

/** One event at a runtime: takes the pieces of its answer and makes an outcome of them. */
export class Serving {
  readonly stream: number;
  readonly invocation: Invocation;
  /** when its time began, monotonicMs() */
  readonly began: number;
  /** where it is logged */
  readonly log: InvocationLog;
  /** when its answer began to come piece by piece, monotonicMs(); 0: it has not */
  streamedAt = 0;
  readonly #needs: ServingNeeds;
  /** pieces of a streamed answer for a caller who wants it whole */
  #collected: Buffer[] | undefined;
  #collectedBytes = 0;

  constructor(stream: number, invocation: Invocation, began: number, log: InvocationLog, needs: ServingNeeds) {
    this.stream = stream;
    this.invocation = invocation;
    this.began = began;
    this.log = log;
    this.#needs = needs;
  }

  /** A whole answer. Who sends it keeps to the limit, or should. */
  returned(payload: Buffer, ready: boolean): void {
    if (payload.length > limits.syncResponseBytes) this.#tooLarge(ready);
    else this.#needs.answered({ kind: "returned", payload }, ready);
  }

  failed(failure: LoggedFailure, ready: boolean): void {
    this.#needs.answered({ kind: "failed", failure }, ready, failure);
  }

  streamStarted(contentType: string): void {
    this.streamedAt = monotonicMs();
    const { onStream } = this.invocation;
    if (onStream) onStream.start(contentType);
    else this.#collected = [];
  }

  streamed(bytes: Buffer): void {
    if (this.#collected) {
      this.#collectedBytes += bytes.length;
      if (this.#collectedBytes <= limits.syncResponseBytes) this.#collected.push(bytes);
      return;
    }
    const wait = this.invocation.onStream?.write(bytes);
    if (!wait) return;
    const { link } = this.#needs;
    link.pause();
    void wait.finally(() => link.resume());
  }

  streamEnded(error: { readonly type: string; readonly document: Buffer } | undefined, ready: boolean): void {
    const failure = error ? reported(error.type, error.document) : undefined;
    if (!this.#collected) {
      this.#needs.answered(failure ? { kind: "streamed", error: failure } : { kind: "streamed" }, ready, failure);
    } else if (failure) {
      this.failed(failure, ready);
    } else if (this.#collectedBytes > limits.syncResponseBytes) {
      this.#tooLarge(ready);
    } else {
      this.returned(Buffer.concat(this.#collected), ready);
    }
  }

  #tooLarge(ready: boolean): void {
    this.failed(answerTooLarge(this.invocation.requestId, limits.syncResponseBytes), ready);
  }
}
