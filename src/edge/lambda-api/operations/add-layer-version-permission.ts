import type { AddLayerVersionPermissionRequest } from "@aws-sdk/client-lambda";
import { checkLayerRevision, layerStatement, layerVersion } from "../layer-policies.ts";
import type { Operation } from "../operation.ts";
import { withStatement } from "../permissions.ts";

/** POST /2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy */
export const addLayerVersionPermission: Operation<AddLayerVersionPermissionRequest> = ({ input, scope, needs }) => {
  const layer = layerVersion(needs.registry, scope, input);
  const policies = needs.registry.layerPolicies;
  const before = policies.get(layer, layer.name, layer.version);
  checkLayerRevision(before?.revisionId, input.RevisionId);
  const statement = layerStatement(layer, {
    sid: input.StatementId ?? "",
    action: input.Action ?? "",
    principal: input.Principal ?? "",
    ...(input.OrganizationId === undefined ? {} : { organization: input.OrganizationId }),
  });
  const made = policies.set(layer, layer.name, layer.version, withStatement(before?.document, statement));
  return { body: { Statement: JSON.stringify(statement), RevisionId: made?.revisionId } };
};
