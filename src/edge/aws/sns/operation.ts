import type { Messages, Subscription, Topic } from "../../../messages/index.ts";
import type { Caller } from "../../caller.ts";

/** One call of SNS. */
export interface SnsCall<Input> {
  readonly input: Input;
  readonly caller: Caller;
  readonly topics: Messages["topics"];
  /** Told what the operator should know. */
  note(line: string): void;
  /** The topic of an ARN, if the caller may do this to it. Throws NotFound, AuthorizationError. */
  topic(arn: string): Topic;
  /** The same of the topic that a subscription is of. */
  subscription(arn: string): Subscription;
}

/** Answers with the operation's document. Throws MessageRefusal. */
export type SnsOperation<Input> = (call: SnsCall<Input>) => object | Promise<object>;

/** A hundred at a time. Source: SNS API Reference, ListTopics. */
export function page<T>(all: readonly T[], token: string | undefined): { items: readonly T[]; more: object } {
  const start = token === undefined ? 0 : Number(Buffer.from(token, "base64url").toString("latin1")) || 0;
  const items = all.slice(start, start + 100);
  const end = start + items.length;
  return { items, more: end < all.length ? { NextToken: Buffer.from(String(end)).toString("base64url") } : {} };
}
