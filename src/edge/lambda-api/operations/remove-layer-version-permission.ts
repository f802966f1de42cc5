import type { RemoveLayerVersionPermissionRequest } from "@aws-sdk/client-lambda";
import { checkLayerRevision, layerVersion } from "../layer-policies.ts";
import type { Operation } from "../operation.ts";
import { withoutStatement } from "../permissions.ts";

/** DELETE /2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy/{StatementId} */
export const removeLayerVersionPermission: Operation<RemoveLayerVersionPermissionRequest> = (call) => {
  const { input, scope, needs } = call;
  const layer = layerVersion(needs.registry, scope, input);
  const policies = needs.registry.layerPolicies;
  const policy = policies.get(layer, layer.name, layer.version);
  const left = withoutStatement(policy?.document, input.StatementId ?? "");
  checkLayerRevision(policy?.revisionId, input.RevisionId);
  policies.set(layer, layer.name, layer.version, left);
  return {};
};
