import type { ListFunctionsRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import { listedConfiguration } from "../configuration.ts";
import type { Operation } from "../operation.ts";
import { pageOf } from "../pages.ts";

/** GET /2015-03-31/functions. With FunctionVersion=ALL every published version is listed too. */
export const listFunctions: Operation<ListFunctionsRequest> = ({ input, scope, needs }) => {
  const all = input.FunctionVersion === "ALL";
  if (input.MasterRegion !== undefined) {
    if (!all) {
      throw new ServiceError(
        "InvalidParameterValueException",
        "FunctionVersion must be set to ALL if MasterRegion is provided",
      );
    }
    // Only replicas of Lambda@Edge functions have a master region, and there are none here.
    return { body: { Functions: [] } };
  }
  const rows = needs.registry.functions.list(scope).flatMap(({ record, latest, versions }) => {
    const own = all ? [latest, ...versions.values()] : [latest];
    return own.map((version) => ({ record, version, key: `${record.name}:${versionKey(version.version)}` }));
  });
  const { items, nextMarker } = pageOf(rows, (row) => row.key, input.Marker, input.MaxItems);
  const listed = items.map(({ record, version }) =>
    listedConfiguration(record, version, all ? version.version : undefined),
  );
  return { body: { Functions: listed, ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }) } };
};

/** Sorts as a version does: $LATEST, then by number. */
const versionKey = (version: string): string => (version === "$LATEST" ? version : version.padStart(12, "0"));
