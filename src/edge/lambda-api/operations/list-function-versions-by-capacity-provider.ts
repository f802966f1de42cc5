import type { ListFunctionVersionsByCapacityProviderRequest } from "@aws-sdk/client-lambda";
import { capacityProviderArn, functionArn } from "../../../registry/index.ts";
import { stateOf } from "../configuration.ts";
import { providerNamed, versionsOn } from "../managed.ts";
import type { Operation } from "../operation.ts";
import { pageOf } from "../pages.ts";

/** GET /2025-11-30/capacity-providers/{CapacityProviderName}/function-versions, by ARN */
export const listFunctionVersionsByCapacityProvider: Operation<ListFunctionVersionsByCapacityProviderRequest> = ({
  input,
  scope,
  needs,
}) => {
  const provider = providerNamed(needs.registry, scope, input.CapacityProviderName ?? "");
  const rows = versionsOn(needs.registry, provider)
    .map(({ record, version }) => ({
      FunctionArn: `${functionArn(record, record.name)}:${version.version}`,
      State: stateOf(version),
    }))
    .sort((one, other) => (one.FunctionArn < other.FunctionArn ? -1 : 1));
  const { items, nextMarker } = pageOf(rows, ({ FunctionArn }) => FunctionArn, input.Marker, input.MaxItems);
  return {
    body: {
      CapacityProviderArn: capacityProviderArn(scope, provider.providerName),
      FunctionVersions: items,
      ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
    },
  };
};
