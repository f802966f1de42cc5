import { bySpecificity, matched, type Segment, segmentOf } from "../http/select.ts";
import type { RestDefinition, RestMethod, RestResource } from "./records.ts";

/** A method that a request takes, and what its path says of the resource's variables, decoded. */
export interface SelectedMethod {
  readonly resource: RestResource;
  readonly method: RestMethod;
  readonly pathParameters: Readonly<Record<string, string>>;
}

interface Candidate {
  readonly resource: RestResource;
  readonly method: string;
  readonly segments: readonly Segment[];
}

const compiled = new WeakMap<RestDefinition["resources"], readonly Candidate[]>();

/**
 * The most specific resource with a method for a path: text goes before a variable, a variable before a greedy one. Then its method, or
 * ANY. Undefined: none. `segments`: of the path, decoded.
 */
export function selectMethod(
  { resources }: RestDefinition,
  method: string,
  segments: readonly string[],
): SelectedMethod | undefined {
  let candidates = compiled.get(resources);
  if (candidates === undefined) {
    candidates = compile(Object.values(resources));
    compiled.set(resources, candidates);
  }
  for (const { resource, segments: pattern } of candidates) {
    const pathParameters = matched(pattern, segments);
    if (pathParameters === undefined) continue;
    const methods = resource.resourceMethods ?? {};
    const own = Object.hasOwn(methods, method) ? methods[method] : methods.ANY;
    return own === undefined ? undefined : { resource, method: own, pathParameters };
  }
  return undefined;
}

function compile(resources: readonly RestResource[]): readonly Candidate[] {
  return resources
    .filter(({ resourceMethods }) => Object.keys(resourceMethods ?? {}).length > 0)
    .map((resource) => {
      const parts = resource.path === "/" ? [] : resource.path.split("/").slice(1);
      return { resource, method: "", segments: parts.map(segmentOf) };
    })
    .sort(bySpecificity);
}
