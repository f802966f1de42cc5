import { type CodeRef, codeSha256, ServiceError } from "../../model/index.ts";
import { type LayerVersionRecord, layerArn, type Scope } from "../../registry/index.ts";
import type { CodeLinks } from "./code-links.ts";

/** A layer as a client names it: its name, or its ARN with or without the version. */
export function layerRef(
  text: string,
  scope: Scope,
): { readonly scope: Scope; readonly name: string; readonly version?: number } {
  const parts = text.split(":");
  if (parts.length < 7) return { scope, name: text };
  const [, , , region = "", account = "", , name = "", version] = parts;
  if (region !== scope.region) {
    throw new ServiceError(
      "ResourceNotFoundException",
      `Layers from '${region}' are not reachable in this region ('${scope.region}')`,
    );
  }
  return { scope: { account, region }, name, ...(version === undefined ? {} : { version: Number(version) }) };
}

/** What lists show of a layer version. */
export function layerSummary(record: LayerVersionRecord) {
  return {
    LayerVersionArn: `${layerArn(record, record.name)}:${record.version}`,
    Version: record.version,
    CreatedDate: record.createdDate,
    Description: record.description ?? "",
    ...(record.compatibleRuntimes === undefined ? {} : { CompatibleRuntimes: record.compatibleRuntimes }),
    ...(record.compatibleArchitectures === undefined
      ? {}
      : { CompatibleArchitectures: record.compatibleArchitectures }),
    ...(record.licenseInfo === undefined ? {} : { LicenseInfo: record.licenseInfo }),
  };
}

/** A layer version as PublishLayerVersion and GetLayerVersion describe it. */
export function layerView(record: LayerVersionRecord, links: CodeLinks, origin: string) {
  return {
    Content: {
      Location: links.link(origin, record.code),
      CodeSha256: codeSha256(record.code),
      CodeSize: record.code.size,
      ...signingView(record.code),
    },
    LayerArn: layerArn(record, record.name),
    ...layerSummary(record),
  };
}

/** Who signed an archive, as configurations show it. */
export function signingView({ signing }: CodeRef) {
  return signing === undefined
    ? {}
    : { SigningProfileVersionArn: signing.profileVersionArn, SigningJobArn: signing.jobArn };
}

/** Do the filters of the two list operations let it through? */
export function layerMatches(
  record: LayerVersionRecord,
  runtime: string | undefined,
  architecture: string | undefined,
): boolean {
  const has = (list: readonly string[] | undefined, wanted: string | undefined) =>
    wanted === undefined || (list ?? []).includes(wanted);
  return has(record.compatibleRuntimes, runtime) && has(record.compatibleArchitectures, architecture);
}

/** Throws InvalidParameterValueException for what is no number of a version. */
export function layerVersionNumber(number: number | undefined): number {
  if (number !== undefined && number >= 1) return number;
  throw new ServiceError("InvalidParameterValueException", "Layer Version Cannot be less than 1");
}

export const layerNotFound = (): ServiceError =>
  new ServiceError("ResourceNotFoundException", "The resource you requested does not exist.");
