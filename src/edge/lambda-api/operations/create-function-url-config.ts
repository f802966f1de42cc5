import type { CreateFunctionUrlConfigRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import type { FunctionUrlRecord } from "../../../registry/index.ts";
import { checkUrlTarget, newUrlId, urlArn, urlTarget, urlTimestamp, urlView } from "../function-urls.ts";
import type { Operation } from "../operation.ts";

/** POST /2021-10-31/functions/{FunctionName}/url */
export const createFunctionUrlConfig: Operation<CreateFunctionUrlConfigRequest> = ({ input, scope, origin, needs }) => {
  const { registry } = needs;
  const target = urlTarget(input, scope);
  checkUrlTarget(registry, target);
  if (registry.urls.get(target, target.name, target.place) !== undefined) {
    throw new ServiceError(
      "ResourceConflictException",
      `Failed to create function url config for [functionArn = ${urlArn(target)}]. Error message:  FunctionUrlConfig exists for this Lambda function`,
    );
  }
  const now = urlTimestamp();
  const record: FunctionUrlRecord = {
    urlId: newUrlId(),
    authType: input.AuthType as FunctionUrlRecord["authType"],
    invokeMode: input.InvokeMode ?? "BUFFERED",
    ...(input.Cors === undefined ? {} : { cors: { ...input.Cors } }),
    created: now,
    lastModified: now,
  };
  registry.urls.put(target, target.name, target.place, record);
  const { LastModifiedTime: _, ...created } = urlView(target, record, origin);
  return { body: created };
};
