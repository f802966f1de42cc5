import type { DurableConfig } from "@aws-sdk/client-lambda";
import { durableLimits } from "../../durable/index.ts";
import { ServiceError } from "../../model/index.ts";

type Part = { readonly DurableConfig?: DurableConfig };

/** DurableConfig of a new function, with the retention that Lambda fills in; nothing when the function is not durable. */
export function newDurableConfig(given: DurableConfig | undefined): Part {
  if (given === undefined) return {};
  if (given.ExecutionTimeout === undefined) throw invalid("ExecutionTimeout is required in DurableConfig.");
  return { DurableConfig: { RetentionPeriodInDays: durableLimits.retentionDays, ...given } };
}

/**
 * DurableConfig after an update: what is left out stays. Only a new function can be made durable (Developer Guide,
 * "Configure Lambda durable functions"); the text is ours.
 */
export function changedDurableConfig(old: unknown, given: DurableConfig | undefined): Part {
  if (given === undefined) return {};
  if (old === undefined) {
    throw invalid("DurableConfig cannot be added to an existing function. Create a new function with DurableConfig.");
  }
  return { DurableConfig: { ...(old as DurableConfig), ...given } };
}

const invalid = (message: string) => new ServiceError("InvalidParameterValueException", message);
