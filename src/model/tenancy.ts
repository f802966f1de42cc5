import { ServiceError } from "./errors.ts";
import type { FunctionVersion } from "./function-version.ts";

/**
 * Throws InvalidParameterValueException unless a tenant is named exactly where the function keeps its tenants apart. The first
 * text is Lambda's own; of the second only the code is known (Developer Guide, "Troubleshooting tenant isolation").
 */
export function checkTenant({ perTenant = false }: FunctionVersion, tenantId: string | undefined): void {
  if (perTenant === (tenantId !== undefined)) return;
  throw new ServiceError(
    "InvalidParameterValueException",
    perTenant
      ? "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again."
      : "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again.",
  );
}
