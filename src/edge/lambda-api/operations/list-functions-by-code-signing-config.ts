import type { ListFunctionsByCodeSigningConfigRequest } from "@aws-sdk/client-lambda";
import { codeSigningArn } from "../../../registry/index.ts";
import { codeSigningOf, functionsWith } from "../code-signing.ts";
import type { Operation } from "../operation.ts";
import { pageOf } from "../pages.ts";

/** GET /2020-04-22/code-signing-configs/{CodeSigningConfigArn}/functions, by ARN */
export const listFunctionsByCodeSigningConfig: Operation<ListFunctionsByCodeSigningConfigRequest> = (call) => {
  const { input, scope, needs } = call;
  const record = codeSigningOf(needs.registry, scope, input.CodeSigningConfigArn ?? "");
  const arns = functionsWith(needs.registry, codeSigningArn(record));
  const { items, nextMarker } = pageOf(arns, (arn) => arn, input.Marker, input.MaxItems);
  return { body: { FunctionArns: items, ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }) } };
};
