import type { DeleteLayerVersionRequest } from "@aws-sdk/client-lambda";
import { layerRef, layerVersionNumber } from "../layers.ts";
import type { Operation } from "../operation.ts";

/** DELETE /2018-10-31/layers/{LayerName}/versions/{VersionNumber}. Idempotent; functions that use it go on. */
export const deleteLayerVersion: Operation<DeleteLayerVersionRequest> = ({ input, scope, needs }) => {
  const ref = layerRef(input.LayerName ?? "", scope);
  const version = layerVersionNumber(input.VersionNumber);
  needs.registry.layers.remove(ref.scope, ref.name, version);
  needs.registry.layerPolicies.set(ref.scope, ref.name, version, undefined);
  return {};
};
