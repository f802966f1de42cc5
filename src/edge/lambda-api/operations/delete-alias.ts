import type { DeleteAliasRequest } from "@aws-sdk/client-lambda";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/** DELETE /2015-03-31/functions/{FunctionName}/aliases/{Name}. Idempotent, as Lambda's is. */
export const deleteAlias: Operation<DeleteAliasRequest> = ({ input, scope, needs, provisioning }) => {
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  needs.registry.functions.removeAlias(ref, ref.name, input.Name ?? "");
  provisioning.apply(ref, ref.name);
  return {};
};
