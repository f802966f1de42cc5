import type { Attributes, MessageAttribute, Messages, Queue } from "../../../messages/index.ts";
import type { Caller } from "../../caller.ts";

/** One call of SQS, in whichever protocol. */
export interface SqsCall<Input> {
  readonly input: Input;
  readonly caller: Caller;
  readonly queues: Messages["queues"];
  /** as the client called this platform */
  readonly host: string;
  /** X-Amzn-Trace-Id: messages carry it on as their AWSTraceHeader, unless they have one */
  readonly traceId: string | undefined;
  /** aborted when the client has gone */
  readonly signal: AbortSignal;
  /** The queue of a URL, if the caller may do this to it. Throws QueueDoesNotExist, AccessDeniedException. */
  queue(url: string, action?: string): Queue;
  /** May the caller do this? Throws AccessDeniedException. */
  authorize(queue: Queue, action: string): void;
}

/** Answers with the operation's document. Throws MessageRefusal. */
export type SqsOperation<Input> = (call: SqsCall<Input>) => object | Promise<object>;

export interface OfQueue {
  readonly QueueUrl: string;
}

export interface CreateQueueInput {
  readonly QueueName: string;
  readonly Attributes?: Attributes;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface SystemAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
}

export interface SendInput {
  readonly MessageBody: string;
  readonly DelaySeconds?: number;
  readonly MessageAttributes?: Readonly<Record<string, MessageAttribute>>;
  readonly MessageSystemAttributes?: Readonly<Record<string, SystemAttribute>>;
  readonly MessageDeduplicationId?: string;
  readonly MessageGroupId?: string;
}
