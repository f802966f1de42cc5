import type { PutRuntimeManagementConfigRequest } from "@aws-sdk/client-lambda";
import type { RuntimeManagementRecord } from "../../../registry/index.ts";
import type { Operation } from "../operation.ts";
import { checkRuntimeManagement, managedVersion, runtimeManagementView } from "../runtime-management.ts";

/**
 * PUT /2021-07-20/functions/{FunctionName}/runtime-management-config
 * Not done: other builds of a runtime than the one that is here.
 */
export const putRuntimeManagementConfig: Operation<PutRuntimeManagementConfigRequest> = ({ input, scope, needs }) => {
  const { ref, version } = managedVersion(input, scope, needs);
  const record: RuntimeManagementRecord = {
    updateRuntimeOn: input.UpdateRuntimeOn as RuntimeManagementRecord["updateRuntimeOn"],
    ...(input.RuntimeVersionArn === undefined ? {} : { runtimeVersionArn: input.RuntimeVersionArn }),
  };
  checkRuntimeManagement(ref, version, record);
  needs.registry.runtimeManagement.put(ref, ref.name, version.version, record);
  return { body: runtimeManagementView(ref, record) };
};
