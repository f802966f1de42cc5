import type { ListFunctionEventInvokeConfigsRequest } from "@aws-sdk/client-lambda";
import { checkEventInvokeTarget, eventInvokeView } from "../event-invoke.ts";
import { functionRef } from "../function-ref.ts";
import type { Operation } from "../operation.ts";
import { pageOf } from "../pages.ts";

/** GET /2019-09-25/functions/{FunctionName}/event-invoke-config/list: of the function and all its qualifiers */
export const listFunctionEventInvokeConfigs: Operation<ListFunctionEventInvokeConfigsRequest> = (call) => {
  const { input, scope, needs } = call;
  const ref = functionRef(input.FunctionName ?? "", undefined, scope);
  checkEventInvokeTarget(needs.registry, { ...ref, qualifier: "$LATEST" });
  const { items, nextMarker } = pageOf(
    needs.registry.eventInvoke.list(ref, ref.name),
    ([qualifier]) => qualifier,
    input.Marker,
    input.MaxItems,
  );
  const listed = items.map(([qualifier, record]) => eventInvokeView({ ...ref, qualifier }, record));
  return {
    body: { FunctionEventInvokeConfigs: listed, ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }) },
  };
};
