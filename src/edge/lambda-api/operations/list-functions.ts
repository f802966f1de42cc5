import type { ListFunctionsRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import { listedConfiguration } from "../configuration.ts";
import type { Operation } from "../operation.ts";
import { pageAfter } from "../pages.ts";

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
  function* after(last: string | undefined) {
    const [lastName = "", lastVersion = ""] = last?.split(":") ?? [];
    for (const { record, latest, versions } of needs.registry.functions.listFrom(scope, lastName)) {
      for (const version of all ? [latest, ...versions.values()] : [latest]) {
        const key = versionKey(version.version);
        if (record.name === lastName && key <= lastVersion) continue;
        yield { record, version, key: `${record.name}:${key}` };
      }
    }
  }
  const { items, nextMarker } = pageAfter(after, (row) => row.key, input.Marker, input.MaxItems);
  const listed = items.map(({ record, version }) =>
    listedConfiguration(record, version, all ? version.version : undefined),
  );
  return { body: { Functions: listed, ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }) } };
};

/** Sorts as a version does: $LATEST, then by number. */
const versionKey = (version: string): string => (version === "$LATEST" ? version : version.padStart(12, "0"));
