import type { UntagResourceRequest } from "@aws-sdk/client-lambda";
import type { Operation } from "../operation.ts";
import { taggedFunction } from "../tags.ts";

/** DELETE /2017-03-31/tags/{Resource}?tagKeys=… */
export const untagResource: Operation<UntagResourceRequest> = ({ input, scope, needs, provisioning }) => {
  const tagged = taggedFunction(input.Resource ?? "", scope, needs.registry);
  const gone = new Set(input.TagKeys);
  const tags = Object.fromEntries(Object.entries(tagged.tags).filter(([name]) => !gone.has(name)));
  needs.registry.functions.setTags(tagged.scope, tagged.name, tags);
  // A tag may have opened or closed the network: other environments than those kept ready.
  provisioning.apply(tagged.scope, tagged.name);
  return {};
};
