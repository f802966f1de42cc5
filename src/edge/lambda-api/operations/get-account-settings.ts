import { limits } from "../../../model/index.ts";
import { codeUsage } from "../code-storage.ts";
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
