import type { GetFunctionRecursionConfigRequest } from "@aws-sdk/client-lambda";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/** GET /2024-08-31/functions/{FunctionName}/recursion-config */
export const getFunctionRecursionConfig: Operation<GetFunctionRecursionConfigRequest> = ({ input, scope, needs }) => {
  const { functions, recursion } = needs.registry;
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  functions.get(ref, ref.name);
  return { body: { RecursiveLoop: recursion.get(ref, ref.name)?.recursiveLoop ?? "Terminate" } };
};
