import type { PutFunctionEventInvokeConfigRequest } from "@aws-sdk/client-lambda";
import {
  changedEventInvoke,
  checkEventInvokeTarget,
  checkSomethingSet,
  eventInvokeTarget,
  eventInvokeView,
} from "../event-invoke.ts";
import type { Operation } from "../operation.ts";

/**
 * PUT /2019-09-25/functions/{FunctionName}/event-invoke-config: what the request leaves out goes back to its default.
 * Not done: whether the execution role may send to the destinations is not checked.
 */
export const putFunctionEventInvokeConfig: Operation<PutFunctionEventInvokeConfigRequest> = (call) => {
  const { input, scope, needs } = call;
  const { registry } = needs;
  checkSomethingSet(input);
  const target = eventInvokeTarget(input, scope);
  checkEventInvokeTarget(registry, target);
  const record = changedEventInvoke(registry, target, {}, input, Date.now());
  registry.eventInvoke.put(target, target.name, target.qualifier, record);
  return { body: eventInvokeView(target, record) };
};
