import { ServiceError } from "../../model/index.ts";
import type { FunctionEntry } from "../../registry/index.ts";

/**
 * Throws InvalidParameterValueException for what a function that keeps its tenants apart cannot have: what would invoke it
 * without a word of whose event it is. Source: CDK's TenancyConfig, which refuses the same; the text is ours.
 */
export function refuseTenants({ latest }: FunctionEntry, what: string): void {
  if (latest.settings.TenancyConfig === undefined) return;
  throw new ServiceError(
    "InvalidParameterValueException",
    `${what} is not supported for functions with tenant isolation mode.`,
  );
}
