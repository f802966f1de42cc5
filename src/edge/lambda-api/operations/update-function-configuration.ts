import type { UpdateFunctionConfigurationRequest } from "@aws-sdk/client-lambda";
import { checkChangeable, checkRevision } from "../../../registry/index.ts";
import { checkLayers, checkTotalSize } from "../code-input.ts";
import { configurationOf } from "../configuration.ts";
import { functionRef, wholeFunction } from "../function-ref.ts";
import { checkProvider } from "../managed.ts";
import type { Operation } from "../operation.ts";
import { checkRuntime } from "../runtime-names.ts";
import { changedSettings, checkPackage } from "../settings.ts";
import { checkLayerSignatures, configOf } from "../signing.ts";

/** PUT /2015-03-31/functions/{FunctionName}/configuration. What the request leaves out stays as it is. */
export const updateFunctionConfiguration: Operation<UpdateFunctionConfigurationRequest> = async (call) => {
  const { input, scope, needs, preparation } = call;
  const { functions, layers, resolve } = needs.registry;
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  const { code, settings: current } = functions.get(ref, ref.name).latest;
  checkPackage(current, input);
  await checkRuntime(needs.artifacts, input.Runtime);
  if (input.Layers !== undefined) {
    checkLayers(input.Layers, ref.region);
    await checkTotalSize(needs.artifacts, code, layers.refs(input.Layers));
    await checkLayerSignatures(needs, configOf(needs, ref), layers.refs(input.Layers));
  }
  // Only now, for it may have changed meanwhile.
  const before = functions.get(ref, ref.name);
  checkChangeable(before);
  checkRevision(before.latest.revisionId, input.RevisionId);
  const settings = changedSettings(before.latest.settings, input, ref.name);
  checkProvider(needs.registry, scope, settings);
  const change = input.Layers === undefined ? { settings } : { settings, layers: layers.refs(input.Layers) };

  preparation.forget(resolve(ref.account, ref.region, ref.name, "$LATEST"));
  const { record, latest } = functions.update(ref, ref.name, change);
  preparation.start(resolve(ref.account, ref.region, ref.name, "$LATEST"));
  needs.retire(ref.account, ref.region, ref.name);
  return { body: configurationOf(record, latest) };
};
