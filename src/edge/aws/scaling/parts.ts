import { randomUUID } from "node:crypto";
import type { Named, ScalingPolicyRecord } from "../../../registry/index.ts";
import { JsonError } from "../json.ts";
import type { ScalingCall } from "./operation.ts";
import { keyOf, type ResourceInput, resourceOf, targetOf } from "./resource.ts";

/** What belongs to a scalable target under a name of its own, in the words of ARNs and of errors. */
export interface PartKind {
  readonly arn: "scalingPolicy" | "scheduledAction";
  readonly nameInArn: "policyName" | "scheduledActionName";
  readonly words: "scaling policy" | "scheduled action";
  readonly nameInWords: "policy name" | "scheduled action name";
}

/** The members of a record that its target and its name decide. */
type PartHead = Pick<ScalingPolicyRecord, "account" | "region" | "resourceId" | "name" | "arn" | "created">;

/** The part that is there, if any, and what one in its place begins with. Throws what `resourceOf` and `targetOf` throw. */
export function partOf<T extends PartHead>(
  kind: PartKind,
  records: Named<T>,
  { input, scope, context }: ScalingCall<ResourceInput>,
  partName: string,
): { readonly old: T | undefined; readonly head: PartHead } {
  const resource = resourceOf(input, scope);
  targetOf(context.registry, resource);
  const { account, region, resourceId } = resource;
  const name = keyOf(resource, partName);
  const old = records.get(account, name);
  const arn =
    old?.arn ??
    `arn:aws:autoscaling:${region}:${account}:${kind.arn}:${randomUUID()}:resource/lambda/${resourceId}:${kind.nameInArn}/${partName}`;
  return { old, head: { account, region, resourceId, name, arn, created: old?.created ?? context.clock() } };
}

/** Throws ObjectNotFoundException, in AWS's words, where there is none. */
export function removePart<T extends PartHead>(
  kind: PartKind,
  records: Named<T>,
  { input, scope }: ScalingCall<ResourceInput>,
  partName: string,
): void {
  const resource = resourceOf(input, scope);
  const name = keyOf(resource, partName);
  if (records.get(resource.account, name) === undefined) {
    throw new JsonError(
      "ObjectNotFoundException",
      `No ${kind.words} found for service namespace: lambda, resource ID: ${resource.resourceId}, scalable dimension: ${input.ScalableDimension}, ${kind.nameInWords}: ${partName}`,
    );
  }
  records.remove(resource.account, name);
}
