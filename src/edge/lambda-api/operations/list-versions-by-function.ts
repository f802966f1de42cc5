import type { ListVersionsByFunctionRequest } from "@aws-sdk/client-lambda";
import { listedConfiguration } from "../configuration.ts";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";
import { pageOf } from "../pages.ts";

/** GET /2015-03-31/functions/{FunctionName}/versions: $LATEST and $LATEST.PUBLISHED first, then by number. */
export const listVersionsByFunction: Operation<ListVersionsByFunctionRequest> = ({ input, scope, needs }) => {
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  const { record, latest, versions } = needs.registry.functions.get(ref, ref.name);
  const keyOf = (version: { readonly version: string }) =>
    version.version.startsWith("$") ? version.version : version.version.padStart(12, "0");
  const sorted = [latest, ...versions.values()].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
  const { items, nextMarker } = pageOf(sorted, keyOf, input.Marker, input.MaxItems);
  const listed = items.map((version) => listedConfiguration(record, version, version.version));
  return { body: { Versions: listed, ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }) } };
};
