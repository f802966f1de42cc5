import type { ListFunctionUrlConfigsRequest } from "@aws-sdk/client-lambda";
import { checkUrlTarget, urlTarget, urlView } from "../function-urls.ts";
import type { Operation } from "../operation.ts";
import { pageOf } from "../pages.ts";

/** GET /2021-10-31/functions/{FunctionName}/urls: of the function and its aliases */
export const listFunctionUrlConfigs: Operation<ListFunctionUrlConfigsRequest> = ({ input, scope, origin, needs }) => {
  const { registry } = needs;
  const target = { ...urlTarget(input, scope), place: "$LATEST" };
  checkUrlTarget(registry, target);
  const { items, nextMarker } = pageOf(
    registry.urls.list(target, target.name),
    ([place]) => place,
    input.Marker,
    input.MaxItems,
  );
  const listed = items.map(([place, record]) => urlView({ ...target, place }, record, origin));
  return { body: { FunctionUrlConfigs: listed, ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }) } };
};
