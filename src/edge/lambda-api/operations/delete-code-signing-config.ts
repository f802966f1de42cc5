import type { DeleteCodeSigningConfigRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import { codeSigningArn } from "../../../registry/index.ts";
import { codeSigningOf, functionsWith } from "../code-signing.ts";
import type { Operation } from "../operation.ts";

/** DELETE /2020-04-22/code-signing-configs/{CodeSigningConfigArn}. Only when no function has it. */
export const deleteCodeSigningConfig: Operation<DeleteCodeSigningConfigRequest> = ({ input, scope, needs }) => {
  const record = codeSigningOf(needs.registry, scope, input.CodeSigningConfigArn ?? "");
  const arn = codeSigningArn(record);
  if (functionsWith(needs.registry, arn).length > 0) {
    throw new ServiceError(
      "ResourceConflictException",
      `The code signing configuration ${arn} cannot be deleted because it is being used by one or more functions.`,
    );
  }
  needs.registry.codeSigning.remove(record.account, record.name);
  return {};
};
