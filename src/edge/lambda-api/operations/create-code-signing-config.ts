import { randomBytes } from "node:crypto";
import type { CreateCodeSigningConfigRequest } from "@aws-sdk/client-lambda";
import { type CodeSigningRecord, timestamp } from "../../../registry/index.ts";
import { codeSigningView } from "../code-signing.ts";
import type { Operation } from "../operation.ts";
import { checkTags } from "../tags.ts";

/** POST /2020-04-22/code-signing-configs */
export const createCodeSigningConfig: Operation<CreateCodeSigningConfigRequest> = ({ input, scope, needs }) => {
  checkTags(input.Tags ?? {});
  const id = `csc-${randomBytes(9).toString("hex").slice(0, 17)}`;
  const record: CodeSigningRecord = {
    account: scope.account,
    name: `${scope.region}/${id}`,
    region: scope.region,
    id,
    description: input.Description ?? "",
    publishers: input.AllowedPublishers?.SigningProfileVersionArns ?? [],
    untrusted: input.CodeSigningPolicies?.UntrustedArtifactOnDeployment ?? "Warn",
    lastModified: timestamp(),
    tags: input.Tags ?? {},
  };
  needs.registry.codeSigning.put(record);
  return { body: { CodeSigningConfig: codeSigningView(record) } };
};
