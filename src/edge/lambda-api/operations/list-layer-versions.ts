import type { ListLayerVersionsRequest } from "@aws-sdk/client-lambda";
import { layerMatches, layerRef, layerSummary } from "../layers.ts";
import type { Operation } from "../operation.ts";
import { pageOf } from "../pages.ts";

/** GET /2018-10-31/layers/{LayerName}/versions, newest first. */
export const listLayerVersions: Operation<ListLayerVersionsRequest> = ({ input, scope, needs }) => {
  const ref = layerRef(input.LayerName ?? "", scope);
  const versions = needs.registry.layers
    .versions(ref.scope, ref.name)
    .filter((version) => layerMatches(version, input.CompatibleRuntime, input.CompatibleArchitecture));
  // Markers ascend; versions descend.
  const keyOf = (record: { readonly version: number }) =>
    String(Number.MAX_SAFE_INTEGER - record.version).padStart(16, "0");
  const { items, nextMarker } = pageOf(versions, keyOf, input.Marker, input.MaxItems);
  return {
    body: { LayerVersions: items.map(layerSummary), ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }) },
  };
};
