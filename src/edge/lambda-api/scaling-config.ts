import { ServiceError } from "../../model/index.ts";
import { type Functions, functionNotFound, providerOf, type VersionRecord } from "../../registry/index.ts";
import type { FunctionRef } from "./function-ref.ts";

/**
 * The published version that a scaling configuration is of. Throws ResourceNotFoundException, and
 * InvalidParameterValueException (text ours) for one on Lambda's own fleet.
 */
export function scaledVersion(functions: Functions, ref: FunctionRef): VersionRecord {
  const version = functions.find(ref, ref.name)?.versions.get(ref.qualifier ?? "");
  if (version === undefined) throw functionNotFound(ref, ref.name, ref.qualifier);
  if (providerOf(version.settings) !== undefined) return version;
  throw new ServiceError(
    "InvalidParameterValueException",
    "Function scaling configurations are supported only for functions with a capacity provider.",
  );
}
