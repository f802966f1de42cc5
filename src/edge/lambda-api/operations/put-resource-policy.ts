import type { PutResourcePolicyRequest } from "@aws-sdk/client-lambda";
import type { Operation } from "../operation.ts";
import { checkedDocument, checkPolicyRevision, policyResource } from "../resource-policies.ts";

/** PUT /2026-07-09/resource-policy/{ResourceArn}: replaces the policy, also what AddPermission put into it. */
export const putResourcePolicy: Operation<PutResourcePolicyRequest> = ({ input, scope, needs }) => {
  const arn = input.ResourceArn ?? "";
  const ref = policyResource(arn, scope, needs.registry);
  const policies = needs.registry.functionPolicies;
  checkPolicyRevision(policies.get(ref, ref.name, ref.qualifier)?.revisionId, input.RevisionId);
  policies.set(ref, ref.name, ref.qualifier, checkedDocument(input.Policy ?? "", arn));
  const made = policies.get(ref, ref.name, ref.qualifier);
  return { body: { Policy: made?.document, RevisionId: made?.revisionId } };
};
