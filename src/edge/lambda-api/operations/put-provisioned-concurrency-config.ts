import type { PutProvisionedConcurrencyConfigRequest } from "@aws-sdk/client-lambda";
import { functionRef } from "../function-ref.ts";
import type { Operation } from "../operation.ts";
import { provisionedView, publishedQualifier } from "../provisioning.ts";

/** PUT /2019-09-30/functions/{FunctionName}/provisioned-concurrency. The environments are made in the background. */
export const putProvisionedConcurrencyConfig: Operation<PutProvisionedConcurrencyConfigRequest> = (call) => {
  const { input, scope, needs, provisioning } = call;
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  const qualifier = publishedQualifier(
    ref,
    "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
  );
  const executions = input.ProvisionedConcurrentExecutions ?? 0;
  const record = needs.registry.functions.provision(ref, ref.name, qualifier, executions);
  provisioning.apply(ref, ref.name);
  const { StatusReason: _reason, ...view } = provisionedView(needs, ref, record);
  return { body: { ...view, Status: "IN_PROGRESS" } };
};
