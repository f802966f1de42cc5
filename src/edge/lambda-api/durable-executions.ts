import type { Durable } from "../../durable/index.ts";
import { ServiceError } from "../../model/index.ts";
import type { Call } from "./operation.ts";

/** What the operations on durable executions share. */

type Reach = Pick<Call<unknown>, "needs" | "scope">;

/** The engine. Throws NotImplementedException where there is none. */
export function durableOf({ needs }: Pick<Call<unknown>, "needs">): Durable {
  if (needs.durable !== undefined) return needs.durable;
  throw new ServiceError("NotImplementedException", "This server runs no durable executions");
}

const arnParts = /^arn:[^:]+:lambda:([^:]+):(\d{12}):function:/;

/** The engine, and the execution a request names, which must be the caller's. Throws ResourceNotFoundException. */
export function ownExecution(
  call: Reach,
  given: string | undefined,
): { readonly durable: Durable; readonly arn: string } {
  const arn = given ?? "";
  const [, region, account] = arnParts.exec(arn) ?? [];
  if (region !== call.scope.region || account !== call.scope.account) {
    throw new ServiceError("ResourceNotFoundException", "Durable Execution does not exist");
  }
  return { durable: durableOf(call), arn };
}

/** How many a page has: 100 unless told, and 0 is not told (API model). */
export const pageSize = (given: number | undefined): number => given || 100;

/** Markers are the list's own affair: what they hold is a JSON value, and anything else is refused. */
export const writeMarker = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64");

/** Undefined: the first page. `check` says whether it is a marker of this list. */
export function readMarker<T>(marker: string | undefined, check: (value: unknown) => value is T): T | undefined {
  if (marker === undefined || marker === "") return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(marker, "base64").toString("utf8"));
    if (check(value)) return value;
  } catch {
    // Not JSON: no marker of ours.
  }
  throw new ServiceError("InvalidParameterValueException", "Invalid marker");
}
