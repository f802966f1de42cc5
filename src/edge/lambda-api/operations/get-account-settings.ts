import { limits } from "../../../model/index.ts";
import type { Operation } from "../operation.ts";

/** GET /2016-08-19/account-settings */
export const getAccountSettings: Operation<object> = ({ scope, needs }) => {
  const entries = needs.registry.functions.list(scope);
  let bytes = 0;
  for (const { latest, versions } of entries) {
    for (const version of [latest, ...versions.values()]) bytes += version.code.size;
  }
  return {
    body: {
      AccountLimit: {
        TotalCodeSize: limits.codeStorageBytes,
        CodeSizeUnzipped: limits.unzippedCodeBytes,
        CodeSizeZipped: limits.zippedCodeBytes,
        ConcurrentExecutions: needs.registry.accountConcurrency,
        UnreservedConcurrentExecutions: needs.registry.functions.unreserved(scope),
      },
      AccountUsage: { TotalCodeSize: bytes, FunctionCount: entries.length },
    },
  };
};
