import type { PutFunctionRecursionConfigRequest } from "@aws-sdk/client-lambda";
import { noQualifier, type RecursionRecord } from "../../../registry/index.ts";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/**
 * PUT /2024-08-31/functions/{FunctionName}/recursion-config. Allow: the function may call itself without end (lineage.ts).
 * Not done: loops through queues and topics.
 */
export const putFunctionRecursionConfig: Operation<PutFunctionRecursionConfigRequest> = ({ input, scope, needs }) => {
  const { functions, recursion } = needs.registry;
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  functions.get(ref, ref.name);
  const recursiveLoop = input.RecursiveLoop as RecursionRecord["recursiveLoop"];
  recursion.put(ref, ref.name, noQualifier, { recursiveLoop });
  return { body: { RecursiveLoop: recursiveLoop } };
};
