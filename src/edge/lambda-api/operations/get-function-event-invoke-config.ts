import type { GetFunctionEventInvokeConfigRequest } from "@aws-sdk/client-lambda";
import { eventInvokeTarget, eventInvokeView, getEventInvoke } from "../event-invoke.ts";
import type { Operation } from "../operation.ts";

/** GET /2019-09-25/functions/{FunctionName}/event-invoke-config */
export const getFunctionEventInvokeConfig: Operation<GetFunctionEventInvokeConfigRequest> = ({
  input,
  scope,
  needs,
}) => {
  const target = eventInvokeTarget(input, scope);
  return { body: eventInvokeView(target, getEventInvoke(needs.registry, target)) };
};
