import type { DeleteCapacityProviderRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import { providerNamed, providerView, versionsOn } from "../managed.ts";
import type { Operation } from "../operation.ts";

/** DELETE /2025-11-30/capacity-providers/{CapacityProviderName}; not while a function runs on it. */
export const deleteCapacityProvider: Operation<DeleteCapacityProviderRequest> = ({ input, scope, needs }) => {
  const record = providerNamed(needs.registry, scope, input.CapacityProviderName ?? "");
  const users = versionsOn(needs.registry, record);
  if (users.length > 0) {
    throw new ServiceError(
      "ResourceConflictException",
      `The capacity provider has ${users.length} function versions and cannot be deleted.`,
    );
  }
  needs.registry.capacityProviders.remove(record.account, record.name);
  return { body: { CapacityProvider: providerView(record, "Deleting") } };
};
