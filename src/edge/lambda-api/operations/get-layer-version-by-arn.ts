import type { GetLayerVersionByArnRequest } from "@aws-sdk/client-lambda";
import { layerNotFound, layerRef, layerView } from "../layers.ts";
import type { Operation } from "../operation.ts";

/** GET /2018-10-31/layers?find=LayerVersion&Arn=… */
export const getLayerVersionByArn: Operation<GetLayerVersionByArnRequest> = ({
  input,
  scope,
  needs,
  links,
  origin,
}) => {
  const ref = layerRef(input.Arn ?? "", scope);
  const record = ref.version === undefined ? undefined : needs.registry.layers.find(ref.scope, ref.name, ref.version);
  if (record === undefined) throw layerNotFound();
  return { body: layerView(record, links, origin) };
};
