import { ServiceError } from "../../model/index.ts";
import { egressTag, functionNotFound, type Scope } from "../../registry/index.ts";
import { codeSigningOf } from "./code-signing.ts";
import { providerNamed } from "./managed.ts";
import { getMapping } from "./mappings/mappings.ts";
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

/** Something that has tags. */
export interface Tagged {
  readonly tags: Readonly<Record<string, string>>;
  set(tags: Readonly<Record<string, string>>): void;
  /** a function: its tags decide about its network */
  readonly owner?: { readonly scope: Scope; readonly name: string };
}

/** What an ARN of the tagging operations names. Throws ResourceNotFoundException and its like. */
export function taggedResource(arn: string, scope: Scope, registry: LambdaApiNeeds["registry"]): Tagged {
  const [, , , region = "", account = "", type, name = "", qualifier] = arn.split(":");
  const owner = { account, region };
  if (region !== scope.region) {
    throw new ServiceError(
      "ResourceNotFoundException",
      `Functions from '${region}' are not reachable in this region ('${scope.region}')`,
    );
  }
  if (type === "function") return taggedFunction(owner, name, qualifier, registry);
  if (type === "event-source-mapping") {
    // No policy lets another account in here: its mappings do not exist for the caller.
    const mapping = getMapping(registry, scope, account === scope.account ? name : "");
    return { tags: mapping.tags, set: (tags) => registry.mappings.put({ ...mapping, tags }) };
  }
  if (type === "code-signing-config") {
    const config = codeSigningOf(registry, scope, arn);
    return { tags: config.tags, set: (tags) => registry.codeSigning.put({ ...config, tags }) };
  }
  if (type === "capacity-provider") {
    const provider = providerNamed(registry, scope, arn);
    return { tags: provider.tags, set: (tags) => registry.capacityProviders.put({ ...provider, tags }) };
  }
  throw new ServiceError("NotImplementedException", `Thaw does not implement tags of lambda:${type} yet`);
}

function taggedFunction(
  scope: Scope,
  name: string,
  qualifier: string | undefined,
  { functions }: LambdaApiNeeds["registry"],
): Tagged {
  if (qualifier !== undefined) {
    throw new ServiceError(
      "InvalidParameterValueException",
      "Tags on function aliases and versions are not supported. Please specify a function ARN.",
    );
  }
  const entry = functions.find(scope, name);
  if (entry === undefined) throw functionNotFound(scope, name);
  return { tags: entry.record.tags, set: (tags) => functions.setTags(scope, name, tags), owner: { scope, name } };
}
