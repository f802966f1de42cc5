import type { Asker, Stacks } from "../../../stacks/index.ts";
import type { Caller } from "../../caller.ts";

/** One call of CloudFormation; the input has been checked against the model. */
export interface StackCall<Input> {
  readonly input: Input;
  readonly caller: Caller;
  readonly account: string;
  readonly region: string;
  readonly stacks: Stacks;
  /**
   * Who the stack's own calls are made as: the caller, or a role that it may pass and that trusts CloudFormation. Throws
   * ValidationError and AccessDenied.
   */
  asker(roleArn?: string): Asker;
  /** The text of a template, given or in a bucket. Undefined: neither is given. Rejects with ValidationError. */
  template(input: TemplateInput): Promise<string | undefined>;
}

export interface TemplateInput {
  readonly TemplateBody?: string;
  readonly TemplateURL?: string;
}

/** Answers one operation with its document. Throws StackError. */
export type StackOperation<Input> = (call: StackCall<Input>) => object | Promise<object>;

export interface Paged {
  readonly NextToken?: string;
}

const pageSize = 100;

/** A page of a list, and the token of the next. */
export function page<T>(
  all: readonly T[],
  { NextToken }: Paged,
): { readonly items: readonly T[]; readonly NextToken?: string } {
  const start = NextToken === undefined ? 0 : Number.parseInt(NextToken, 10) || 0;
  const next = start + pageSize;
  return { items: all.slice(start, next), ...(next < all.length ? { NextToken: String(next) } : {}) };
}

/** ISO 8601, as the protocol writes times. */
export const time = (ms: number): string => new Date(ms).toISOString();
