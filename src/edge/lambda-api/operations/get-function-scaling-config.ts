import type { GetFunctionScalingConfigRequest } from "@aws-sdk/client-lambda";
import { defaultScaling, functionArn } from "../../../registry/index.ts";
import { functionRef } from "../function-ref.ts";
import type { Operation } from "../operation.ts";
import { scaledVersion } from "../scaling-config.ts";

/** GET /2025-11-30/functions/{FunctionName}/function-scaling-config. What is asked for holds at once. */
export const getFunctionScalingConfig: Operation<GetFunctionScalingConfigRequest> = ({ input, scope, needs }) => {
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  const { version, scaling } = scaledVersion(needs.registry.functions, ref);
  const { min, max } = scaling ?? defaultScaling;
  const view = { MinExecutionEnvironments: min, MaxExecutionEnvironments: max };
  return {
    body: {
      FunctionArn: `${functionArn(ref, ref.name)}:${version}`,
      AppliedFunctionScalingConfig: view,
      ...(scaling === undefined ? {} : { RequestedFunctionScalingConfig: view }),
    },
  };
};
