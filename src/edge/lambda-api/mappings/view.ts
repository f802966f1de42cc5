import { functionArn, type MappingRecord, mappingArn } from "../../../registry/index.ts";
import type { LambdaApiNeeds } from "../needs.ts";
import { sourceRules } from "./source.ts";

/** What whoever reads a source knows of a mapping. */
export interface MappingStatus {
  readonly state: "Creating" | "Enabling" | "Enabled" | "Updating" | "Disabling" | "Disabled" | "Deleting";
  readonly reason?: string | undefined;
  /** `OK`, `No records processed`, `PROBLEM: …` */
  readonly lastProcessingResult?: string | undefined;
}

/** A mapping as Lambda describes it. `state`: what it is becoming, in the answer to the request that changes it. */
export function mappingView(
  record: MappingRecord,
  needs: Pick<LambdaApiNeeds, "mappingStatus">,
  state?: MappingStatus["state"],
) {
  const arn = functionArn(record, record.functionName);
  const status = needs.mappingStatus?.(record) ?? unread(record);
  const { LastProcessingResult: initially, ...settings } = record.settings;
  const result = initially === undefined ? undefined : (status.lastProcessingResult ?? initially);
  return {
    UUID: record.uuid,
    EventSourceMappingArn: mappingArn(record),
    FunctionArn: record.qualifier === undefined ? arn : `${arn}:${record.qualifier}`,
    ...settings,
    ...(result === undefined ? {} : { LastProcessingResult: result }),
    LastModified: record.lastModified / 1000,
    State: state ?? status.state,
    StateTransitionReason: status.reason ?? sourceRules[record.source].userAction,
  };
}

/** Nobody reads this source here: it is configured, and the reason says that nothing comes of it. */
function unread({ enabled, source }: MappingRecord): MappingStatus {
  if (!enabled) return { state: "Disabled" };
  return {
    state: "Enabled",
    reason: `${sourceRules[source].userAction}. Thaw does not read from ${source} yet: no event reaches the function.`,
  };
}
