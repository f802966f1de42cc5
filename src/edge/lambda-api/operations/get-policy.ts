import type { GetPolicyRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import { functionRef } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/** GET /2015-03-31/functions/{FunctionName}/policy. No function has a policy until AddPermission exists. */
export const getPolicy: Operation<GetPolicyRequest> = ({ input, scope, needs }) => {
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  needs.registry.functions.version(ref, ref.name, ref.qualifier);
  throw new ServiceError("ResourceNotFoundException", "The resource you requested does not exist.");
};
