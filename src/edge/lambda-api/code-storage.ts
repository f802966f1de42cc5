import { limits, ServiceError } from "../../model/index.ts";
import type { Registry, Scope } from "../../registry/index.ts";

type Stored = Pick<Registry, "functions" | "layers">;

/**
 * Bytes of packages and layers of an account in a region, zipped, every version counted ("deployment packages and layer
 * archives", API Reference, AccountUsage). Images are kept in a registry and count nothing here.
 */
export function codeUsage({ functions, layers }: Stored, scope: Scope): number {
  let bytes = 0;
  // Unsorted, for every deployment asks.
  for (const { record, latest, versions } of functions.everything()) {
    if (record.account !== scope.account || record.region !== scope.region) continue;
    for (const { settings, code } of [latest, ...versions.values()]) {
      bytes += settings.PackageType === "Image" ? 0 : code.size;
    }
  }
  for (const layer of layers.list(scope)) {
    for (const version of layers.versions(scope, layer.name)) bytes += version.code.size;
  }
  return bytes;
}

/** Throws CodeStorageExceededException where `more` bytes would be too many. */
export function checkCodeStorage(registry: Stored, scope: Scope, more: number): void {
  if (codeUsage(registry, scope) + more <= limits.codeStorageBytes) return;
  throw new ServiceError("CodeStorageExceededException", "Code storage limit exceeded.");
}
