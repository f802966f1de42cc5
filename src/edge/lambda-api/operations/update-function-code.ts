import type { UpdateFunctionCodeRequest } from "@aws-sdk/client-lambda";
import { checkChangeable, checkRevision } from "../../../registry/index.ts";
import { checkCodeKind, checkTotalSize, takeCode } from "../code-input.ts";
import { checkCodeStorage } from "../code-storage.ts";
import { configurationOf } from "../configuration.ts";
import { functionRef, wholeFunction } from "../function-ref.ts";
import { isPublished } from "../managed.ts";
import type { Operation } from "../operation.ts";
import { admittedCode, configOf } from "../signing.ts";

/** PUT /2015-03-31/functions/{FunctionName}/code. With DryRun everything is checked and nothing kept. */
export const updateFunctionCode: Operation<UpdateFunctionCodeRequest> = async ({
  input,
  scope,
  caller,
  needs,
  preparation,
  provisioning,
}) => {
  const { functions, resolve } = needs.registry;
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  const before = functions.get(ref, ref.name);
  checkChangeable(before);
  checkRevision(before.latest.revisionId, input.RevisionId);
  checkCodeKind(input, before.latest.settings);
  const given = { ...before.latest.settings, ...(input.Architectures && { Architectures: input.Architectures }) };
  checkCodeStorage(needs.registry, ref, (input.ZipFile?.length ?? 0) - before.latest.code.size);
  const code = await admittedCode(needs, configOf(needs, ref), ref, await takeCode(needs, caller, input, given));
  await checkTotalSize(needs.artifacts, code, before.latest.layers);
  const old = functions.get(ref, ref.name).latest.settings;
  const settings = input.Architectures === undefined ? old : { ...old, Architectures: input.Architectures };
  const publishes = isPublished(input, settings);
  if (input.DryRun === true) return { body: configurationOf(before.record, { ...before.latest, settings, code }) };

  preparation.forget(resolve(ref.account, ref.region, ref.name, "$LATEST"));
  const { updated, published } = needs.registry.together(() => ({
    updated: functions.update(ref, ref.name, { settings, code }, input.RevisionId),
    published: publishes
      ? functions.publish(ref, ref.name, { toLatestPublished: input.PublishTo !== undefined })
      : undefined,
  }));
  preparation.start(resolve(ref.account, ref.region, ref.name, "$LATEST"));
  needs.retire(ref.account, ref.region, ref.name);
  const { record, latest } = updated;
  if (published === undefined) return { body: configurationOf(record, latest) };
  const { version, made } = published;
  provisioning.apply(ref, ref.name);
  if (made && version.state === "Pending") {
    preparation.start(resolve(ref.account, ref.region, ref.name, version.version));
  }
  return { body: configurationOf(record, version, version.version) };
};
