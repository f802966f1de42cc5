import type { GetRuntimeManagementConfigRequest } from "@aws-sdk/client-lambda";
import type { Operation } from "../operation.ts";
import { managedVersion, runtimeManagementView } from "../runtime-management.ts";

/** GET /2021-07-20/functions/{FunctionName}/runtime-management-config */
export const getRuntimeManagementConfig: Operation<GetRuntimeManagementConfigRequest> = ({ input, scope, needs }) => {
  const { ref, version } = managedVersion(input, scope, needs);
  return { body: runtimeManagementView(ref, needs.registry.runtimeManagement.get(ref, ref.name, version.version)) };
};
