import type { DeleteResourcePolicyRequest } from "@aws-sdk/client-lambda";
import type { Operation } from "../operation.ts";
import { checkPolicyRevision, policyResource, resourceNotFound } from "../resource-policies.ts";

/** DELETE /2026-07-09/resource-policy/{ResourceArn} */
export const deleteResourcePolicy: Operation<DeleteResourcePolicyRequest> = ({ input, scope, needs }) => {
  const ref = policyResource(input.ResourceArn ?? "", scope, needs.registry);
  const policies = needs.registry.functionPolicies;
  const policy = policies.get(ref, ref.name, ref.qualifier);
  if (policy === undefined) throw resourceNotFound();
  checkPolicyRevision(policy.revisionId, input.RevisionId);
  policies.set(ref, ref.name, ref.qualifier, undefined);
  return {};
};
