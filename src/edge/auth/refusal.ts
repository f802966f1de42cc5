/** Why a request's signature is not accepted. Each protocol has its own word for it, see refusals.ts. */
export type Reason =
  /** there is none */
  | "missing"
  /** it lacks a part, or is of a kind that is not checked here */
  | "incomplete"
  /** the key id is nobody's, or its session token is not its own */
  | "unknown-key"
  /** key and request do not give it */
  | "mismatch"
  /** it is too old, or of the future */
  | "skewed"
  /** the session that it was made with is over */
  | "expired-session"
  /** a presigned URL's time is over */
  | "expired-url"
  /** the body is not the one that was signed */
  | "tampered-body"
  /** this very request was received before */
  | "replayed"
  /** it is who it says, and may not */
  | "denied";

/** A request that is not let in. `message` is AWS's where AWS has one. */
export class Refusal extends Error {
  readonly reason: Reason;

  constructor(reason: Reason, message: string) {
    super(message);
    this.name = "Refusal";
    this.reason = reason;
  }
}
