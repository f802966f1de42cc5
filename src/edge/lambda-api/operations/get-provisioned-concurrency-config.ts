import type { GetProvisionedConcurrencyConfigRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import { functionRef } from "../function-ref.ts";
import type { Operation } from "../operation.ts";
import { mustBePublished, provisionedView, publishedQualifier } from "../provisioning.ts";

/** GET /2019-09-30/functions/{FunctionName}/provisioned-concurrency */
export const getProvisionedConcurrencyConfig: Operation<GetProvisionedConcurrencyConfigRequest> = (call) => {
  const { input, scope, needs } = call;
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  const qualifier = publishedQualifier(ref, mustBePublished);
  const record = needs.registry.functions.provisioned(ref, ref.name, qualifier);
  if (record !== undefined) return { body: provisionedView(needs, ref, record) };
  throw new ServiceError(
    "ProvisionedConcurrencyConfigNotFoundException",
    "No Provisioned Concurrency Config found for this function",
  );
};
