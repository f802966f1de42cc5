import type { UpdateEventSourceMappingRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import type { MappingRecord } from "../../../registry/index.ts";
import { checkSettings } from "../mappings/checks.ts";
import { checkUnique, getMapping, mappedFunction, mergedSettings } from "../mappings/mappings.ts";
import { refuseNotDone } from "../mappings/not-done.ts";
import { mappingView } from "../mappings/view.ts";
import type { Operation } from "../operation.ts";

/** PUT /2015-03-31/event-source-mappings/{UUID}. What the request leaves out stays as it is. */
export const updateEventSourceMapping: Operation<UpdateEventSourceMappingRequest> = async ({ input, scope, needs }) => {
  const { registry } = needs;
  const { qualifier, ...old } = getMapping(registry, scope, input.UUID ?? "");
  const target =
    input.FunctionName === undefined
      ? { functionName: old.functionName, ...(qualifier === undefined ? {} : { qualifier }) }
      : mappedFunction(registry, input.FunctionName, scope);
  const settings = mergedSettings(old.settings, input);
  checkSettings(old.source, input, settings);
  // A mapping that was made before this was looked at can be switched off all the same.
  if (input.Enabled !== false) refuseNotDone(old.source, settings);
  const enabled = input.Enabled ?? old.enabled;
  const record: MappingRecord = { ...old, ...target, settings, enabled, lastModified: Date.now() };
  checkUnique(registry, record);
  if (input.FunctionName !== undefined) {
    await needs.checkSource?.(record);
    // It may have been deleted or changed while the source was looked for.
    if (getMapping(registry, scope, record.uuid).lastModified !== old.lastModified) {
      throw new ServiceError(
        "ResourceInUseException",
        `Another request changes the event source mapping ${record.uuid}.`,
      );
    }
    checkUnique(registry, record);
  }
  registry.mappings.put(record);
  needs.mappingChanged?.(record);
  const becoming = enabled === old.enabled ? "Updating" : enabled ? "Enabling" : "Disabling";
  return { body: mappingView(record, needs, becoming) };
};
