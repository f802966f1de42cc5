import type { GetFunctionConfigurationRequest } from "@aws-sdk/client-lambda";
import { configurationOf } from "../configuration.ts";
import { functionRef } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/** GET /2015-03-31/functions/{FunctionName}/configuration */
export const getFunctionConfiguration: Operation<GetFunctionConfigurationRequest> = ({ input, scope, needs }) => {
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  const { functions } = needs.registry;
  const version = functions.version(ref, ref.name, ref.qualifier);
  return { body: configurationOf(functions.get(ref, ref.name).record, version, ref.qualifier) };
};
