import type { ListCapacityProvidersRequest } from "@aws-sdk/client-lambda";
import { providerView } from "../managed.ts";
import type { Operation } from "../operation.ts";
import { pageOf } from "../pages.ts";

/** GET /2025-11-30/capacity-providers, by name. All there are are active: nothing has to be started for them. */
export const listCapacityProviders: Operation<ListCapacityProvidersRequest> = ({ input, scope, needs }) => {
  const own = needs.registry.capacityProviders
    .list(scope.account)
    .filter(({ region }) => region === scope.region && (input.State ?? "Active") === "Active");
  const { items, nextMarker } = pageOf(own, ({ providerName }) => providerName, input.Marker, input.MaxItems);
  return {
    body: {
      CapacityProviders: items.map((record) => providerView(record)),
      ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
    },
  };
};
