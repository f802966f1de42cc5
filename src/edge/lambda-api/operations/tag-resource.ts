import type { TagResourceRequest } from "@aws-sdk/client-lambda";
import type { Operation } from "../operation.ts";
import { checkTags, taggedFunction } from "../tags.ts";

/** POST /2017-03-31/tags/{Resource} */
export const tagResource: Operation<TagResourceRequest> = ({ input, scope, needs, provisioning }) => {
  const tagged = taggedFunction(input.Resource ?? "", scope, needs.registry);
  const tags = { ...tagged.tags, ...input.Tags };
  checkTags(tags);
  needs.registry.functions.setTags(tagged.scope, tagged.name, tags);
  // A tag may have opened or closed the network: other environments than those kept ready.
  provisioning.apply(tagged.scope, tagged.name);
  return {};
};
