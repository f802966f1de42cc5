import type { PutFunctionCodeSigningConfigRequest } from "@aws-sdk/client-lambda";
import { codeSigningArn, noQualifier } from "../../../registry/index.ts";
import { codeSigningFor, imagesAreNotSigned } from "../code-signing.ts";
import { functionRef, wholeFunction } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/** PUT /2020-06-30/functions/{FunctionName}/code-signing-config. Holds for the next deployment; the code of now goes on. */
export const putFunctionCodeSigningConfig: Operation<PutFunctionCodeSigningConfigRequest> = (call) => {
  const { input, scope, needs } = call;
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  const configArn = codeSigningArn(codeSigningFor(needs.registry, scope, input.CodeSigningConfigArn ?? ""));
  const { latest } = needs.registry.functions.get(ref, ref.name);
  if (latest.settings.PackageType === "Image") {
    throw imagesAreNotSigned();
  }
  needs.registry.functionCodeSigning.put(ref, ref.name, noQualifier, { configArn });
  return { body: { CodeSigningConfigArn: configArn, FunctionName: ref.name } };
};
