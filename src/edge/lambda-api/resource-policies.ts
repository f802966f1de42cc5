import { ServiceError } from "../../model/index.ts";
import { PolicyError, parsePolicy } from "../../policy/index.ts";
import type { Registry, Scope } from "../../registry/index.ts";
import type { FunctionRef } from "./function-ref.ts";
import { checkedSize, policyOwner } from "./permissions.ts";

/**
 * The function, version or alias of a full ARN whose policy is asked for or set as a whole. Throws
 * ResourceNotFoundException, and InvalidParameterValueException for what has no policy here.
 */
export function policyResource(arn: string, scope: Scope, registry: Registry): FunctionRef {
  const [, , , region = "", account = "", type = "", name = "", qualifier] = arn.split(":");
  if (type !== "function") {
    // The model allows runtimes too; ours belong to nobody, so nobody can share one.
    throw new ServiceError("InvalidParameterValueException", `Resource policies of ${type} are not supported.`);
  }
  if (region !== scope.region) {
    throw new ServiceError(
      "ResourceNotFoundException",
      `Functions from '${region}' are not reachable in this region ('${scope.region}')`,
    );
  }
  const ref = { account, region, name, qualifier };
  if (qualifier === "$LATEST" || qualifier === "$LATEST.PUBLISHED") {
    throw new ServiceError(
      "InvalidParameterValueException",
      `We currently do not support adding policies for ${qualifier}.`,
    );
  }
  policyOwner(registry, ref);
  return ref;
}

/**
 * Checks a whole policy document and gives it back without needless spaces. Its statements must be about the function
 * that it hangs on: by its ARN, by one of a version or alias, or by a wildcard that covers it.
 */
export function checkedDocument(text: string, arn: string): string {
  const document = checkedSize(compact(text));
  const { statements } = parse(document);
  const base = arn.split(":").slice(0, 7).join(":");
  for (const { resources = [], notResources = [], principals } of statements) {
    for (const resource of [...resources, ...notResources]) {
      if (resource !== "*" && !resource.startsWith(base) && !resource.includes("*")) {
        throw invalid(`The policy's resource ${resource} is not ${base}, nor one of its versions or aliases.`);
      }
    }
    if (principals === undefined) throw invalid("NotPrincipal is not supported in the policy of a function.");
  }
  return document;
}

function compact(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch (cause) {
    throw invalid("The policy is not in the valid JSON format.", cause);
  }
}

function parse(document: string) {
  try {
    return parsePolicy(document, "resource");
  } catch (error) {
    if (error instanceof PolicyError) throw invalid(error.message, error);
    throw error;
  }
}

const invalid = (message: string, cause?: unknown): ServiceError =>
  new ServiceError("InvalidParameterValueException", message, {}, { cause });

export const resourceNotFound = (): ServiceError =>
  new ServiceError("ResourceNotFoundException", "The resource you requested does not exist.");

/** The revision is the policy's own: no change of the function's code or configuration makes it stale. */
export function checkPolicyRevision(current: string | undefined, expected: string | undefined): void {
  if (expected === undefined || expected === current) return;
  throw new ServiceError(
    "PreconditionFailedException",
    "The Revision Id provided does not match the latest Revision Id. Call the GetResourcePolicy API to retrieve the latest Revision Id",
  );
}
