import type { RemovePermissionRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import { checkRevision, functionArn } from "../../../registry/index.ts";
import { functionRef } from "../function-ref.ts";
import type { Operation } from "../operation.ts";
import { ownerRevision, policyOwner, withoutStatement } from "../permissions.ts";

/** DELETE /2015-03-31/functions/{FunctionName}/policy/{StatementId} */
export const removePermission: Operation<RemovePermissionRequest> = ({ input, scope, needs }) => {
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  const { functions, functionPolicies } = needs.registry;
  if (functions.find(ref, ref.name) === undefined) {
    throw new ServiceError("ResourceNotFoundException", `No policy found for: ${functionArn(ref, ref.name)}`);
  }
  const owner = policyOwner(needs.registry, ref);
  const policy = functionPolicies.get(ref, ref.name, ref.qualifier);
  const left = withoutStatement(policy?.document, input.StatementId ?? "");
  checkRevision(ownerRevision(owner, ref.qualifier), input.RevisionId);
  functionPolicies.set(ref, ref.name, ref.qualifier, left);
  return {};
};
