import type { DeleteFunctionEventInvokeConfigRequest } from "@aws-sdk/client-lambda";
import { eventInvokeTarget, getEventInvoke } from "../event-invoke.ts";
import type { Operation } from "../operation.ts";

/** DELETE /2019-09-25/functions/{FunctionName}/event-invoke-config. Not idempotent, as Lambda's is not. */
export const deleteFunctionEventInvokeConfig: Operation<DeleteFunctionEventInvokeConfigRequest> = (call) => {
  const { input, scope, needs } = call;
  const target = eventInvokeTarget(input, scope);
  getEventInvoke(needs.registry, target);
  needs.registry.eventInvoke.remove(target, target.name, target.qualifier);
  return {};
};
