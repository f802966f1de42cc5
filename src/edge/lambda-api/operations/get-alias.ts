import type { GetAliasRequest } from "@aws-sdk/client-lambda";
import { aliasView, getAliasRecord } from "../aliases.ts";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/** GET /2015-03-31/functions/{FunctionName}/aliases/{Name} */
export const getAlias: Operation<GetAliasRequest> = ({ input, scope, needs }) => {
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  const entry = needs.registry.functions.get(ref, ref.name);
  return { body: aliasView(ref, ref.name, getAliasRecord(entry, input.Name ?? "")) };
};
