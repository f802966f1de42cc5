import { randomUUID } from "node:crypto";
import type { UpdateAliasRequest } from "@aws-sdk/client-lambda";
import { type AliasRecord, checkRevision } from "../../../registry/index.ts";
import { aliasView, checkAliasTarget, getAliasRecord } from "../aliases.ts";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/**
 * PUT /2015-03-31/functions/{FunctionName}/aliases/{Name}. Empty AdditionalVersionWeights end the weighting; provisioned
 * concurrency moves with the alias.
 */
export const updateAlias: Operation<UpdateAliasRequest> = ({ input, scope, needs, provisioning }) => {
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  const { functions } = needs.registry;
  const entry = functions.get(ref, ref.name);
  const { weights: oldWeights, ...old } = getAliasRecord(entry, input.Name ?? "");
  checkRevision(old.revisionId, input.RevisionId);
  const given = input.RoutingConfig === undefined ? oldWeights : input.RoutingConfig.AdditionalVersionWeights;
  const weights = given === undefined || Object.keys(given).length === 0 ? undefined : given;
  const version = input.FunctionVersion ?? old.version;
  checkAliasTarget(entry, version, weights);
  const alias: AliasRecord = {
    ...old,
    version,
    description: input.Description ?? old.description,
    revisionId: randomUUID(),
    ...(weights === undefined ? {} : { weights }),
  };
  functions.putAlias(ref, ref.name, alias);
  provisioning.apply(ref, ref.name);
  return { body: aliasView(ref, ref.name, alias) };
};
