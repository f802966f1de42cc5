import type { GetFunctionConcurrencyRequest } from "@aws-sdk/client-lambda";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/** GET /2019-09-30/functions/{FunctionName}/concurrency. An empty document when nothing is reserved. */
export const getFunctionConcurrency: Operation<GetFunctionConcurrencyRequest> = ({ input, scope, needs }) => {
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  const { reservedConcurrency } = needs.registry.functions.get(ref, ref.name).record;
  return { body: reservedConcurrency === undefined ? {} : { ReservedConcurrentExecutions: reservedConcurrency } };
};
