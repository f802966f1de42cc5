import { randomUUID } from "node:crypto";
import type { CreateAliasRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import { type AliasRecord, functionArn, versionNotFound } from "../../../registry/index.ts";
import { aliasView, checkAliasTarget } from "../aliases.ts";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/** POST /2015-03-31/functions/{FunctionName}/aliases */
export const createAlias: Operation<CreateAliasRequest> = ({ input, scope, needs }) => {
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  const { functions } = needs.registry;
  const entry = functions.find(ref, ref.name);
  if (entry === undefined) throw versionNotFound(ref, ref.name, input.FunctionVersion);
  const name = input.Name ?? "";
  if (entry.aliases.has(name)) {
    const arn = `${functionArn(ref, ref.name)}:${name}`;
    throw new ServiceError("ResourceConflictException", `Alias already exists: ${arn}`);
  }
  const given = input.RoutingConfig?.AdditionalVersionWeights ?? {};
  const weights = Object.keys(given).length === 0 ? undefined : given;
  checkAliasTarget(entry, input.FunctionVersion ?? "", weights);
  const alias: AliasRecord = {
    name,
    version: input.FunctionVersion ?? "",
    description: input.Description ?? "",
    revisionId: randomUUID(),
    ...(weights === undefined ? {} : { weights }),
  };
  functions.putAlias(ref, ref.name, alias);
  return { body: aliasView(ref, ref.name, alias) };
};
