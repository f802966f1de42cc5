import type { CodeSigningConfig } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../model/index.ts";
import {
  type CodeSigningRecord,
  codeSigningArn,
  functionArn,
  type Registry,
  type Scope,
} from "../../registry/index.ts";

/** A code signing configuration as Lambda describes it. */
export function codeSigningView(record: CodeSigningRecord): CodeSigningConfig {
  return {
    CodeSigningConfigId: record.id,
    CodeSigningConfigArn: codeSigningArn(record),
    Description: record.description,
    AllowedPublishers: { SigningProfileVersionArns: [...record.publishers] },
    CodeSigningPolicies: { UntrustedArtifactOnDeployment: record.untrusted },
    LastModified: record.lastModified,
  };
}

/** Of the caller's own account and region; undefined: there is none of that ARN. */
export function findCodeSigning(registry: Registry, scope: Scope, arn: string): CodeSigningRecord | undefined {
  const [, , , region, account, , id = ""] = arn.split(":");
  if (region !== scope.region || account !== scope.account) return undefined;
  return registry.codeSigning.get(account, `${region}/${id}`);
}

/** Throws ResourceNotFoundException, as the operations on configurations do. */
export function codeSigningOf(registry: Registry, scope: Scope, arn: string): CodeSigningRecord {
  const record = findCodeSigning(registry, scope, arn);
  if (record !== undefined) return record;
  throw new ServiceError("ResourceNotFoundException", `The Lambda code signing configuration ${arn} can not be found.`);
}

/** Throws CodeSigningConfigNotFoundException, as the operations on functions do. */
export function codeSigningFor(registry: Registry, scope: Scope, arn: string): CodeSigningRecord {
  const record = findCodeSigning(registry, scope, arn);
  if (record !== undefined) return record;
  throw new ServiceError(
    "CodeSigningConfigNotFoundException",
    `The code signing configuration cannot be found. Check that the provided configuration is not deleted: ${arn}.`,
  );
}

/** ARNs of the functions that have a configuration, sorted. */
export function functionsWith(registry: Registry, configArn: string): string[] {
  return [...registry.functionCodeSigning.everything()]
    .filter(({ document }) => document.configArn === configArn)
    .map(({ name, ...scope }) => functionArn(scope, name))
    .sort();
}

/** A configuration is about zips: images of containers have signatures of another kind (Developer Guide, "Code signing"). */
export const imagesAreNotSigned = (): ServiceError =>
  new ServiceError(
    "InvalidParameterValueException",
    "Code signing is not supported for functions created with container images.",
  );
