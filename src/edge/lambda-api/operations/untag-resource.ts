import type { UntagResourceRequest } from "@aws-sdk/client-lambda";
import type { Operation } from "../operation.ts";
import { taggedResource } from "../tags.ts";

/** DELETE /2017-03-31/tags/{Resource}?tagKeys=… */
export const untagResource: Operation<UntagResourceRequest> = ({ input, scope, needs, provisioning }) => {
  const resource = taggedResource(input.Resource ?? "", scope, needs.registry);
  const gone = new Set(input.TagKeys);
  resource.set(Object.fromEntries(Object.entries(resource.tags).filter(([name]) => !gone.has(name))));
  if (resource.owner !== undefined) provisioning.apply(resource.owner.scope, resource.owner.name);
  return {};
};
