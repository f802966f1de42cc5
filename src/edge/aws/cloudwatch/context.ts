import type { Metrics, Series } from "../../../observe/index.ts";
import type { Registry } from "../../../registry/index.ts";
import type { Caller } from "../../caller.ts";
import { invalidValue } from "./model.ts";

export interface Scope {
  readonly account: string;
  readonly region: string;
}

/** What the operations of CloudWatch work with. */
export interface CloudWatchContext {
  readonly registry: Registry;
  readonly metrics: Metrics;
  /** milliseconds since the epoch */
  clock(): number;
}

export interface CloudWatchCall<Input> {
  readonly input: Input;
  readonly scope: Scope;
  readonly caller: Caller;
  readonly context: CloudWatchContext;
}

/** Answers one operation with its document. Throws CloudWatchError. */
export type CloudWatchOperation<Input> = (call: CloudWatchCall<Input>) => object;

export interface DimensionInput {
  readonly Name: string;
  readonly Value: string;
}

export const dimensionsOf = (given: readonly DimensionInput[] = []): Series["dimensions"] =>
  given.map(({ Name, Value }) => ({ name: Name, value: Value })).sort((one, other) => (one.name < other.name ? -1 : 1));

export const shownDimensions = (dimensions: Series["dimensions"]): DimensionInput[] =>
  dimensions.map(({ name, value }) => ({ Name: name, Value: value }));

/** A page of a list: what comes after a token, and the token of the next. Throws InvalidParameterValue. */
export function pageOf<T>(all: readonly T[], token: string | undefined, size: number) {
  const from = token === undefined ? 0 : Number(Buffer.from(token, "base64url").toString());
  if (!Number.isSafeInteger(from) || from < 0) throw invalidValue("The value for parameter NextToken is invalid.");
  const next = from + size < all.length ? Buffer.from(String(from + size)).toString("base64url") : undefined;
  return { items: all.slice(from, from + size), next };
}
