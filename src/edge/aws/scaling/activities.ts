import { type ListingInput, listing } from "./listing.ts";
import type { ScalingOperation } from "./operation.ts";
import { described, seconds } from "./resource.ts";

/** What was scaled and why, the latest first. */
export const describeScalingActivities: ScalingOperation<ListingInput> = ({ input, scope, context }) => {
  context.capacity.settle();
  return listing(
    "ScalingActivities",
    context.registry.scaling.activities,
    scope,
    input,
    () => true,
    ({ activityId, resourceId, description, cause, created, ended, status, statusMessage }) => ({
      ActivityId: activityId,
      ...described(resourceId),
      Description: description,
      Cause: cause,
      StartTime: seconds(created),
      ...(ended === undefined ? {} : { EndTime: seconds(ended) }),
      StatusCode: status,
      StatusMessage: statusMessage,
    }),
  );
};
