import type { PutFunctionConcurrencyRequest } from "@aws-sdk/client-lambda";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/** PUT /2017-10-31/functions/{FunctionName}/concurrency. 0 switches the function off. */
export const putFunctionConcurrency: Operation<PutFunctionConcurrencyRequest> = ({ input, scope, needs }) => {
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  // Of all operations on a whole function, this one names $LATEST when there is none.
  needs.registry.functions.version(ref, ref.name, "$LATEST");
  needs.registry.functions.reserve(ref, ref.name, input.ReservedConcurrentExecutions);
  return { body: { ReservedConcurrentExecutions: input.ReservedConcurrentExecutions } };
};
