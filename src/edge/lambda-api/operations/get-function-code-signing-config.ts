import type { GetFunctionCodeSigningConfigRequest } from "@aws-sdk/client-lambda";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/** GET /2020-06-30/functions/{FunctionName}/code-signing-config. An empty document: the function has none. */
export const getFunctionCodeSigningConfig: Operation<GetFunctionCodeSigningConfigRequest> = (call) => {
  const { input, scope, needs } = call;
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  needs.registry.functions.get(ref, ref.name);
  const own = needs.registry.functionCodeSigning.get(ref, ref.name);
  return { body: own === undefined ? {} : { CodeSigningConfigArn: own.configArn, FunctionName: ref.name } };
};
