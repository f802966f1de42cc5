import type { DeleteEventSourceMappingRequest } from "@aws-sdk/client-lambda";
import { getMapping } from "../mappings/mappings.ts";
import { mappingView } from "../mappings/view.ts";
import type { Operation } from "../operation.ts";

/** DELETE /2015-03-31/event-source-mappings/{UUID}. The answer is the last that is seen of it. */
export const deleteEventSourceMapping: Operation<DeleteEventSourceMappingRequest> = ({ input, scope, needs }) => {
  const record = getMapping(needs.registry, scope, input.UUID ?? "");
  needs.registry.mappings.remove(record.account, record.name);
  needs.mappingChanged?.({ ...record, enabled: false });
  return { body: mappingView(record, needs, "Deleting") };
};
