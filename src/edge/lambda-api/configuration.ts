import { createHash } from "node:crypto";
import type { FunctionConfiguration } from "@aws-sdk/client-lambda";
import { codeSha256 } from "../../model/index.ts";
import { type FunctionRecord, functionArn, standingOf, type VersionRecord } from "../../registry/index.ts";
import { signingView } from "./layers.ts";

/** A version as Lambda describes it. `qualifier` is the caller's, and stands in the ARN if there was one. */
export function configurationOf(
  record: FunctionRecord,
  version: VersionRecord,
  qualifier?: string,
): FunctionConfiguration {
  const { Environment, ImageConfig, SnapStart, ...settings } = version.settings;
  const arn = functionArn(record, record.name);
  const view: Record<string, unknown> = {
    ...settings,
    FunctionName: record.name,
    FunctionArn: qualifier === undefined ? arn : `${arn}:${qualifier}`,
    CodeSize: version.code.size,
    CodeSha256: codeSha256(version.code),
    ...signingView(version.code),
    LastModified: version.lastModified,
    Version: version.version,
    RevisionId: version.revisionId,
    SnapStart: { ApplyOn: SnapStart.ApplyOn, OptimizationStatus: version.optimized === true ? "On" : "Off" },
    State: stateOf(version),
  };
  const optional: Record<string, unknown> = {
    Environment: environmentView(Environment),
    ImageConfigResponse: ImageConfig === undefined ? undefined : { ImageConfig },
    Layers:
      version.layers.length === 0
        ? undefined
        : version.layers.map((layer) => ({ Arn: layer.arn, CodeSize: layer.size, ...signingView(layer) })),
    RuntimeVersionConfig:
      settings.Runtime === undefined
        ? undefined
        : { RuntimeVersionArn: runtimeVersionArn(record.region, settings.Runtime) },
    StateReason: version.stateReason,
    StateReasonCode: version.stateReasonCode,
    LastUpdateStatus: version.lastUpdateStatus,
    LastUpdateStatusReason: version.lastUpdateStatusReason,
    LastUpdateStatusReasonCode: version.lastUpdateStatusReasonCode,
  };
  for (const [name, value] of Object.entries(optional)) if (value !== undefined) view[name] = value;
  // Clients take these back by sending them empty, and Lambda does not show an empty one.
  if (settings.KMSKeyArn === "") delete view.KMSKeyArn;
  if (settings.VpcConfig !== undefined) view.VpcConfig = vpcOf(settings.VpcConfig);
  if (isEmptyTarget(settings.DeadLetterConfig)) delete view.DeadLetterConfig;
  return view as FunctionConfiguration;
}

/** `$LATEST` of a function on a capacity provider, and a version without environments, are complete and do not run. */
export function stateOf(version: VersionRecord): string {
  return version.state === "Active" ? (standingOf(version) ?? version.state) : version.state;
}

/** In lists Lambda leaves out how a version is doing. Always qualified, except where all functions are listed. */
export function listedConfiguration(
  record: FunctionRecord,
  version: VersionRecord,
  qualifier?: string,
): FunctionConfiguration {
  const {
    State: _state,
    StateReason: _reason,
    StateReasonCode: _code,
    LastUpdateStatus: _update,
    LastUpdateStatusReason: _updateReason,
    LastUpdateStatusReasonCode: _updateCode,
    RuntimeVersionConfig: _runtime,
    ...listed
  } = configurationOf(record, version, qualifier);
  return listed;
}

/** Without the sealed text of variables that nobody can open any more. */
function environmentView(environment: Readonly<Record<string, unknown>> | undefined) {
  if (environment?.Sealed === undefined) return environment;
  return { Error: environment.Error };
}

/** A function taken out of its VPC shows that it has none; which VPC a subnet belongs to is not known here. */
function vpcOf(given: unknown): Record<string, unknown> {
  const config = { SubnetIds: [], SecurityGroupIds: [], Ipv6AllowedForDualStack: false, ...(given as object) };
  return config.SubnetIds.length === 0 ? { ...config, VpcId: "" } : config;
}

function isEmptyTarget(config: unknown): boolean {
  return typeof config === "object" && config !== null && !(config as { TargetArn?: string }).TargetArn;
}

/** Lambda names a runtime's build by a hash; ours says no more than the runtime's name. */
export function runtimeVersionArn(region: string, runtime: string): string {
  return `arn:aws:lambda:${region}::runtime:${createHash("sha256").update(runtime).digest("hex")}`;
}
