import type { PublishVersionRequest } from "@aws-sdk/client-lambda";
import { checkChangeable, latestPublished } from "../../../registry/index.ts";
import { checkCodeStorage } from "../code-storage.ts";
import { configurationOf } from "../configuration.ts";
import { functionRef, wholeFunction } from "../function-ref.ts";
import { isPublished } from "../managed.ts";
import type { Operation } from "../operation.ts";

/** POST /2015-03-31/functions/{FunctionName}/versions. The last version again when nothing changed since. */
export const publishVersion: Operation<PublishVersionRequest> = (call) => {
  const { input, scope, needs, preparation, provisioning } = call;
  const { functions, resolve } = needs.registry;
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  const entry = functions.get(ref, ref.name);
  checkChangeable(entry);
  isPublished({ PublishTo: input.PublishTo }, entry.latest.settings);
  checkCodeStorage(needs.registry, ref, entry.latest.code.size);
  const { version, made } = functions.publish(ref, ref.name, {
    description: input.Description,
    codeSha256: input.CodeSha256,
    revisionId: input.RevisionId,
    toLatestPublished: input.PublishTo === "LATEST_PUBLISHED",
  });
  if (made && version.state === "Pending") {
    preparation.start(resolve(ref.account, ref.region, ref.name, version.version));
  }
  if (made) {
    provisioning.apply(ref, ref.name);
    // Environments of what `$LATEST.PUBLISHED` was before end.
    if (version.version === latestPublished) needs.retire(ref.account, ref.region, ref.name);
  }
  return { body: configurationOf(functions.get(ref, ref.name).record, version, version.version) };
};
