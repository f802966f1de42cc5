import type { UpdateFunctionUrlConfigRequest } from "@aws-sdk/client-lambda";
import type { FunctionUrlRecord } from "../../../registry/index.ts";
import { checkUrlTarget, getUrl, urlTarget, urlTimestamp, urlView } from "../function-urls.ts";
import type { Operation } from "../operation.ts";

/** PUT /2021-10-31/functions/{FunctionName}/url: what the request leaves out stays, and Cors is replaced as a whole. */
export const updateFunctionUrlConfig: Operation<UpdateFunctionUrlConfigRequest> = ({ input, scope, origin, needs }) => {
  const { registry } = needs;
  const target = urlTarget(input, scope);
  checkUrlTarget(registry, target);
  const { cors: oldCors, ...old } = getUrl(registry, target);
  const cors = input.Cors === undefined ? oldCors : { ...input.Cors };
  const record: FunctionUrlRecord = {
    ...old,
    ...(input.AuthType === undefined ? {} : { authType: input.AuthType }),
    ...(input.InvokeMode === undefined ? {} : { invokeMode: input.InvokeMode }),
    ...(cors === undefined || Object.keys(cors).length === 0 ? {} : { cors }),
    lastModified: urlTimestamp(),
  };
  registry.urls.put(target, target.name, target.place, record);
  return { body: urlView(target, record, origin) };
};
