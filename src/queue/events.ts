/**
 * What lies in a queue: something to do, in the bytes it came in. A queue is one function (by the qualifier that was
 * called), or one place where records go; each has its own, so that nothing waits behind what is not its own.
 */
export interface NewEvent {
  /** names its queue: see `runKey` and `sendKey` */
  readonly queue: string;
  /** milliseconds since the epoch; its age counts from here */
  readonly accepted: number;
  /** not before then, milliseconds since the epoch */
  readonly due: number;
  /** JSON: all but the payload */
  readonly head: string;
  readonly payload: Buffer;
}

export interface QueuedEvent extends NewEvent {
  readonly id: number;
  /** how often its function ran and failed */
  readonly tries: number;
  /** how often something else than its function was in the way */
  readonly delays: number;
  /** JSON: how its function failed the last time */
  readonly response: Buffer | undefined;
}

/** An event that stays, and how it looks from now on. */
export type Later = Pick<QueuedEvent, "id" | "queue" | "due" | "tries" | "delays" | "response">;

/** One step of one event, written as a whole: what is new, what is over, what is to be tried again. */
export interface Change {
  readonly add?: readonly NewEvent[];
  readonly remove?: number;
  readonly later?: Later;
}

export interface Scope {
  readonly account: string;
  readonly region: string;
}

/** `qualifier`: undefined where none was given. Names of accounts, regions, functions and qualifiers have no spaces. */
export const runKey = ({ account, region }: Scope, name: string, qualifier: string | undefined): string =>
  `run ${account} ${region} ${name} ${qualifier ?? ""}`;

/** What all queues of one function begin with. */
export const runPrefix = ({ account, region }: Scope, name: string): string => `run ${account} ${region} ${name} `;

/** Of what is sent to one ARN. */
export const sendKey = (arn: string): string => `send ${arn}`;

const second = 1000;

/**
 * Milliseconds until what was in the way is asked again: from one second, doubled each time, to five minutes.
 * Source: Developer Guide, "How Lambda handles errors and retries with asynchronous invocation".
 */
export function backoffMs(delays: number): number {
  return Math.min(2 ** Math.min(delays, 20) * second, 300 * second);
}
