import type { DeleteFunctionUrlConfigRequest } from "@aws-sdk/client-lambda";
import { getUrl, urlTarget } from "../function-urls.ts";
import type { Operation } from "../operation.ts";

/** DELETE /2021-10-31/functions/{FunctionName}/url. Not idempotent, as Lambda's is not; the URL is never given again. */
export const deleteFunctionUrlConfig: Operation<DeleteFunctionUrlConfigRequest> = ({ input, scope, needs }) => {
  const target = urlTarget(input, scope);
  getUrl(needs.registry, target);
  needs.registry.urls.remove(target, target.name, target.place);
  return {};
};
