import type { UpdateCapacityProviderRequest } from "@aws-sdk/client-lambda";
import { timestamp } from "../../../registry/index.ts";
import { providerNamed, providerView } from "../managed.ts";
import type { Operation } from "../operation.ts";

/** PUT /2025-11-30/capacity-providers/{CapacityProviderName}. What the request leaves out stays as it is. */
export const updateCapacityProvider: Operation<UpdateCapacityProviderRequest> = ({ input, scope, needs }) => {
  const old = providerNamed(needs.registry, scope, input.CapacityProviderName ?? "");
  const changes = {
    CapacityProviderScalingConfig: input.CapacityProviderScalingConfig && {
      ...(old.settings.CapacityProviderScalingConfig as object),
      ...input.CapacityProviderScalingConfig,
    },
    PropagateTags: input.PropagateTags,
    TelemetryConfig: input.TelemetryConfig,
  };
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const record = { ...old, settings: { ...old.settings, ...given }, lastModified: timestamp() };
  needs.registry.capacityProviders.put(record);
  return { body: { CapacityProvider: providerView(record) } };
};
