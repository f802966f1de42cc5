import type { ListLayersRequest } from "@aws-sdk/client-lambda";
import { layerArn } from "../../../registry/index.ts";
import { layerMatches, layerSummary } from "../layers.ts";
import type { Operation } from "../operation.ts";
import { pageOf } from "../pages.ts";

/** GET /2018-10-31/layers: each with the newest version that the filters let through. */
export const listLayers: Operation<ListLayersRequest> = ({ input, scope, needs }) => {
  const { layers } = needs.registry;
  const newest = layers.list(scope).flatMap((layer) => {
    const matching = layers
      .versions(scope, layer.name)
      .filter((version) => layerMatches(version, input.CompatibleRuntime, input.CompatibleArchitecture));
    return matching.slice(0, 1);
  });
  const { items, nextMarker } = pageOf(newest, (layer) => layer.name, input.Marker, input.MaxItems);
  const Layers = items.map((record) => ({
    LayerName: record.name,
    LayerArn: layerArn(record, record.name),
    LatestMatchingVersion: layerSummary(record),
  }));
  return { body: { Layers, ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }) } };
};
