import type { GetResourcePolicyRequest } from "@aws-sdk/client-lambda";
import type { Operation } from "../operation.ts";
import { policyResource, resourceNotFound } from "../resource-policies.ts";

/** GET /2026-07-09/resource-policy/{ResourceArn} */
export const getResourcePolicy: Operation<GetResourcePolicyRequest> = ({ input, scope, needs }) => {
  const ref = policyResource(input.ResourceArn ?? "", scope, needs.registry);
  const policy = needs.registry.functionPolicies.get(ref, ref.name, ref.qualifier);
  if (policy === undefined) throw resourceNotFound();
  return { body: { Policy: policy.document, RevisionId: policy.revisionId } };
};
