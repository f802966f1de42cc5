import type { ServiceModel } from "./model.ts";

/** An operation found for a request, with the labels of its path, decoded. */
export interface Match {
  readonly operation: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Route {
  readonly operation: string;
  readonly method: string;
  readonly segments: readonly string[];
  /** `find=LayerVersion`: must stand in the query */
  readonly query: readonly [string, string] | undefined;
}

/** Finds the operation of a request. Undefined: there is none. Throws URIError for a label that is not percent-encoded well. */
export type Router = (method: string, path: string, query: URLSearchParams) => Match | undefined;

/** The route table of every operation of the model. */
export function createRouter(model: ServiceModel): Router {
  const routes: Route[] = Object.entries(model.operations).map(([operation, { method, path }]) => {
    const [bare = "", query] = path.split("?");
    const [key = "", value = ""] = query?.split("=") ?? [];
    return { operation, method, segments: segmentsOf(bare), query: query === undefined ? undefined : [key, value] };
  });
  // The more a route demands, the sooner it is tried.
  const demand = (route: Route) =>
    (route.query === undefined ? 0 : 100) + route.segments.filter((segment) => !segment.startsWith("{")).length;
  routes.sort((one, other) => demand(other) - demand(one));

  return (method, path, query) => {
    const segments = segmentsOf(path);
    for (const route of routes) {
      if (route.method !== method || route.segments.length !== segments.length) continue;
      if (route.query !== undefined && query.get(route.query[0]) !== route.query[1]) continue;
      const labels = labelsOf(route.segments, segments);
      if (labels !== undefined) return { operation: route.operation, labels };
    }
    return undefined;
  };
}

/** Older clients end a collection's path with a slash. */
function segmentsOf(path: string): string[] {
  const segments = path.split("/").slice(1);
  if (segments.at(-1) === "") segments.pop();
  return segments;
}

function labelsOf(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index]!;
    if (part.startsWith("{")) labels[part.slice(1, -1)] = decodeURIComponent(segment);
    else if (part !== segment) return undefined;
  }
  return labels;
}
