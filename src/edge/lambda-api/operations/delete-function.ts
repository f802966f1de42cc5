import type { DeleteFunctionRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import { providerOf } from "../../../registry/index.ts";
import { functionRef } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/** DELETE /2015-03-31/functions/{FunctionName}: the function with all its versions, or one version of it. */
export const deleteFunction: Operation<DeleteFunctionRequest> = (call) => {
  const { input, scope, needs, preparation, provisioning } = call;
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  const { functions, resolve } = needs.registry;
  const invalid = (message: string) => new ServiceError("InvalidParameterValueException", message);
  if (ref.qualifier === "$LATEST") {
    throw invalid("$LATEST version cannot be deleted without deleting the function.");
  }
  if (ref.qualifier !== undefined && !/^(\d+|\$LATEST\.PUBLISHED)$/.test(ref.qualifier)) {
    throw invalid("Deletion of aliases is not currently supported.");
  }
  const { latest, versions } = functions.get(ref, ref.name);
  if (ref.qualifier === undefined) {
    for (const version of [latest, ...versions.values()]) {
      preparation.forget(resolve(ref.account, ref.region, ref.name, version.version));
    }
    functions.remove(ref, ref.name);
    provisioning.apply(ref, ref.name);
    needs.retire(ref.account, ref.region, ref.name);
  } else if (versions.has(ref.qualifier)) {
    // Deleting a version that does not exist is a success: AWS's is idempotent.
    const target = resolve(ref.account, ref.region, ref.name, ref.qualifier);
    functions.removeVersion(ref, ref.name, ref.qualifier);
    provisioning.apply(ref, ref.name);
    preparation.forget(target);
    needs.retire(ref.account, ref.region, ref.name);
  }
  // The model's success is 200, which is for managed instances; on Lambda's own fleet it is 204.
  return providerOf(latest.settings) === undefined ? { status: 204 } : {};
};
