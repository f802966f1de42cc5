import type { TagResourceRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import type { Operation } from "../operation.ts";
import { checkTags, taggedResource } from "../tags.ts";

/** POST /2017-03-31/tags/{Resource} */
export const tagResource: Operation<TagResourceRequest> = ({ input, scope, needs, provisioning }) => {
  const resource = taggedResource(input.Resource ?? "", scope, needs.registry);
  if (Object.keys(input.Tags ?? {}).length === 0) {
    throw new ServiceError("InvalidParameterValueException", "An error occurred and the request cannot be processed.");
  }
  const tags = { ...resource.tags, ...input.Tags };
  checkTags(tags);
  resource.set(tags);
  // A tag may have opened or closed the network: other environments than those kept ready.
  if (resource.owner !== undefined) provisioning.apply(resource.owner.scope, resource.owner.name);
  return {};
};
