import type { ListTagsRequest } from "@aws-sdk/client-lambda";
import type { Operation } from "../operation.ts";
import { taggedResource } from "../tags.ts";

/** GET /2017-03-31/tags/{Resource} */
export const listTags: Operation<ListTagsRequest> = ({ input, scope, needs }) => {
  return { body: { Tags: taggedResource(input.Resource ?? "", scope, needs.registry).tags } };
};
