import type { UpdateCodeSigningConfigRequest } from "@aws-sdk/client-lambda";
import { type CodeSigningRecord, timestamp } from "../../../registry/index.ts";
import { codeSigningOf, codeSigningView } from "../code-signing.ts";
import type { Operation } from "../operation.ts";

/** PUT /2020-04-22/code-signing-configs/{CodeSigningConfigArn}. What is left out stays; it holds for the next deployment. */
export const updateCodeSigningConfig: Operation<UpdateCodeSigningConfigRequest> = ({ input, scope, needs }) => {
  const old = codeSigningOf(needs.registry, scope, input.CodeSigningConfigArn ?? "");
  const record: CodeSigningRecord = {
    ...old,
    description: input.Description ?? old.description,
    publishers: input.AllowedPublishers?.SigningProfileVersionArns ?? old.publishers,
    untrusted: input.CodeSigningPolicies?.UntrustedArtifactOnDeployment ?? old.untrusted,
    lastModified: timestamp(),
  };
  needs.registry.codeSigning.put(record);
  return { body: { CodeSigningConfig: codeSigningView(record) } };
};
