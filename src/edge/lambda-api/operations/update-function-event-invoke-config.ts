import type { UpdateFunctionEventInvokeConfigRequest } from "@aws-sdk/client-lambda";
import {
  changedEventInvoke,
  checkEventInvokeTarget,
  checkSomethingSet,
  eventInvokeTarget,
  eventInvokeView,
  getEventInvoke,
} from "../event-invoke.ts";
import type { Operation } from "../operation.ts";

/** POST /2019-09-25/functions/{FunctionName}/event-invoke-config: what the request leaves out stays. */
export const updateFunctionEventInvokeConfig: Operation<UpdateFunctionEventInvokeConfigRequest> = (call) => {
  const { input, scope, needs } = call;
  const { registry } = needs;
  checkSomethingSet(input);
  const target = eventInvokeTarget(input, scope);
  checkEventInvokeTarget(registry, target);
  const old = getEventInvoke(registry, target);
  const record = changedEventInvoke(registry, target, old, input, Date.now());
  registry.eventInvoke.put(target, target.name, target.qualifier, record);
  return { body: eventInvokeView(target, record) };
};
