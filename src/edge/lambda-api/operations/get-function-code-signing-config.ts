import type { GetFunctionCodeSigningConfigRequest } from "@aws-sdk/client-lambda";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/** GET /2020-06-30/functions/{FunctionName}/code-signing-config. Without an ARN: the function has none. */
export const getFunctionCodeSigningConfig: Operation<GetFunctionCodeSigningConfigRequest> = ({
  input,
  scope,
  needs,
}) => {
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  needs.registry.functions.get(ref, ref.name);
  return { body: { FunctionName: ref.name } };
};
