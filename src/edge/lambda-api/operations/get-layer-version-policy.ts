import type { GetLayerVersionPolicyRequest } from "@aws-sdk/client-lambda";
import { layerVersion } from "../layer-policies.ts";
import type { Operation } from "../operation.ts";
import { noPolicy } from "../permissions.ts";

/** GET /2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy */
export const getLayerVersionPolicy: Operation<GetLayerVersionPolicyRequest> = ({ input, scope, needs }) => {
  const layer = layerVersion(needs.registry, scope, input);
  const policy = needs.registry.layerPolicies.get(layer, layer.name, layer.version);
  if (policy === undefined) throw noPolicy();
  return { body: { Policy: policy.document, RevisionId: policy.revisionId } };
};
