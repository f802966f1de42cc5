import { limits } from "../../../model/index.ts";
import type { Registry, Scope } from "../../../registry/index.ts";
import type { Operation } from "../operation.ts";

/** GET /2016-08-19/account-settings: of one region */
export const getAccountSettings: Operation<object> = ({ scope, needs }) => {
  const { registry } = needs;
  return {
    body: {
      AccountLimit: {
        TotalCodeSize: limits.codeStorageBytes,
        CodeSizeUnzipped: limits.unzippedCodeBytes,
        CodeSizeZipped: limits.zippedCodeBytes,
        ConcurrentExecutions: registry.accountConcurrency,
        UnreservedConcurrentExecutions: registry.functions.unreserved(scope),
      },
      AccountUsage: { TotalCodeSize: codeUsage(registry, scope), FunctionCount: registry.functions.list(scope).length },
    },
  };
};

/**
 * Bytes of packages and layers, zipped, every version counted ("deployment packages and layer archives", API Reference,
 * AccountUsage). Images are kept in a registry and count nothing here.
 */
function codeUsage({ functions, layers }: Registry, scope: Scope): number {
  let bytes = 0;
  for (const { latest, versions } of functions.list(scope)) {
    for (const { settings, code } of [latest, ...versions.values()])
      bytes += settings.PackageType === "Image" ? 0 : code.size;
  }
  for (const layer of layers.list(scope)) {
    for (const version of layers.versions(scope, layer.name)) bytes += version.code.size;
  }
  return bytes;
}
