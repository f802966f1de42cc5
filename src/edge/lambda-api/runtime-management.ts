import { ServiceError } from "../../model/index.ts";
import { functionArn, type RuntimeManagementRecord, type Scope, type VersionRecord } from "../../registry/index.ts";
import { runtimeVersionArn } from "./configuration.ts";
import { functionRef } from "./function-ref.ts";
import type { LambdaApiNeeds } from "./needs.ts";

/** The version whose runtime is managed: `$LATEST` or a published one. Throws ResourceNotFoundException. */
export function managedVersion(
  input: { readonly FunctionName?: string | undefined; readonly Qualifier?: string | undefined },
  scope: Scope,
  { registry }: Pick<LambdaApiNeeds, "registry">,
) {
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  const version = registry.functions.version(ref, ref.name, ref.qualifier);
  return { ref, version };
}

/** As Lambda describes it; the ARN names the version that was asked for. */
export function runtimeManagementView(
  ref: Scope & { readonly name: string; readonly qualifier: string | undefined },
  record: RuntimeManagementRecord | undefined,
) {
  const arn = functionArn(ref, ref.name);
  return {
    UpdateRuntimeOn: record?.updateRuntimeOn ?? "Auto",
    FunctionArn: ref.qualifier === undefined ? arn : `${arn}:${ref.qualifier}`,
    ...(record?.runtimeVersionArn === undefined ? {} : { RuntimeVersionArn: record.runtimeVersionArn }),
  };
}

/**
 * Each runtime is here in one build, so Manual can only hold what is in use: any other ARN is refused rather than kept and
 * not obeyed. Throws InvalidParameterValueException.
 */
export function checkRuntimeManagement(
  scope: Scope,
  version: VersionRecord,
  { updateRuntimeOn, runtimeVersionArn: wanted }: RuntimeManagementRecord,
): void {
  const invalid = (message: string) => new ServiceError("InvalidParameterValueException", message);
  const { Runtime } = version.settings;
  if (Runtime === undefined) {
    throw invalid("Runtime management configuration is not supported for functions with packageType Image.");
  }
  if (updateRuntimeOn !== "Manual") {
    if (wanted !== undefined) {
      throw invalid(`RuntimeVersionArn cannot be set when UpdateRuntimeOn is ${updateRuntimeOn}.`);
    }
    return;
  }
  if (wanted === undefined) throw invalid("RuntimeVersionArn is required when UpdateRuntimeOn is Manual.");
  if (wanted !== runtimeVersionArn(scope.region, Runtime)) {
    throw invalid(`Runtime version ${wanted} is not available for runtime ${Runtime}.`);
  }
}
