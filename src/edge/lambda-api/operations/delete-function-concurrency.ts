import type { DeleteFunctionConcurrencyRequest } from "@aws-sdk/client-lambda";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/** DELETE /2017-10-31/functions/{FunctionName}/concurrency */
export const deleteFunctionConcurrency: Operation<DeleteFunctionConcurrencyRequest> = ({ input, scope, needs }) => {
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  needs.registry.functions.reserve(ref, ref.name, undefined);
  return {};
};
