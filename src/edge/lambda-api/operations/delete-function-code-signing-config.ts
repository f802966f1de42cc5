import type { DeleteFunctionCodeSigningConfigRequest } from "@aws-sdk/client-lambda";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/** DELETE /2020-06-30/functions/{FunctionName}/code-signing-config. Idempotent. */
export const deleteFunctionCodeSigningConfig: Operation<DeleteFunctionCodeSigningConfigRequest> = (call) => {
  const { input, scope, needs } = call;
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  needs.registry.functions.get(ref, ref.name);
  needs.registry.functionCodeSigning.remove(ref, ref.name);
  return {};
};
