import type { ListProvisionedConcurrencyConfigsRequest } from "@aws-sdk/client-lambda";
import { functionArn } from "../../../registry/index.ts";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";
import { pageOf } from "../pages.ts";
import { provisionedView } from "../provisioning.ts";

/** GET /2019-09-30/functions/{FunctionName}/provisioned-concurrency?List=ALL, by qualifier */
export const listProvisionedConcurrencyConfigs: Operation<ListProvisionedConcurrencyConfigsRequest> = (call) => {
  const { input, scope, needs } = call;
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  const configs = [...needs.registry.functions.get(ref, ref.name).provisioned.values()].sort((one, other) =>
    one.qualifier < other.qualifier ? -1 : 1,
  );
  const { items, nextMarker } = pageOf(configs, ({ qualifier }) => qualifier, input.Marker, input.MaxItems);
  const listed = items.map((record) => ({
    FunctionArn: `${functionArn(ref, ref.name)}:${record.qualifier}`,
    ...provisionedView(needs, ref, record),
  }));
  return {
    body: { ProvisionedConcurrencyConfigs: listed, ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }) },
  };
};
