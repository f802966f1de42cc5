import type { GetCapacityProviderRequest } from "@aws-sdk/client-lambda";
import { providerNamed, providerView } from "../managed.ts";
import type { Operation } from "../operation.ts";

/** GET /2025-11-30/capacity-providers/{CapacityProviderName} */
export const getCapacityProvider: Operation<GetCapacityProviderRequest> = ({ input, scope, needs }) => ({
  body: { CapacityProvider: providerView(providerNamed(needs.registry, scope, input.CapacityProviderName ?? "")) },
});
