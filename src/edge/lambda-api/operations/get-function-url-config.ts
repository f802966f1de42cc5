import type { GetFunctionUrlConfigRequest } from "@aws-sdk/client-lambda";
import { getUrl, urlTarget, urlView } from "../function-urls.ts";
import type { Operation } from "../operation.ts";

/** GET /2021-10-31/functions/{FunctionName}/url */
export const getFunctionUrlConfig: Operation<GetFunctionUrlConfigRequest> = ({ input, scope, origin, needs }) => {
  const target = urlTarget(input, scope);
  return { body: urlView(target, getUrl(needs.registry, target), origin) };
};
