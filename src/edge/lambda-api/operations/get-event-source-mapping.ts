import type { GetEventSourceMappingRequest } from "@aws-sdk/client-lambda";
import { getMapping } from "../mappings/mappings.ts";
import { mappingView } from "../mappings/view.ts";
import type { Operation } from "../operation.ts";

/** GET /2015-03-31/event-source-mappings/{UUID} */
export const getEventSourceMapping: Operation<GetEventSourceMappingRequest> = ({ input, scope, needs }) => ({
  body: mappingView(getMapping(needs.registry, scope, input.UUID ?? ""), needs),
});
