import type { CreateFunctionRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import { noQualifier } from "../../../registry/index.ts";
import { checkLayers, checkTotalSize, takeCode } from "../code-input.ts";
import { codeSigningFor, imagesAreNotSigned } from "../code-signing.ts";
import { checkCodeStorage } from "../code-storage.ts";
import { configurationOf } from "../configuration.ts";
import { functionRef, wholeFunction } from "../function-ref.ts";
import { checkProvider, isPublished } from "../managed.ts";
import type { Operation } from "../operation.ts";
import { checkRuntime } from "../runtime-names.ts";
import { checkPackage, newSettings } from "../settings.ts";
import { admittedCode, checkLayerSignatures } from "../signing.ts";
import { checkTags } from "../tags.ts";
import { validationError, violation } from "../validate.ts";

/** Longest name of a new function; ARNs in other requests may be longer. Source: Developer Guide, API CreateFunction. */
const nameLength = 64;

/** POST /2015-03-31/functions. Prepares code and runtime in the background: State is Pending until then. */
export const createFunction: Operation<CreateFunctionRequest> = async (call) => {
  const { input, scope, needs, preparation, provisioning } = call;
  const { registry, artifacts } = needs;
  const ref = wholeFunction(functionRef(input.FunctionName ?? "", undefined, scope));
  if (ref.name.length > nameLength) {
    const text = `Member must have length less than or equal to ${nameLength}`;
    // Under this code, though the text is the front end's.
    const { message } = validationError([violation(ref.name, "functionName", text)]);
    throw new ServiceError("InvalidParameterValueException", message);
  }
  const settings = newSettings(input, ref.name);
  checkProvider(needs.registry, scope, settings);
  await checkRuntime(artifacts, settings.Runtime);
  checkPackage(settings, input);
  const arns = input.Layers ?? [];
  checkLayers(arns, ref.region);
  const layers = registry.layers.refs(arns);
  checkTags(input.Tags ?? {});
  // Said before the code is looked at, as Lambda does; and again by the registry, for the time it takes to store it.
  if (registry.functions.find(ref, ref.name) !== undefined) {
    throw new ServiceError("ResourceConflictException", `Function already exist: ${ref.name}`);
  }
  checkCodeStorage(registry, ref, input.Code?.ZipFile?.length ?? 0);
  const configArn = input.CodeSigningConfigArn;
  if (configArn !== undefined && settings.PackageType === "Image") throw imagesAreNotSigned();
  const signing = configArn === undefined ? undefined : codeSigningFor(registry, scope, configArn);
  await checkLayerSignatures(needs, signing, layers);
  const code = await admittedCode(needs, signing, ref, await takeCode(needs, call.caller, input.Code ?? {}, settings));
  await checkTotalSize(artifacts, code, layers);
  const published = isPublished(input, settings);
  const { made, version } = registry.together(() => {
    const made = registry.functions.create(ref, ref.name, { settings, code, layers, tags: input.Tags ?? {} });
    if (configArn !== undefined) registry.functionCodeSigning.put(ref, ref.name, noQualifier, { configArn });
    const version = published
      ? registry.functions.publish(ref, ref.name, { toLatestPublished: input.PublishTo !== undefined }).version
      : undefined;
    return { made, version };
  });
  preparation.start(registry.resolve(ref.account, ref.region, ref.name, "$LATEST"));
  if (version !== undefined) preparation.start(registry.resolve(ref.account, ref.region, ref.name, version.version));
  provisioning.apply(ref, ref.name);
  return { body: configurationOf(made.record, version ?? made.latest) };
};
