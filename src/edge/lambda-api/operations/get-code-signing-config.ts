import type { GetCodeSigningConfigRequest } from "@aws-sdk/client-lambda";
import { codeSigningOf, codeSigningView } from "../code-signing.ts";
import type { Operation } from "../operation.ts";

/** GET /2020-04-22/code-signing-configs/{CodeSigningConfigArn} */
export const getCodeSigningConfig: Operation<GetCodeSigningConfigRequest> = ({ input, scope, needs }) => {
  const record = codeSigningOf(needs.registry, scope, input.CodeSigningConfigArn ?? "");
  return { body: { CodeSigningConfig: codeSigningView(record) } };
};
