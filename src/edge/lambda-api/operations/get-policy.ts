import type { GetPolicyRequest } from "@aws-sdk/client-lambda";
import { functionRef } from "../function-ref.ts";
import type { Operation } from "../operation.ts";
import { ownerRevision } from "../permissions.ts";
import { resourceNotFound } from "../resource-policies.ts";

/** GET /2015-03-31/functions/{FunctionName}/policy */
export const getPolicy: Operation<GetPolicyRequest> = ({ input, scope, needs }) => {
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  const entry = needs.registry.functions.get(ref, ref.name);
  const policy = needs.registry.functionPolicies.get(ref, ref.name, ref.qualifier);
  if (policy === undefined) throw resourceNotFound();
  return { body: { Policy: policy.document, RevisionId: ownerRevision(entry, ref.qualifier) } };
};
