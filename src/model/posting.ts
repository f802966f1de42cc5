/** Something that happened, on its way to somebody who asked to be told: a rule's target, a schedule's, a bucket's. */
export type Posting = ToFunction | ToTarget;

/** An event that a function is run with, asynchronously. */
export interface ToFunction {
  readonly to: "function";
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly qualifier?: string | undefined;
  /** as the one who asked wrote it */
  readonly invokedArn: string;
  /** X-Amzn-Trace-Id of what caused it */
  readonly traceId?: string | undefined;
  /** its chain of requests has run this function too often: it is to end as a failed one */
  readonly looping?: boolean | undefined;
  readonly payload: Buffer;
}

/** A message, an event or a record for another service. */
export interface ToTarget {
  readonly to: "target";
  /** who sends it: the account and region of the rule, the schedule or the bucket */
  readonly account: string;
  readonly region: string;
  /** what it is sent for, in the operator's log: the rule's or schedule's name */
  readonly name: string;
  /** where it goes; `arn:aws:scheduler:::aws-sdk:SERVICE:OPERATION` where the payload is that operation's whole input */
  readonly arn: string;
  readonly payload: Buffer;
  /** what the service is told beside it: `MessageGroupId`, `PartitionKey`, `Source`, `DetailType` … */
  readonly parameters?: Readonly<Record<string, string>> | undefined;
  /** the role that it is sent as; left out: the account itself */
  readonly roleArn?: string | undefined;
  /** its age counts from here, milliseconds since the epoch; left out: from now */
  readonly since?: number | undefined;
  /** tries after the first; left out: 185 */
  readonly retries?: number | undefined;
  /** how old it may become, seconds; left out: a day */
  readonly ageSeconds?: number | undefined;
  /** where it goes when it could not be delivered */
  readonly letters?: DeadLetters | undefined;
  /** it failed already, before it was tried, and is a dead letter */
  readonly refused?: { readonly code: string; readonly message: string } | undefined;
}

/** A queue for what could not be delivered, and what is said there about it beside how it failed. */
export interface DeadLetters {
  readonly arn: string;
  readonly attributes: Readonly<Record<string, string>>;
}
