import { ServiceError } from "../../../model/index.ts";
import type { Named, Scope } from "../../../registry/index.ts";
import { pageOf } from "../../lambda-api/pages.ts";
import { JsonError } from "../json.ts";
import { dimension } from "./resource.ts";

/** What the Describe operations have in common. */
export interface ListingInput {
  readonly ServiceNamespace: string;
  readonly ResourceId?: string;
  readonly ScalableDimension?: string;
  readonly MaxResults?: number;
  readonly NextToken?: string;
}

interface Listed {
  readonly account: string;
  readonly name: string;
  readonly region: string;
  readonly resourceId: string;
}

/**
 * One page of what a caller's account has in its region, as `key` calls it: `{ [key]: […], NextToken }`. Other services have
 * nothing. Throws InvalidNextTokenException.
 */
export function listing<T extends Listed>(
  key: string,
  records: Named<T>,
  scope: Scope,
  input: ListingInput,
  wanted: (record: T) => boolean,
  view: (record: T) => object,
): object {
  const ours = input.ServiceNamespace === "lambda" && (input.ScalableDimension ?? dimension) === dimension;
  const found = !ours
    ? []
    : records
        .list(scope.account)
        .filter(
          (record) =>
            record.region === scope.region &&
            (input.ResourceId === undefined || input.ResourceId === record.resourceId) &&
            wanted(record),
        );
  const { items, nextMarker } = page(found, input);
  return { [key]: items.map(view), ...(nextMarker === undefined ? {} : { NextToken: nextMarker }) };
}

function page<T extends Listed>(found: readonly T[], input: ListingInput) {
  try {
    return pageOf(found, ({ name }) => name, input.NextToken, input.MaxResults);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    throw new JsonError("InvalidNextTokenException", "The next token supplied was invalid");
  }
}
