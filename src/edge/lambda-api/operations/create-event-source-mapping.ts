import { randomUUID } from "node:crypto";
import type { CreateEventSourceMappingRequest } from "@aws-sdk/client-lambda";
import { type MappingRecord, mappingKey } from "../../../registry/index.ts";
import { checkComplete, checkSettings, checkStart, sourceOfRequest } from "../mappings/checks.ts";
import { checkUnique, defaultsOf, mappedFunction, mergedSettings } from "../mappings/mappings.ts";
import { refuseNotDone } from "../mappings/not-done.ts";
import { mappingView } from "../mappings/view.ts";
import type { Operation } from "../operation.ts";
import { checkTags } from "../tags.ts";

/** POST /2015-03-31/event-source-mappings. */
export const createEventSourceMapping: Operation<CreateEventSourceMappingRequest> = async ({ input, scope, needs }) => {
  const { registry } = needs;
  const source = sourceOfRequest(input);
  const now = Date.now();
  checkStart(source, input, now);
  checkComplete(source, input);
  const uuid = randomUUID();
  const settings = mergedSettings(defaultsOf(source, uuid), input);
  checkSettings(source, input, settings);
  refuseNotDone(source, settings);
  checkTags(input.Tags ?? {});
  const record: MappingRecord = {
    ...scope,
    name: mappingKey(scope.region, uuid),
    uuid,
    source,
    ...mappedFunction(registry, input.FunctionName ?? "", scope),
    enabled: input.Enabled ?? true,
    lastModified: now,
    settings,
    tags: input.Tags ?? {},
  };
  checkUnique(registry, record);
  await needs.checkSource?.(record);
  // Somebody else may have made the same while the source was looked for.
  checkUnique(registry, record);
  registry.mappings.put(record);
  needs.mappingChanged?.(record);
  return { body: mappingView(record, needs, "Creating") };
};
