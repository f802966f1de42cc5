import { ServiceError } from "../../model/index.ts";
import { egressTag, functionNotFound, type Scope } from "../../registry/index.ts";
import type { LambdaApiNeeds } from "./needs.ts";

/** Most tags of one resource. Source: Developer Guide, "Using tags on Lambda functions". */
const most = 50;

/** Throws InvalidParameterValueException for what Lambda refuses, and for a value of ours that means nothing. */
export function checkTags(tags: Readonly<Record<string, string>>): void {
  const invalid = (message: string) => new ServiceError("InvalidParameterValueException", message);
  const names = Object.keys(tags);
  if (names.length > most) throw invalid("Number of tags exceeds resource tag limit.");
  if (names.some((name) => name.toLowerCase().startsWith("aws:"))) {
    throw invalid("Tag key cannot start with reserved keyword aws:");
  }
  const egress = tags[egressTag];
  if (egress !== undefined && egress !== "on" && egress !== "off") {
    throw invalid(`Tag ${egressTag} must be on or off, not ${egress}`);
  }
}

/** The function that an ARN of the tagging operations names. Throws ResourceNotFoundException and its like. */
export function taggedFunction(
  arn: string,
  scope: Scope,
  registry: LambdaApiNeeds["registry"],
): { readonly scope: Scope; readonly name: string; readonly tags: Readonly<Record<string, string>> } {
  const [, , , region = "", account = "", type, name = "", qualifier] = arn.split(":");
  if (type !== "function") {
    throw new ServiceError("NotImplementedException", `Thaw does not implement tags of lambda:${type} yet`);
  }
  if (qualifier !== undefined) {
    throw new ServiceError(
      "InvalidParameterValueException",
      "Tags on function aliases and versions are not supported. Please specify a function ARN.",
    );
  }
  const owner = { account, region };
  if (region !== scope.region) {
    throw new ServiceError(
      "ResourceNotFoundException",
      `Functions from '${region}' are not reachable in this region ('${scope.region}')`,
    );
  }
  const entry = registry.functions.find(owner, name);
  if (entry === undefined) throw functionNotFound(owner, name);
  return { scope: owner, name, tags: entry.record.tags };
}
