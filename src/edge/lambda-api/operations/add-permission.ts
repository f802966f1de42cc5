import type { AddPermissionRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import { checkRevision } from "../../../registry/index.ts";
import { functionRef } from "../function-ref.ts";
import type { Operation } from "../operation.ts";
import { ownerRevision, policyArn, policyOwner, statementOf, withStatement } from "../permissions.ts";

/** POST /2015-03-31/functions/{FunctionName}/policy */
export const addPermission: Operation<AddPermissionRequest> = ({ input, scope, needs }) => {
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  const invalid = (message: string) => new ServiceError("InvalidParameterValueException", message);
  if (ref.qualifier === "$LATEST") throw invalid("We currently do not support adding policies for $LATEST.");
  const owner = policyOwner(needs.registry, ref);
  checkRevision(ownerRevision(owner, ref.qualifier), input.RevisionId);
  if (input.FunctionUrlAuthType !== undefined && input.Action !== "lambda:InvokeFunctionUrl") {
    throw invalid("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action");
  }
  const statement = statementOf(input, policyArn(ref));
  const policies = needs.registry.functionPolicies;
  const document = withStatement(policies.get(ref, ref.name, ref.qualifier)?.document, statement);
  policies.set(ref, ref.name, ref.qualifier, document);
  return { body: { Statement: JSON.stringify(statement) } };
};
