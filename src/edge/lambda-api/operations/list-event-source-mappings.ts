import type { ListEventSourceMappingsRequest } from "@aws-sdk/client-lambda";
import { functionRef } from "../function-ref.ts";
import { mappingView } from "../mappings/view.ts";
import type { Operation } from "../operation.ts";
import { pageOf } from "../pages.ts";

/** API Reference, ListEventSourceMappings: "returns a maximum of 100 items in each response". */
const mostMappings = 100;

/** GET /2015-03-31/event-source-mappings: of one function or version, of one source, or all of the account in the region. */
export const listEventSourceMappings: Operation<ListEventSourceMappingsRequest> = ({ input, scope, needs }) => {
  const wanted = input.FunctionName === undefined ? undefined : functionRef(input.FunctionName, undefined, scope);
  const found = needs.registry.mappings.list(scope.account).filter((mapping) => {
    if (mapping.region !== scope.region) return false;
    if (input.EventSourceArn !== undefined && mapping.settings.EventSourceArn !== input.EventSourceArn) return false;
    if (wanted === undefined) return true;
    return mapping.functionName === wanted.name && mapping.qualifier === wanted.qualifier;
  });
  const { items, nextMarker } = pageOf(found, ({ uuid }) => uuid, input.Marker, input.MaxItems, mostMappings);
  return {
    body: {
      EventSourceMappings: items.map((mapping) => mappingView(mapping, needs)),
      ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
    },
  };
};
