import type { DeleteProvisionedConcurrencyConfigRequest } from "@aws-sdk/client-lambda";
import { functionRef } from "../function-ref.ts";
import type { Operation } from "../operation.ts";
import { mustBePublished, publishedQualifier } from "../provisioning.ts";

/** DELETE /2019-09-30/functions/{FunctionName}/provisioned-concurrency. Idempotent, as Lambda's is. */
export const deleteProvisionedConcurrencyConfig: Operation<DeleteProvisionedConcurrencyConfigRequest> = (call) => {
  const { input, scope, needs, provisioning } = call;
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  needs.registry.functions.unprovision(ref, ref.name, publishedQualifier(ref, mustBePublished));
  provisioning.apply(ref, ref.name);
  return {};
};
