import type { UntagResourceRequest } from "@aws-sdk/client-lambda";
import type { Operation } from "../operation.ts";
import { taggedFunction } from "../tags.ts";

/** DELETE /2017-03-31/tags/{Resource}?tagKeys=… */
export const untagResource: Operation<UntagResourceRequest> = ({ input, scope, needs }) => {
  const tagged = taggedFunction(input.Resource ?? "", scope, needs.registry);
  const gone = new Set(input.TagKeys);
  const tags = Object.fromEntries(Object.entries(tagged.tags).filter(([name]) => !gone.has(name)));
  needs.registry.functions.setTags(tagged.scope, tagged.name, tags);
  return {};
};
