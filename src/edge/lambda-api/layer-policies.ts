import { ServiceError } from "../../model/index.ts";
import { type LayerVersionRecord, layerArn, type Registry, type Scope } from "../../registry/index.ts";
import { layerRef } from "./layers.ts";
import { type PermissionStatement, principalOf } from "./permissions.ts";

/** The layer version that a permission is about. Throws ResourceNotFoundException in the words of these operations. */
export function layerVersion(
  registry: Registry,
  scope: Scope,
  input: { readonly LayerName?: string | undefined; readonly VersionNumber?: number | undefined },
): LayerVersionRecord {
  const ref = layerRef(input.LayerName ?? "", scope);
  const number = Number(input.VersionNumber);
  const record = registry.layers.find(ref.scope, ref.name, number);
  if (record !== undefined) return record;
  throw new ServiceError(
    "ResourceNotFoundException",
    `Layer version ${layerArn(ref.scope, ref.name)}:${number} does not exist.`,
  );
}

export function layerStatement(
  layer: LayerVersionRecord,
  given: { readonly sid: string; readonly action: string; readonly principal: string; readonly organization?: string },
): PermissionStatement {
  return {
    Sid: given.sid,
    Effect: "Allow",
    Principal: principalOf(given.principal),
    Action: given.action,
    Resource: `${layerArn(layer, layer.name)}:${layer.version}`,
    ...(given.organization === undefined
      ? {}
      : { Condition: { StringEquals: { "aws:PrincipalOrgID": given.organization } } }),
  };
}

/** RevisionId is the policy's own. Throws PreconditionFailedException in Lambda's words. */
export function checkLayerRevision(current: string | undefined, expected: string | undefined): void {
  if (expected === undefined || expected === current) return;
  throw new ServiceError(
    "PreconditionFailedException",
    "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve the latest Revision Id",
  );
}
