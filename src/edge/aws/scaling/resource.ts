import type { Registry, ScalableTargetRecord, Scope } from "../../../registry/index.ts";
import { JsonError } from "../json.ts";

/** The members that name what is scaled. */
export interface ResourceInput {
  readonly ServiceNamespace: string;
  readonly ResourceId: string;
  readonly ScalableDimension: string;
}

/** A version or an alias whose provisioned concurrency is scaled. */
export interface Resource {
  readonly account: string;
  readonly region: string;
  /** `function:NAME:QUALIFIER` */
  readonly resourceId: string;
  readonly functionName: string;
  readonly qualifier: string;
}

export const dimension = "lambda:function:ProvisionedConcurrency";

/** Throws ValidationException for all that is not provisioned concurrency of a Lambda function. */
export function resourceOf(input: ResourceInput, scope: Scope): Resource {
  if (input.ServiceNamespace !== "lambda" || input.ScalableDimension !== dimension) {
    throw invalid(`Thaw scales the dimension ${dimension} of the service namespace lambda only`);
  }
  const resourceId = input.ResourceId;
  // Nothing that could be mistaken for another part of a key: names hold letters, digits, - and _.
  if (!/^function:[\w-]{1,64}:([\w-]{1,128})$/.test(resourceId)) {
    throw invalid(
      `Unsupported resource ID ${resourceId}: it has the form function:NAME:QUALIFIER, with a version or an alias`,
    );
  }
  return { account: scope.account, region: scope.region, resourceId, ...functionOf({ resourceId }) };
}

/** The function and the version or alias of `function:NAME:QUALIFIER`. */
export function functionOf({ resourceId }: Pick<Resource, "resourceId">): Pick<Resource, "functionName" | "qualifier"> {
  const [, functionName = "", qualifier = ""] = resourceId.split(":");
  return { functionName, qualifier };
}

/** Throws ValidationException unless there is such a version or alias that can have provisioned concurrency. */
export function checkExists(registry: Registry, { resourceId, functionName, qualifier, ...scope }: Resource): void {
  const entry = registry.functions.find(scope, functionName);
  if (entry?.versions.has(qualifier) !== true && entry?.aliases.has(qualifier) !== true) {
    throw invalid(`Lambda resource doesn't exist: ${resourceId}`);
  }
}

/** Key of a target, or of something of it, within an account. */
export const keyOf = ({ region, resourceId }: Pick<Resource, "region" | "resourceId">, part?: string): string =>
  part === undefined ? `${region} ${resourceId}` : `${region} ${resourceId} ${part}`;

/** Throws ObjectNotFoundException in AWS's words. */
export function targetOf(registry: Registry, resource: Resource): ScalableTargetRecord {
  const target = registry.scaling.targets.get(resource.account, keyOf(resource));
  if (target !== undefined) return target;
  throw new JsonError(
    "ObjectNotFoundException",
    `No scalable target registered for service namespace: lambda, resource ID: ${resource.resourceId}, scalable dimension: ${dimension}`,
  );
}

/** The three members of every answer that name what is scaled. */
export const described = (resourceId: string) => ({
  ServiceNamespace: "lambda",
  ResourceId: resourceId,
  ScalableDimension: dimension,
});

/** AWS JSON writes moments as seconds. */
export const seconds = (ms: number): number => ms / 1000;

export const invalid = (message: string): JsonError => new JsonError("ValidationException", message);
