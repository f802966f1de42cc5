import type { GetLayerVersionRequest } from "@aws-sdk/client-lambda";
import { layerNotFound, layerRef, layerVersionNumber, layerView } from "../layers.ts";
import type { Operation } from "../operation.ts";

/** GET /2018-10-31/layers/{LayerName}/versions/{VersionNumber} */
export const getLayerVersion: Operation<GetLayerVersionRequest> = ({ input, scope, needs, links, origin }) => {
  const ref = layerRef(input.LayerName ?? "", scope);
  const record = needs.registry.layers.find(ref.scope, ref.name, layerVersionNumber(input.VersionNumber));
  if (record === undefined) throw layerNotFound();
  return { body: layerView(record, links, origin) };
};
