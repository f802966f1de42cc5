import type { PutFunctionScalingConfigRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import { defaultScaling } from "../../../registry/index.ts";
import { stateOf } from "../configuration.ts";
import { functionRef } from "../function-ref.ts";
import type { Operation } from "../operation.ts";
import { scaledVersion } from "../scaling-config.ts";

/**
 * PUT /2025-11-30/functions/{FunctionName}/function-scaling-config. Without a configuration the version goes back to what
 * others have; a maximum of 0 deactivates it.
 */
export const putFunctionScalingConfig: Operation<PutFunctionScalingConfigRequest> = (call) => {
  const { input, scope, needs, provisioning } = call;
  const { functions } = needs.registry;
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  const before = scaledVersion(functions, ref);
  const { MinExecutionEnvironments: min, MaxExecutionEnvironments: max } = input.FunctionScalingConfig ?? {};
  const given = min === undefined && max === undefined ? undefined : scalingOf(min, max);
  const after = functions.scale(ref, ref.name, before.version, given);
  provisioning.apply(ref, ref.name);
  const state = stateOf(after);
  const ends = state === "Deactivated" && stateOf(before) === "Active";
  return { body: { FunctionState: ends ? "Deactivating" : state } };
};

function scalingOf(min: number | undefined, max: number | undefined) {
  const scaling = {
    min: min ?? Math.min(defaultScaling.min, max ?? defaultScaling.max),
    max: max ?? defaultScaling.max,
  };
  if (scaling.min <= scaling.max) return scaling;
  throw new ServiceError(
    "InvalidParameterValueException",
    "MinExecutionEnvironments must not be greater than MaxExecutionEnvironments.",
  );
}
